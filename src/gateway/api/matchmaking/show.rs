//! A ticket as it is shown.

use axum::http::StatusCode;
use framekeep_gate::{SharedState, SharedStatus, TicketWish};
use framekeep_matchmaking::{Ended, Hindrance, Match, TicketId, TicketState, TicketView, Why};
use framekeep_protocol::{PlayerId, PlayerName, Role, RoomName};
use serde::Serialize;

use super::problem;
use crate::api::tickets::{self, TicketJson};
use crate::front::Front;
use crate::matchmaking::Matchmaking;
use crate::problem::Problem;

/// A ticket as it is now.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct StatusJson {
    id: String,
    /// waiting, asked, opening (its room is about to be there), matched; lost (it was matched, and the room's node is
    /// gone); or over: cancelled, expired, declined,
    /// no_answer, superseded, unknown_mode.
    state: &'static str,
    /// Another one whenever the state is another: give it to wait for news.
    revision: u32,
    waited_ms: u64,
    /// Why it has no match yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<WhyJson>,
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    of: Option<MatchJson>,
    /// The room of the match.
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<String>,
    /// Where the node of the room serves HTTP and WebSocket, where that may be another node than this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<String>,
    /// For each player of the ticket a pair of tickets for the room, new ones with every answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tickets: Vec<TicketJson>,
    /// For guests: gives a ticket for the same player another time. Keep it to yourself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) guest: Option<String>,
}

/// Why a ticket has no match yet, and what happens next.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct WhyJson {
    /// too_far, too_few, turn, do_not_fit or answers.
    code: &'static str,
    /// The same for people.
    text: String,
    /// How far apart ratings may be for it now.
    rating_allowed: u32,
    /// How far away a region may be for it now.
    latency_allowed_ms: u32,
    /// In how long its limits widen next.
    #[serde(skip_serializing_if = "Option::is_none")]
    widens_in_ms: Option<u64>,
    /// In how long it may start a match with free seats.
    #[serde(skip_serializing_if = "Option::is_none")]
    fewer_in_ms: Option<u64>,
    /// In how long it is over without a match; how long players may answer where they are asked.
    ends_in_ms: u64,
    /// How long it may still take, by what others waited lately.
    #[serde(skip_serializing_if = "Option::is_none")]
    estimate_ms: Option<u64>,
    /// Players of it who have not answered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unanswered: Vec<String>,
}

/// Who plays with whom.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct MatchJson {
    id: u64,
    game: String,
    mode: String,
    /// Empty for the game's default.
    content: String,
    /// Empty where regions do not matter.
    region: String,
    /// Players by team.
    places: Vec<PlaceJson>,
}

/// A player's place in a match.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct PlaceJson {
    player: String,
    team: u8,
    /// By the order of the mode's roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<u8>,
}

impl From<&Match> for MatchJson {
    fn from(of: &Match) -> Self {
        let places = of.places.iter().map(|place| PlaceJson {
            player: place.player.to_string(),
            team: place.team,
            role: place.role,
        });
        Self {
            id: of.id.0,
            game: (*of.game).to_owned(),
            mode: (*of.mode).to_owned(),
            content: (*of.content).to_owned(),
            region: (*of.region).to_owned(),
            places: places.collect(),
        }
    }
}

/// The revision of a ticket, one more when its match has its room.
pub(super) fn revision(view: TicketView, has_room: bool) -> u32 {
    view.revision + u32::from(has_room)
}

/// A ticket as it is now, with tickets for its room if it has one.
pub(super) fn status(front: &Front, matchmaking: &Matchmaking, id: TicketId) -> Result<StatusJson, Problem> {
    let now_ms = matchmaking.now_ms();
    let (mut status, wishes) = {
        let desk = matchmaking.desk();
        let why = desk.matcher.why(now_ms, id).map_err(problem)?;
        let room = desk.room_of(why.view.state).cloned();
        let names = desk.tickets.get(&id).map(|holder| holder.names.as_slice()).unwrap_or_default();
        let party = desk.matcher.ticket(id).map(|ticket| ticket.party.as_slice()).unwrap_or_default();
        let wishes: Vec<_> = party
            .iter()
            .zip(names)
            .filter_map(|(member, name)| room.clone().map(|room| wish(member.player, name, room)))
            .collect();
        let of = match why.view.state {
            TicketState::Asked { of, .. } | TicketState::Matched { of } => desk.matcher.matched(of),
            TicketState::Waiting | TicketState::Ended(_) => None,
        };
        let status = StatusJson {
            id: id.to_string(),
            state: state(why.view.state, room.is_some()),
            revision: revision(why.view, room.is_some()),
            waited_ms: why.waited_ms,
            why: explain(&why, now_ms),
            of: of.map(|of| MatchJson::from(&**of)),
            room: room.map(String::from),
            http: None,
            tickets: Vec::new(),
            guest: None,
        };
        (status, wishes)
    };
    for wish in wishes {
        let minted = front
            .mint
            .mint(&wish)
            .map_err(|failed| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no_ticket", failed.0))?;
        status.tickets.push(tickets::json(&minted, None));
    }
    Ok(status)
}

/// A ticket of the cluster as it is now, with tickets for its room, wherever that is.
pub(super) fn shared(front: &Front, status: SharedStatus) -> Result<StatusJson, Problem> {
    let SharedStatus { ticket, state, revision, waited_ms, why, unanswered, of, room } = status;
    let mut tickets = Vec::new();
    if let Some(at) = &room {
        for (member, name) in ticket.ticket.party.iter().zip(&ticket.names) {
            let minted = front.mint.mint_for(&wish(member.player, name, at.room.clone()), at.udp);
            let minted = minted
                .map_err(|failed| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no_ticket", failed.0))?;
            tickets.push(tickets::json(&minted, None));
        }
    }
    Ok(StatusJson {
        id: ticket.ticket.id.to_string(),
        state: match state {
            SharedState::Waiting => "waiting",
            SharedState::Asked { .. } => "asked",
            SharedState::Opening => "opening",
            SharedState::Matched => "matched",
            SharedState::Lost => "lost",
            SharedState::Ended(ended) => self::state(TicketState::Ended(ended), false),
        },
        revision,
        waited_ms,
        why: match (state, &why) {
            (SharedState::Asked { for_ms }, _) => Some(WhyJson::answers(for_ms, &unanswered)),
            (_, Some(why)) => explain(why, why.view.queued_at_ms + why.waited_ms),
            _ => None,
        },
        of: of.as_ref().map(MatchJson::from),
        http: room.as_ref().map(|at| at.http.clone()).filter(|http| !http.is_empty()),
        room: room.map(|at| String::from(at.room)),
        tickets,
        guest: None,
    })
}

impl WhyJson {
    /// Players are asked, and may answer for so long.
    fn answers(for_ms: u64, unanswered: &[PlayerId]) -> Self {
        Self {
            code: "answers",
            text: match unanswered.len() {
                0 => "others have not said yet that they are there".to_owned(),
                many => format!("{many} players have not said yet that they are there"),
            },
            rating_allowed: 0,
            latency_allowed_ms: 0,
            widens_in_ms: None,
            fewer_in_ms: None,
            ends_in_ms: for_ms,
            estimate_ms: None,
            unanswered: unanswered.iter().map(PlayerId::to_string).collect(),
        }
    }
}

fn wish(player: PlayerId, name: &PlayerName, room: RoomName) -> TicketWish {
    TicketWish { player: Some(player), name: name.clone(), room: Some(room), role: Role::Player }
}

fn state(state: TicketState, has_room: bool) -> &'static str {
    match state {
        TicketState::Waiting => "waiting",
        TicketState::Asked { .. } => "asked",
        TicketState::Matched { .. } if has_room => "matched",
        TicketState::Matched { .. } => "opening",
        TicketState::Ended(Ended::Cancelled) => "cancelled",
        TicketState::Ended(Ended::Expired) => "expired",
        TicketState::Ended(Ended::Declined) => "declined",
        TicketState::Ended(Ended::NoAnswer) => "no_answer",
        TicketState::Ended(Ended::Superseded) => "superseded",
        TicketState::Ended(Ended::UnknownMode) => "unknown_mode",
    }
}

fn explain(why: &Why, now_ms: u64) -> Option<WhyJson> {
    let (code, text) = match why.hindrance {
        Hindrance::None => return None,
        Hindrance::TooFar { nearest_ms, allowed_ms } => (
            "too_far",
            format!("the nearest region is {nearest_ms} ms away, {allowed_ms} ms are allowed by now"),
        ),
        Hindrance::TooFew { there, needed } => (
            "too_few",
            format!("{there} players want this and are near enough in rating, {needed} are needed"),
        ),
        Hindrance::Turn { there, needed } => (
            "turn",
            format!(
                "there are {there} players for {needed} seats: whether they go together is tried in a moment"
            ),
        ),
        Hindrance::DoNotFit { there, needed } => (
            "do_not_fit",
            format!(
                "there are {there} players for {needed} seats, and their parties, roles, blocked players or limits \
                 do not go together yet"
            ),
        ),
        Hindrance::Answers { missing } => {
            ("answers", format!("{missing} players have not said yet that they are there"))
        }
    };
    let from_now = |at_ms: u64| at_ms.saturating_sub(now_ms);
    let ends_at_ms = match why.view.state {
        TicketState::Asked { until_ms, .. } => until_ms,
        _ => why.expires_at_ms,
    };
    Some(WhyJson {
        code,
        text,
        rating_allowed: why.rating_allowed,
        latency_allowed_ms: why.latency_allowed_ms,
        widens_in_ms: why.widens_at_ms.map(from_now),
        fewer_in_ms: why.fewer_at_ms.map(from_now),
        ends_in_ms: from_now(ends_at_ms),
        estimate_ms: why.estimate_ms,
        unanswered: why.unanswered.iter().map(PlayerId::to_string).collect(),
    })
}
