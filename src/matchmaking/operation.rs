//! `Operation`, what can be asked of a matcher, and what comes of it.

use std::sync::Arc;

use framekeep_protocol::PlayerId;
use serde::{Deserialize, Serialize};

use crate::limits::{BACKFILLS_MAX, GUEST_REGIONS_MAX, REGIONS_KNOWN_MAX};
use crate::{Backfill, Ended, Match, MatchId, Ticket, TicketFault, TicketId};

/// What can be asked of a matcher. All of it together, with its times, is the matcher's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// Wait for a match.
    Submit(Ticket),
    /// Wait for a match, since then: another matcher had the ticket before.
    Restore(Ticket, u64),
    /// Do not wait any more.
    Cancel(TicketId),
    /// A player who was asked is there.
    Accept(TicketId, PlayerId),
    /// A player who was asked does not want to play.
    Decline(TicketId, PlayerId),
    /// A match cannot be played, through no fault of its players: they wait again, as long as they have.
    GiveBack(MatchId),
    /// A running room looks for players; what it said before is forgotten.
    OpenBackfill(Backfill),
    /// A running room does not look for players any more.
    CloseBackfill(String),
    /// Form the matches that can be formed.
    Round,
    /// A region that operators name keeps its place, whatever tickets invent.
    NameRegion(String),
    /// As [`Restore`](Self::Restore), for a guest, of whose regions only a few may be new.
    RestoreGuest(Ticket, u64),
    /// Let time pass, and form no matches.
    Wait,
    /// Let tickets into running rooms, and form no matches that need a new one.
    Fill,
}

/// What has come of operations and of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The players of a match are asked whether they are there.
    Asked {
        /// The match.
        of: Arc<Match>,
        /// Until when they may answer.
        until_ms: u64,
    },
    /// A match is to be played.
    Formed(Arc<Match>),
    /// A match is not played.
    FellThrough(MatchId),
    /// A ticket waits again, as long as it has.
    Returned(TicketId),
    /// A ticket is over without a match.
    Ended(TicketId, Ended),
}

/// Why an operation is not done; nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The ticket or room is none.
    #[error(transparent)]
    Fault(#[from] TicketFault),
    /// There is no such mode.
    #[error("there is no mode {mode:?} of the game {game:?}")]
    UnknownMode {
        /// The game.
        game: String,
        /// The mode.
        mode: String,
    },
    /// The mode is not played on that.
    #[error("the mode is not played on {content:?}")]
    UnknownContent {
        /// The content.
        content: String,
    },
    /// The mode has no such role.
    #[error("the mode has no role {role:?}")]
    UnknownRole {
        /// The role.
        role: String,
    },
    /// The mode is not played so fast or slow.
    #[error("the mode is not played at {hz} ticks a second")]
    UnknownTickRate {
        /// What was asked for.
        hz: u16,
    },
    /// The party is too large for the mode.
    #[error("a party of {size}, the mode allows {max}")]
    PartyTooLarge {
        /// Its size.
        size: usize,
        /// The most allowed.
        max: u8,
    },
    /// The roles that the party takes are not those of a team.
    #[error("no team has these roles for all of the party: let players take more roles, or play apart")]
    PartyRoles,
    /// Regions are invented.
    #[error("region {region:?} is not known, and {REGIONS_KNOWN_MAX} are")]
    TooManyRegions {
        /// The region.
        region: String,
    },
    /// Guests have invented as many regions as they may.
    #[error(
        "region {region:?} is not known, and guests have named {GUEST_REGIONS_MAX} like that: name one that the server \
         knows, or try again later"
    )]
    GuestRegions {
        /// The region.
        region: String,
    },
    /// No region is ever near enough.
    #[error("the nearest region is {nearest_ms} ms away, the mode allows {max_ms} at most")]
    TooFar {
        /// The latency of the nearest, in milliseconds.
        nearest_ms: u32,
        /// The most the mode ever allows.
        max_ms: u32,
    },
    /// A player waits by another ticket.
    #[error("player {player} waits by ticket {ticket}: cancel it first")]
    PlayerWaits {
        /// Who.
        player: PlayerId,
        /// By which.
        ticket: TicketId,
    },
    /// Another ticket has this number.
    #[error("ticket {0} says something else than before: give another wish another number")]
    OtherTicket(TicketId),
    /// There are too many tickets.
    #[error("{limit} tickets wait already: try again later")]
    QueueFull {
        /// The limit.
        limit: usize,
    },
    /// There are too many rooms that look for players.
    #[error("{BACKFILLS_MAX} rooms look for players already")]
    TooManyBackfills,
    /// There is no such ticket, or it is forgotten.
    #[error("there is no ticket {0}")]
    UnknownTicket(TicketId),
    /// There is no such match, or it is forgotten.
    #[error("there is no match {0}")]
    UnknownMatch(MatchId),
    /// No room of that name looks for players.
    #[error("no room {0:?} looks for players")]
    UnknownRoom(String),
    /// The player is not of the ticket.
    #[error("player {player} is not of ticket {ticket}")]
    NotOfTicket {
        /// The ticket.
        ticket: TicketId,
        /// Who.
        player: PlayerId,
    },
    /// Nobody is asked for this ticket now.
    #[error("nobody is asked for ticket {0} now")]
    NotAsked(TicketId),
    /// The ticket has its match.
    #[error("ticket {ticket} has its match already")]
    AlreadyMatched {
        /// The ticket.
        ticket: TicketId,
        /// The match.
        of: MatchId,
    },
}
