//! Tickets: for a game's back end with its key, for guests where they are welcome.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use framekeep_gate::{Minted, TicketWish};
use framekeep_protocol::{PlayerId, PlayerName, Role, RoomName};
use serde::{Deserialize, Serialize};

use crate::front::Front;
use crate::problem::{Problem, ProblemJson};
use crate::request::{JsonBody, has_key};
use crate::stats::Refused;
use crate::translate;

/// What guests are known again by is sealed for this purpose.
const GUEST: &str = "guest";

/// What a ticket is wanted for.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTicket {
    /// What others call the player, 1 to 32 bytes.
    name: String,
    /// The only room the ticket is good for.
    room: Option<String>,
    /// Who it is: 16 hexadecimal digits. Only with the API key; without it the name says who it is.
    player: Option<String>,
    /// What a guest was given with an earlier ticket, to be the same player again.
    guest: Option<String>,
    /// To watch and never to play.
    #[serde(default)]
    spectator: bool,
}

/// A pair of tickets; each opens one link.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct TicketJson {
    /// Whose they are: 16 hexadecimal digits.
    player: String,
    /// For how many seconds they are good.
    valid_s: u64,
    websocket: WebSocketTicket,
    udp: UdpTicket,
    /// For guests: gives a ticket for the same player another time. Keep it to yourself.
    #[serde(skip_serializing_if = "Option::is_none")]
    guest: Option<String>,
}

/// A ticket for `authenticate` over a WebSocket.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct WebSocketTicket {
    path: &'static str,
    ticket: String,
}

/// A connect token for UDP.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct UdpTicket {
    address: String,
    /// The connect token in Base64.
    ticket: String,
}

/// Makes tickets: with the API key for any player, without it for guests where they are welcome.
#[utoipa::path(post, path = "/api/v1/tickets", tag = "tickets", request_body = NewTicket,
    security(("key" = []), ()), responses(
    (status = 201, body = TicketJson), (status = 400, body = ProblemJson), (status = 401, body = ProblemJson),
    (status = 403, body = ProblemJson), (status = 422, body = ProblemJson), (status = 429, body = ProblemJson)))]
pub(crate) async fn mint(
    State(front): State<Arc<Front>>,
    headers: HeaderMap,
    JsonBody(new): JsonBody<NewTicket>,
) -> Result<(StatusCode, Json<TicketJson>), Problem> {
    let with_key = has_key(&front, &headers)?;
    let out_of_range = |text: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "out_of_range", text);
    let name = PlayerName::try_from(new.name).map_err(|fault| out_of_range(format!("name: {fault}")))?;
    let room = new.room.map(RoomName::try_from).transpose();
    let room = room.map_err(|fault| out_of_range(format!("room: {fault}")))?;
    let role = if new.spectator { Role::Spectator } else { Role::Player };
    let (player, guest) = if with_key {
        (new.player.map(|text| translate::player_id(&text)).transpose().map_err(out_of_range)?, None)
    } else {
        let (player, guest) = guest(&front, new.player.is_some(), new.guest.as_deref())?;
        (Some(player), Some(guest))
    };
    let wish = TicketWish { player, name, room, role };
    let minted = front.mint.mint(&wish);
    let minted =
        minted.map_err(|failed| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no_ticket", failed.0))?;
    Ok((StatusCode::CREATED, Json(json(&minted, guest))))
}

/// A ticket for whoever operates the server, to watch one room.
pub(crate) fn for_operator(front: &Front, room: RoomName) -> Result<TicketJson, Problem> {
    let failed = |text: String| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no_ticket", text);
    let mut id = [0; 8];
    getrandom::fill(&mut id).map_err(|error| failed(error.to_string()))?;
    let name = PlayerName::try_from("Operator").map_err(|fault| failed(fault.to_string()))?;
    let player = Some(PlayerId(u64::from_be_bytes(id)));
    let minted = front.mint.mint(&TicketWish { player, name, room: Some(room), role: Role::Operator });
    minted.map(|minted| json(&minted, None)).map_err(|error| failed(error.0))
}

pub(super) fn json(minted: &Minted, guest: Option<String>) -> TicketJson {
    TicketJson {
        player: minted.player.to_string(),
        valid_s: minted.valid_s,
        websocket: WebSocketTicket { path: "/ws", ticket: BASE64URL_NOPAD.encode(&minted.web[..]) },
        udp: UdpTicket { address: minted.udp_address.to_string(), ticket: BASE64.encode(&minted.udp) },
        guest,
    }
}

/// Who a guest is: somebody new, or the one whose word says so.
pub(super) fn guest(
    front: &Front,
    names_player: bool,
    word: Option<&str>,
) -> Result<(PlayerId, String), Problem> {
    if !front.live().config.guests || names_player {
        front.stats.refuse(Refused::Unauthorized);
        let detail = "this needs the API key, as `Authorization: Bearer KEY`: guests are not welcome here, or name \
                      a player";
        return Err(Problem::unauthorized(detail));
    }
    if let Some(word) = word {
        let player = known_guest(front, word);
        return player.map(|player| (player, word.to_owned())).ok_or_else(|| {
            front.stats.refuse(Refused::Unauthorized);
            Problem::forbidden(
                "unknown_guest",
                "this is no guest of this server: leave `guest` out to be a new one",
            )
        });
    }
    let mut id = [0; 8];
    getrandom::fill(&mut id)
        .map_err(|error| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no_ticket", error.to_string()))?;
    let mut bytes = id.to_vec();
    bytes.extend_from_slice(&front.mint.seal(GUEST, &id)[..16]);
    Ok((PlayerId(u64::from_be_bytes(id)), BASE64URL_NOPAD.encode(&bytes)))
}

fn known_guest(front: &Front, word: &str) -> Option<PlayerId> {
    let bytes: [u8; 24] = BASE64URL_NOPAD.decode(word.as_bytes()).ok()?.try_into().ok()?;
    let (id, seal) = bytes.split_at(8);
    let expected = front.mint.seal(GUEST, id);
    let differences = seal.iter().zip(expected).fold(0, |all, (a, b)| all | (a ^ b));
    let is_ours = std::hint::black_box(differences) == 0;
    is_ours.then(|| PlayerId(u64::from_be_bytes(id.try_into().unwrap_or_default())))
}
