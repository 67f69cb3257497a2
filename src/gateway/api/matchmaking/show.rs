//! A ticket as it is shown.

use axum::http::StatusCode;
use framekeep_gate::{SharedState, SharedStatus, TicketWish};
use framekeep_matchmaking::{Ended, Hindrance, Match, TicketId, TicketState, TicketView, Why};
use framekeep_protocol::{PlayerId, PlayerName, Role, RoomName};
use serde::Serialize;

use super::problem;
use crate::api::tickets::{self, TicketJson};
use crate::front::Front;
use crate::matchmaking::{Matchmaking, has_no_rooms};
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
    /// not_yet (nobody has looked at it), too_far, too_few, turn, do_not_fit, answers, no_rooms (no node can have a
    /// room for a match); too_many_regions, queue_full, unknown_mode (whoever forms the matches does not take it in
    /// for that), elsewhere (this node does not have its mode).
    code: &'static str,
    /// The same for people.
    text: String,
    /// How far apart ratings may be for it now; left out where they may be as far apart as they like.
    #[serde(skip_serializing_if = "Option::is_none")]
    rating_allowed: Option<u32>,
    /// How far away a region may be for it now; left out where regions may be anywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_allowed_ms: Option<u32>,
    /// In how long its limits widen next.
    #[serde(skip_serializing_if = "Option::is_none")]
    widens_in_ms: Option<u64>,
    /// In how long it may start a match with free seats.
    #[serde(skip_serializing_if = "Option::is_none")]
    fewer_in_ms: Option<u64>,
    /// In how long it is over without a match; how long players may answer where they are asked.
    ends_in_ms: u64,
    /// How long it may still take, by what others waited lately; left out once it has waited for as long.
    #[serde(skip_serializing_if = "Option::is_none")]
    estimate_ms: Option<u64>,
    /// How many players of the match have said that they are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    answered: Option<u32>,
    /// How many are asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    asked: Option<u32>,
    /// Players of the ticket who have not answered.
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
        let mut why = desk.matcher.why(now_ms, id).map_err(problem)?;
        if why.view.state == TicketState::Waiting && has_no_rooms(front) {
            why.hindrance = Hindrance::NoRooms;
        }
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
            (SharedState::Asked { for_ms, there, of }, _) => {
                Some(WhyJson::answers(for_ms, (there, of), &unanswered))
            }
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
    /// So many players of so many have answered; the others may for so long.
    fn answers(for_ms: u64, (there, of): (u32, u32), unanswered: &[PlayerId]) -> Self {
        Self {
            code: "answers",
            text: have_answered(there, of),
            rating_allowed: None,
            latency_allowed_ms: None,
            widens_in_ms: None,
            fewer_in_ms: None,
            ends_in_ms: for_ms,
            estimate_ms: None,
            answered: Some(there),
            asked: Some(of),
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
    let (code, text) = told(why.hindrance)?;
    let from_now = |at_ms: u64| at_ms.saturating_sub(now_ms);
    let ends_at_ms = match why.view.state {
        TicketState::Asked { until_ms, .. } => until_ms,
        _ => why.expires_at_ms,
    };
    let (answered, asked) = match why.hindrance {
        Hindrance::Answers { there, of } => (Some(there), Some(of)),
        _ => (None, None),
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
        answered,
        asked,
        unanswered: why.unanswered.iter().map(PlayerId::to_string).collect(),
    })
}

fn have_answered(there: u32, of: u32) -> String {
    format!(
        "{there} of {} {} said that they are there",
        counted(of, "player"),
        if there == 1 { "has" } else { "have" }
    )
}

/// So many of them.
fn counted(count: u32, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

fn players_who(count: u32, does: &str, do_: &str) -> String {
    format!("{} {}", counted(count, "player"), if count == 1 { does } else { do_ })
}

fn for_seats(there: u32, needed: u32) -> String {
    let are = if there == 1 { "is" } else { "are" };
    format!("{are} {} for {}", counted(there, "player"), counted(needed, "seat"))
}

/// What keeps a ticket waiting, for programs and for people.
fn told(hindrance: Hindrance) -> Option<(&'static str, String)> {
    let said = |code, text: &str| Some((code, text.to_owned()));
    match hindrance {
        Hindrance::None => None,
        Hindrance::TooFar { nearest_ms, allowed_ms } => Some((
            "too_far",
            format!("the nearest region is {nearest_ms} ms away, {allowed_ms} ms are allowed by now"),
        )),
        Hindrance::NotYet => said("not_yet", "it has not been looked at yet: that is done in a moment"),
        Hindrance::TooFew { there, needed } => {
            Some(("too_few", format!("{} this, {needed} are needed", players_who(there, "wants", "want"))))
        }
        Hindrance::Turn { there, needed } => Some((
            "turn",
            format!("there {}: whether they go together is tried in a moment", for_seats(there, needed)),
        )),
        Hindrance::DoNotFit { there, needed } => Some((
            "do_not_fit",
            format!(
                "there {}, and their ratings, parties, roles, blocked players or limits do not go together yet",
                for_seats(there, needed)
            ),
        )),
        Hindrance::Answers { there, of } => Some(("answers", have_answered(there, of))),
        Hindrance::Regions { of_guests: true } => said(
            "too_many_regions",
            "guests have named too many regions that nobody else names: it waits until one of them is free, or take it \
             back and name another one",
        ),
        Hindrance::Regions { of_guests: false } => said(
            "too_many_regions",
            "too many regions are named by those who wait: it waits until one of them is free, or take it back and \
             name another one",
        ),
        Hindrance::Crowd => said(
            "queue_full",
            "too many tickets wait, or a player of it waits by another one: it waits until that is over",
        ),
        Hindrance::UnknownMode => said(
            "unknown_mode",
            "the node that forms the matches does not have this mode, or has another one of its name: the ticket ends \
             if that stays so",
        ),
        Hindrance::Elsewhere => {
            said("elsewhere", "this node does not have its mode: others say why it waits")
        }
        Hindrance::NoRooms => said(
            "no_rooms",
            "no node can have a room for a match now: all are gateways, full, draining, or have other modes",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_player_is_not_many() {
        let text = |hindrance| told(hindrance).unwrap().1;
        let few = |there| text(Hindrance::TooFew { there, needed: 2 });
        assert_eq!(few(1), "1 player wants this, 2 are needed");
        assert_eq!(few(0), "0 players want this, 2 are needed");
        let turn = text(Hindrance::Turn { there: 1, needed: 1 });
        assert!(turn.starts_with("there is 1 player for 1 seat: "), "{turn}");
        let misfit = text(Hindrance::DoNotFit { there: 3, needed: 2 });
        assert!(misfit.starts_with("there are 3 players for 2 seats, and their ratings"), "{misfit}");
        let answers = |there, of| text(Hindrance::Answers { there, of });
        assert_eq!(answers(1, 4), "1 of 4 players has said that they are there");
        assert_eq!(answers(0, 1), "0 of 1 player have said that they are there");
    }
}
