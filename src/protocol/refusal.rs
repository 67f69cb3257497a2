//! `Refusal`, why the server did not do what it was asked.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::{ClosedReason, PlayerId, RoomName, RoomPhase};

/// Why the server did not do what it was asked. Each message names the value and the way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// The client speaks another version of the protocol.
    #[error("this server speaks protocol version {server}, your client {client}: use the build that matches")]
    WrongVersion {
        /// The server's version.
        server: u16,
        /// The client's version.
        client: u16,
    },
    /// The client's rules behave differently from the server's.
    #[error(
        "the rules of {game} differ: fingerprint {server:016x} on the server, {client:016x} here: \
         use the same build of the game on both sides"
    )]
    WrongRules {
        /// The game.
        game: String,
        /// The fingerprint of the server's rules.
        server: u64,
        /// The fingerprint of the client's rules.
        client: u64,
    },
    /// The server does not know the game.
    #[error("this server has no game {game:?}; it has: {known}")]
    UnknownGame {
        /// The game that was asked for.
        game: String,
        /// Those there are, separated by commas.
        known: String,
    },
    /// The server does not know the content file.
    #[error("the game {game} has no content {content:?} on this server; it has: {known}")]
    UnknownContent {
        /// The game.
        game: String,
        /// The content that was asked for.
        content: String,
        /// Those there are, separated by commas.
        known: String,
    },
    /// Every seat is taken.
    #[error("all {seats} seats of the room {room} are taken: join another room or create one")]
    RoomFull {
        /// The room.
        room: RoomName,
        /// How many seats it has.
        seats: u8,
    },
    /// There is no such room.
    #[error("there is no room {room}: create it by giving options with its name")]
    NoSuchRoom {
        /// The name that was asked for.
        room: RoomName,
    },
    /// The player is in a room.
    #[error("you are in the room {room}: leave it first")]
    AlreadyInRoom {
        /// The room.
        room: RoomName,
    },
    /// The player is in no room.
    #[error("you are in no room: join one first")]
    NotInRoom,
    /// Only the host may do this.
    #[error("only the host of the room may do this")]
    NotHost,
    /// The room's code is another.
    #[error("the room {room} is private and this is not its code: ask its host")]
    WrongCode {
        /// The room.
        room: RoomName,
    },
    /// The host lets nobody else in.
    #[error("the room {room} is locked: ask its host to unlock it, or join another one")]
    RoomLocked {
        /// The room.
        room: RoomName,
    },
    /// The host has banned the player.
    #[error("the host of the room {room} has banned you from it: join another one")]
    Banned {
        /// The room.
        room: RoomName,
    },
    /// As many watch as may.
    #[error("{limit} may watch the room {room} and do: try again later")]
    SpectatorsFull {
        /// The room.
        room: RoomName,
        /// The limit.
        limit: u8,
    },
    /// Not for somebody who watches.
    #[error("you only watch this room: leave it and join with a seat")]
    NotForSpectators,
    /// Only the server does this.
    #[error("only the server may do this")]
    NotForPlayers,
    /// Somebody is not ready.
    #[error("{missing} of {players} players are not ready: wait for them")]
    NotReady {
        /// How many are not.
        missing: u8,
        /// How many there are.
        players: u8,
    },
    /// Too few players are there.
    #[error("{players} players are there, the game needs {needed}: wait for more")]
    TooFewPlayers {
        /// How many there are.
        players: u8,
        /// How many are needed.
        needed: u8,
    },
    /// That player has no seat here.
    #[error("the player {player} has no seat in this room")]
    NoSuchMember {
        /// The player.
        player: PlayerId,
    },
    /// That player is the asker.
    #[error("this cannot be done to oneself: leave the room instead")]
    NotToOneself,
    /// More players are banned than are remembered.
    #[error(
        "{limit} players are banned from this room, which is all it remembers: close it and open another"
    )]
    TooManyBans {
        /// The limit.
        limit: u8,
    },
    /// The room is not in a phase in which this can be done.
    #[error("this cannot be done while the room is {phase}: wait until it has moved on")]
    WrongPhase {
        /// The phase it is in.
        phase: RoomPhase,
    },
    /// The game is not played by that many.
    #[error("{asked} seats were asked for, the game is played by {min} to {max}")]
    SeatsOutOfRange {
        /// What was asked for.
        asked: u8,
        /// The fewest.
        min: u8,
        /// The most.
        max: u8,
    },
    /// The server does not play at that rate.
    #[error("a rate of {asked} was asked for, this server allows {min} to {max}")]
    RateOutOfRange {
        /// What was asked for.
        asked: u16,
        /// The lowest.
        min: u16,
        /// The highest.
        max: u16,
    },
    /// The server has as many rooms as it may have.
    #[error("this server has its limit of {limit} rooms: join one of them or try another server")]
    TooManyRooms {
        /// The limit.
        limit: u32,
    },
    /// The server has as many players as it may have.
    #[error("this server has its limit of {limit} players: try again later or another server")]
    ServerFull {
        /// The limit.
        limit: u32,
    },
    /// The server is about to stop.
    #[error("this server is shutting down: try again in a minute or another server")]
    ShuttingDown,
    /// The hello does not echo the nonce of the welcome.
    #[error("the hello does not echo the nonce of this link's welcome: connect again")]
    BadNonce,
    /// A message could not be read or came at the wrong time.
    #[error("a message could not be read or came before the hello: use a client of this protocol version")]
    BadMessage,
    /// The ticket was used before.
    #[error("this ticket has been used: get a new one, each is good for one connection")]
    TicketReused,
    /// The ticket is not signed by this server, or belongs to somebody else.
    #[error("this ticket is not for you or not of this server: get one from the server you connect to")]
    TicketForeign,
    /// The ticket's time is over.
    #[error("this ticket expired {ago_s} s ago: get a new one and use it at once")]
    TicketExpired {
        /// How long ago, in seconds.
        ago_s: u64,
    },
    /// The link asks faster than the server answers.
    #[error("too many requests: at most {limit} within {within_s} s are answered")]
    TooFast {
        /// The limit.
        limit: u32,
        /// The time it is for, in seconds.
        within_s: u32,
    },
    /// The room was closed a while ago, and its name is not free yet.
    #[error("the room {room} is closed ({reason}): its name is free in {free_in_s} s, or take another one")]
    RoomClosed {
        /// The room.
        room: RoomName,
        /// Why it was closed.
        reason: ClosedReason,
        /// When its name is free again, in seconds.
        free_in_s: u32,
    },
    /// The room has started as many matches as it may for a while.
    #[error(
        "this room has started {limit} matches within a minute, which is the limit: try again in {wait_s} s"
    )]
    TooManyMatches {
        /// The limit.
        limit: u32,
        /// When the next match may start, in seconds.
        wait_s: u32,
    },
    /// The room goes on at another node; a redirect follows.
    #[error("the room {room} goes on at another node: follow the redirect to it")]
    RoomMoved {
        /// The room.
        room: RoomName,
    },
    /// The room was at a node that is gone.
    #[error(
        "the room {room} is lost: its node is gone; it opens again if that node comes back, else take another name"
    )]
    RoomLost {
        /// The room.
        room: RoomName,
    },
    /// Rooms whose names begin so are opened by the server only.
    #[error(
        "the name {room} is one of those that matchmaking gives: take one that does not begin with {prefix:?}"
    )]
    NameReserved {
        /// The name that was asked for.
        room: RoomName,
        /// What it may not begin with.
        prefix: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_value_and_the_way_out() {
        let text = Refusal::WrongVersion { server: 1, client: 7 }.to_string();
        assert_eq!(text, "this server speaks protocol version 1, your client 7: use the build that matches");
        let text = Refusal::WrongRules { game: "arena".into(), server: 0xabc, client: 1 }.to_string();
        assert!(text.contains("0000000000000abc") && text.contains("0000000000000001"), "{text}");
    }
}
