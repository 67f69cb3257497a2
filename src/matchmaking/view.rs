//! What can be seen of tickets and queues.

use framekeep_protocol::PlayerId;
use serde::{Deserialize, Serialize};

use crate::{MatchId, TicketId};

/// How a ticket ended without a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ended {
    /// Somebody took it back.
    Cancelled,
    /// It waited as long as it may.
    Expired,
    /// A player of it was asked and does not want to play.
    Declined,
    /// A player of it was asked and did not answer.
    NoAnswer,
    /// Its match fell through, and a player of it has another ticket by now.
    Superseded,
    /// Of several nodes the one that forms the matches does not have its mode.
    UnknownMode,
}

/// Where a ticket is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TicketState {
    /// It waits for others.
    Waiting,
    /// Its players are asked whether they are there.
    Asked {
        /// For which match.
        of: MatchId,
        /// Until when they may answer.
        until_ms: u64,
    },
    /// It has a match.
    Matched {
        /// Which.
        of: MatchId,
    },
    /// It has none and gets none.
    Ended(Ended),
}

/// What can be seen of a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketView {
    /// The ticket.
    pub id: TicketId,
    /// Where it is in its life.
    pub state: TicketState,
    /// How often that has changed: who watches asks for a higher one.
    pub revision: u32,
    /// Since when it has been waiting.
    pub queued_at_ms: u64,
}

/// What keeps a ticket waiting. Of the last five the matcher itself says nothing: they are for those who have a ticket
/// that no matcher has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hindrance {
    /// Nothing; it is not waiting.
    None,
    /// No region is near enough yet, or at all.
    TooFar {
        /// The latency of the nearest, in milliseconds.
        nearest_ms: u32,
        /// What is allowed now.
        allowed_ms: u32,
    },
    /// It has not been looked at yet: the next round does.
    NotYet,
    /// Too few players want the same.
    TooFew {
        /// How many there are with those of the ticket, where there are most.
        there: u32,
        /// How many a match needs.
        needed: u32,
    },
    /// There are enough; whether they go together is tried when its turn comes, in one of the next rounds.
    Turn {
        /// How many there are with those of the ticket.
        there: u32,
        /// How many a match needs.
        needed: u32,
    },
    /// There are enough, and their ratings, parties, roles, blocked players or limits do not go together.
    DoNotFit {
        /// How many there are with those of the ticket.
        there: u32,
        /// How many a match needs.
        needed: u32,
    },
    /// Its match waits for players to say that they are there.
    Answers {
        /// How many of all of its players have said so.
        there: u32,
        /// How many it has.
        of: u32,
    },
    /// It names regions that nobody else does, and there are too many such.
    Regions {
        /// Whether it is a guest's, for whom there are fewer.
        of_guests: bool,
    },
    /// There are too many tickets, or one of its players waits by another one.
    Crowd,
    /// Nobody who forms matches has its mode.
    UnknownMode,
    /// The node that was asked does not have its mode: others know more.
    Elsewhere,
    /// There may be enough players, but no node can have a room for them.
    NoRooms,
}

/// Why a ticket has no match yet, and what happens next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// The ticket.
    pub view: TicketView,
    /// How long it has been waiting.
    pub waited_ms: u64,
    /// What keeps it waiting.
    pub hindrance: Hindrance,
    /// How far apart ratings may be for it now; `None` if they may be as far apart as they like.
    pub rating_allowed: Option<u32>,
    /// How far away a region may be for it now, in milliseconds; `None` if regions may be anywhere.
    pub latency_allowed_ms: Option<u32>,
    /// When its limits widen next; `None` if they are as wide as they get.
    pub widens_at_ms: Option<u64>,
    /// From when on it may start a match with free seats; `None` if never.
    pub fewer_at_ms: Option<u64>,
    /// When it ends without a match.
    pub expires_at_ms: u64,
    /// How long it may still take, by what others waited lately; `None` if nobody did, or this one has waited as long.
    pub estimate_ms: Option<u64>,
    /// Players of it who were asked and have not answered.
    pub unanswered: Vec<PlayerId>,
}

impl Why {
    /// Why a ticket waits that no matcher has taken in: nothing is known but that.
    #[must_use]
    pub fn held_up(view: TicketView, waited_ms: u64, expires_at_ms: u64, hindrance: Hindrance) -> Self {
        Self {
            view,
            waited_ms,
            hindrance,
            rating_allowed: None,
            latency_allowed_ms: None,
            widens_at_ms: None,
            fewer_at_ms: None,
            expires_at_ms,
            estimate_ms: None,
            unanswered: Vec::new(),
        }
    }

    /// How long it may still take where half of the last tickets waited that long.
    #[must_use]
    pub fn estimate(usual_ms: Option<u64>, waited_ms: u64) -> Option<u64> {
        usual_ms?.checked_sub(waited_ms).filter(|left_ms| *left_ms > 0)
    }
}

/// Who waits for the same: for a mode, tick rate, region and content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneView {
    /// The game.
    pub game: String,
    /// The mode.
    pub mode: String,
    /// Ticks a second; 0 for the server's default.
    pub tick_rate_hz: u16,
    /// The region; empty for those who name none.
    pub region: String,
    /// The content; empty for the game's default.
    pub content: String,
    /// How many players.
    pub players: u64,
}

/// The names of regions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionsView {
    /// Those that are in use, or stay without.
    pub used: Vec<String>,
    /// How many more there may be.
    pub free: usize,
    /// How many more guests may name.
    pub free_for_guests: usize,
}

/// How one queue is: the tickets of a mode and tick rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueView {
    /// The game.
    pub game: String,
    /// The mode.
    pub mode: String,
    /// Ticks a second; 0 for the server's default.
    pub tick_rate_hz: u16,
    /// Tickets that wait.
    pub tickets: u64,
    /// Players of them.
    pub players: u64,
    /// Matches from the beginning whose rooms were opened.
    pub formed: u64,
    /// Tickets of them.
    pub matched: u64,
    /// Tickets that waited as long as they may.
    pub expired: u64,
    /// What half of the last tickets waited at most, in milliseconds.
    pub wait_ms_p50: Option<u64>,
    /// What 99 of 100 of them waited at most, in milliseconds.
    pub wait_ms_p99: Option<u64>,
}
