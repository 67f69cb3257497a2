//! `Reason`, why something did not work out, for programs and for players.

use framekeep_protocol::{CloseReason, LeftReason, Refusal};
use framekeep_rollback::StartError;

use crate::{LinkEnd, TicketFault, TokenError};

/// Why something did not work out. [`Reason::sentence`] is for players, [`std::fmt::Display`] for logs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The server did not do what it was asked.
    #[error("{0}")]
    Refused(Refusal),
    /// The link is over.
    #[error("{0}")]
    Link(LinkEnd),
    /// The server closes the link.
    #[error("the server closes the link: {0:?}")]
    Closing(CloseReason),
    /// There is no ticket to connect with.
    #[error(transparent)]
    NoTicket(TicketFault),
    /// The ticket cannot be used.
    #[error(transparent)]
    BadTicket(TokenError),
    /// The system gives no socket.
    #[error("no socket: {0}")]
    Socket(String),
    /// The match cannot be played by this build.
    #[error("{0}")]
    Unplayable(StartError),
    /// The player is no longer in the room.
    #[error("no longer in the room: {0:?}")]
    Left(LeftReason),
    /// There is no link on which the server could be asked.
    #[error("there is no connection to a server: connect first, or wait until it is back")]
    NotConnected,
    /// As many attempts to connect as are allowed have failed.
    #[error("{0} attempts to connect have failed")]
    GaveUp(u32),
}

impl Reason {
    /// A sentence that a player can read and act on.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::Refused(refusal) => refused(refusal),
            Self::Link(end) => link_ended(end),
            Self::Closing(reason) => closing(*reason).to_owned(),
            Self::NoTicket(TicketFault::Refused(why)) => format!("You cannot join right now: {why}."),
            Self::NoTicket(_) | Self::BadTicket(_) => {
                "Your pass for this server is missing or no longer valid. Please log in again.".to_owned()
            }
            Self::Socket(_) => "This device has no network connection.".to_owned(),
            Self::Unplayable(_) => {
                "This match needs another version of the game. Please update and try again.".to_owned()
            }
            Self::Left(LeftReason::Removed) => "You were removed from the room.".to_owned(),
            Self::Left(LeftReason::Idle) => {
                "You did nothing for too long, and your seat was given up.".to_owned()
            }
            Self::Left(LeftReason::Elsewhere) => {
                "The room was opened twice, and the other one stays. Join it again to go there.".to_owned()
            }
            Self::Left(LeftReason::RoomClosed) => "The room was closed.".to_owned(),
            Self::Left(LeftReason::Lost) => "You were away too long; your seat is free again.".to_owned(),
            Self::Left(LeftReason::Asked) => "You have left the room.".to_owned(),
            Self::NotConnected => "You are not connected right now.".to_owned(),
            Self::GaveUp(_) => "The server cannot be reached. Please try again later.".to_owned(),
        }
    }

    /// Whether trying again cannot help.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Refused(refusal) => matches!(
                refusal,
                Refusal::WrongVersion { .. }
                    | Refusal::WrongRules { .. }
                    | Refusal::UnknownGame { .. }
                    | Refusal::TicketForeign
            ),
            Self::Link(LinkEnd::Refused(refusal)) => Self::Refused(refusal.clone()).is_final(),
            Self::Link(end) => *end == LinkEnd::ClosedHere,
            Self::Closing(reason) => {
                matches!(
                    reason,
                    CloseReason::TakenOver | CloseReason::Kicked | CloseReason::Idle | CloseReason::Desynced
                )
            }
            Self::NoTicket(fault) => matches!(fault, TicketFault::Used | TicketFault::None),
            Self::GaveUp(_) => true,
            _ => false,
        }
    }
}

fn refused(refusal: &Refusal) -> String {
    match refusal {
        Refusal::WrongVersion { .. } | Refusal::WrongRules { .. } => {
            "Your game and the server do not have the same version. Please update and try again.".to_owned()
        }
        Refusal::RoomFull { room, seats } => format!("All {seats} seats in {room} are taken."),
        Refusal::NoSuchRoom { room } => format!("There is no room called {room}."),
        Refusal::AlreadyInRoom { room } => format!("You are in the room {room}. Leave it first."),
        Refusal::NotHost => "Only the host of the room can do this.".to_owned(),
        Refusal::WrongCode { room } => format!("This is not the code of the room {room}."),
        Refusal::RoomLocked { room } => format!("The host has locked the room {room}."),
        Refusal::Banned { room } => format!("You may not come back to the room {room}."),
        Refusal::NotReady { missing, .. } => format!("{missing} of the players are not ready yet."),
        Refusal::TooFewPlayers { players, needed } => {
            format!("Players needed: {needed}; so far: {players}.")
        }
        Refusal::TooManyRooms { .. } | Refusal::ServerFull { .. } => {
            "The server is full. Please try again later.".to_owned()
        }
        Refusal::ShuttingDown => "The server is restarting. Please try again in a minute.".to_owned(),
        Refusal::TicketReused | Refusal::TicketForeign | Refusal::TicketExpired { .. } => {
            "Your pass for this server is no longer valid. Please log in again.".to_owned()
        }
        Refusal::TooManyMatches { wait_s, .. } => {
            format!("This room has started many matches. The next one can start in {wait_s} seconds.")
        }
        Refusal::TooFast { .. } => "That was too fast. Please wait a moment.".to_owned(),
        Refusal::BadNonce | Refusal::BadMessage => {
            "The server did not understand this game. Please update and try again.".to_owned()
        }
        // The others read like sentences as they are.
        other => sentence(&other.to_string()),
    }
}

fn link_ended(end: &LinkEnd) -> String {
    match end {
        LinkEnd::Refused(refusal) => return refused(refusal),
        LinkEnd::NoAnswer => "The server does not answer. Please check your network.",
        LinkEnd::TimedOut => "The connection to the server was lost.",
        LinkEnd::Denied => "The server is full. Please try again later.",
        LinkEnd::TokenExpired => "It took too long to connect. Please try again.",
        LinkEnd::ClosedHere => "You have disconnected.",
        LinkEnd::ClosedByServer => "The server has closed the connection.",
        LinkEnd::Fault(_) | LinkEnd::BadMessage(_) => {
            "The connection was damaged and had to be closed. Please try again."
        }
    }
    .to_owned()
}

const fn closing(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::ShuttingDown => "The server was shut down.",
        CloseReason::Restarting => "The server is restarting. Please wait a moment.",
        CloseReason::TakenOver => "You have connected from somewhere else.",
        CloseReason::Idle => "You were away too long and were disconnected.",
        CloseReason::Kicked => "You were removed from the server.",
        CloseReason::TooSlow => "Your connection is too slow for this server.",
        CloseReason::Faulty => "The connection was damaged and had to be closed. Please try again.",
        CloseReason::Moved => "The room goes on at another server.",
        CloseReason::Desynced => {
            "Your game does not agree with the server. Please update it, or check its files, and try again."
        }
    }
}

/// The text with a capital at its beginning and a full stop at its end.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    let mut sentence: String = first.into_iter().flatten().chain(letters).collect();
    if !sentence.ends_with('.') {
        sentence.push('.');
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_reads_like_a_sentence() {
        let room = || "den".parse().unwrap();
        let reasons = [
            Reason::Refused(Refusal::RoomFull { room: room(), seats: 4 }),
            Reason::Refused(Refusal::NotToOneself),
            Reason::Refused(Refusal::WrongRules { game: "tag".into(), server: 1, client: 2 }),
            Reason::Link(LinkEnd::Refused(Refusal::ShuttingDown)),
            Reason::Closing(CloseReason::Kicked),
            Reason::NoTicket(TicketFault::None),
            Reason::Left(LeftReason::Lost),
            Reason::Left(LeftReason::Idle),
            Reason::Left(LeftReason::Elsewhere),
            Reason::GaveUp(20),
        ];
        for reason in reasons {
            let text = reason.sentence();
            assert!(text.starts_with(char::is_uppercase) && text.ends_with('.'), "{text}");
            assert!(!text.contains("fingerprint") && !text.contains("token"), "{text}");
        }
    }
}
