//! `Ticket`, who a client is and what it may do: the 256-byte user data of the netcode connect token.
//!
//! | bytes | field |
//! |---|---|
//! | 0 | layout version, 1 |
//! | 1 | role: 0 player, 1 spectator, 2 operator |
//! | 2 | length of the name, 1 to 32 |
//! | 3 | length of the room's name, 0 (no room) to 64 |
//! | 4..8 | zero |
//! | 8..24 | token id |
//! | 24..32 | player id |
//! | 32..40 | issued at, seconds since 1970 |
//! | 40..48 | expires at, seconds since 1970 |
//! | 48..80 | name, filled up with zeros |
//! | 80..144 | room name, filled up with zeros |
//! | 144..224 | zero |
//! | 224..256 | HMAC-SHA-256 over bytes 0..224 |
//!
//! Integers are little-endian. There is one encoding of a ticket: whatever else is refused.

use serde::{Deserialize, Serialize};

use crate::{NameFault, PLAYER_NAME_BYTES_MAX, PlayerId, PlayerName, ROOM_NAME_BYTES_MAX, RoomName, TokenId};

/// Bytes of a ticket: all of netcode's user data.
pub const TICKET_BYTES: usize = 256;

/// Bytes of a ticket that are signed: all but the signature.
pub const SIGNED_BYTES: usize = TICKET_BYTES - 32;

const LAYOUT_VERSION: u8 = 1;
const TOKEN_ID: usize = 8;
const PLAYER: usize = 24;
const ISSUED: usize = 32;
const EXPIRES: usize = 40;
const NAME: usize = 48;
const ROOM: usize = NAME + PLAYER_NAME_BYTES_MAX;
const FILL: usize = ROOM + ROOM_NAME_BYTES_MAX;

/// What a client may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Take a seat and play.
    #[default]
    Player,
    /// Watch.
    Spectator,
    /// Watch a room for whoever operates the server, also one that admits no spectators.
    Operator,
}

/// Who a client is and what it may do. Issued by who holds the server's key, good for one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Random; a server accepts it once.
    pub token_id: TokenId,
    /// The player; must equal the client id of the netcode token.
    pub player: PlayerId,
    /// What to call the player.
    pub name: PlayerName,
    /// The only room the client may join; `None` for any.
    pub room: Option<RoomName>,
    /// What the client may do.
    pub role: Role,
    /// When it was issued, in seconds since 1970.
    pub issued_at_s: u64,
    /// When it ends, in seconds since 1970; later than `issued_at_s`.
    pub expires_at_s: u64,
}

/// Bytes that are no ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TicketFault {
    /// The layout is of another version.
    #[error("ticket layout {0}, this build reads {LAYOUT_VERSION}")]
    UnknownLayout(u8),
    /// The role is none there is.
    #[error("ticket role {0} is not known")]
    UnknownRole(u8),
    /// The name is none.
    #[error("the ticket's name is not one: {0}")]
    BadName(NameFault),
    /// The room's name is none.
    #[error("the ticket's room is not one: {0}")]
    BadRoom(NameFault),
    /// A name is not UTF-8.
    #[error("a name in the ticket is not UTF-8")]
    NotUtf8,
    /// Bytes that must be zero are not.
    #[error("bytes of the ticket that must be zero are not")]
    NotZero,
    /// It ends before it begins.
    #[error("the ticket expires at {expires_at_s} s, not after its issue at {issued_at_s} s")]
    EmptyTime {
        /// When it was issued.
        issued_at_s: u64,
        /// When it ends.
        expires_at_s: u64,
    },
}

impl Ticket {
    /// The ticket as user data. `sign` is given the first [`SIGNED_BYTES`] bytes and gives their
    /// HMAC-SHA-256.
    #[must_use]
    pub fn encode(&self, sign: impl FnOnce(&[u8]) -> [u8; 32]) -> [u8; TICKET_BYTES] {
        let mut bytes = [0; TICKET_BYTES];
        let name = self.name.as_str().as_bytes();
        let room = self.room.as_ref().map_or(&b""[..], |room| room.as_str().as_bytes());
        bytes[0] = LAYOUT_VERSION;
        bytes[1] = self.role as u8;
        bytes[2] = name.len() as u8;
        bytes[3] = room.len() as u8;
        bytes[TOKEN_ID..PLAYER].copy_from_slice(&self.token_id.0);
        bytes[PLAYER..ISSUED].copy_from_slice(&self.player.0.to_le_bytes());
        bytes[ISSUED..EXPIRES].copy_from_slice(&self.issued_at_s.to_le_bytes());
        bytes[EXPIRES..NAME].copy_from_slice(&self.expires_at_s.to_le_bytes());
        bytes[NAME..NAME + name.len()].copy_from_slice(name);
        bytes[ROOM..ROOM + room.len()].copy_from_slice(room);
        let mac = sign(&bytes[..SIGNED_BYTES]);
        bytes[SIGNED_BYTES..].copy_from_slice(&mac);
        bytes
    }

    /// Reads a ticket. Gives it with the bytes that are signed and their signature, **which the caller
    /// checks**.
    ///
    /// # Errors
    /// [`TicketFault`] if the bytes are not the encoding of a ticket.
    pub fn decode(bytes: &[u8; TICKET_BYTES]) -> Result<(Self, &[u8], [u8; 32]), TicketFault> {
        if bytes[0] != LAYOUT_VERSION {
            return Err(TicketFault::UnknownLayout(bytes[0]));
        }
        if bytes[4..TOKEN_ID].iter().chain(&bytes[FILL..SIGNED_BYTES]).any(|&byte| byte != 0) {
            return Err(TicketFault::NotZero);
        }
        let role = match bytes[1] {
            0 => Role::Player,
            1 => Role::Spectator,
            2 => Role::Operator,
            other => return Err(TicketFault::UnknownRole(other)),
        };
        let name = text(&bytes[NAME..ROOM], bytes[2])?;
        let name = PlayerName::try_from(name).map_err(TicketFault::BadName)?;
        let room = match text(&bytes[ROOM..FILL], bytes[3])? {
            "" => None,
            room => Some(RoomName::try_from(room).map_err(TicketFault::BadRoom)?),
        };
        let (issued_at_s, expires_at_s) = (number(bytes, ISSUED), number(bytes, EXPIRES));
        if expires_at_s <= issued_at_s {
            return Err(TicketFault::EmptyTime { issued_at_s, expires_at_s });
        }
        let token_id = TokenId(chunk(bytes, TOKEN_ID));
        let player = PlayerId(number(bytes, PLAYER));
        let ticket = Self { token_id, player, name, room, role, issued_at_s, expires_at_s };
        Ok((ticket, &bytes[..SIGNED_BYTES], chunk(bytes, SIGNED_BYTES)))
    }
}

/// The text of `len` bytes in a field that is filled up with zeros.
fn text(field: &[u8], len: u8) -> Result<&str, TicketFault> {
    let too_long = NameFault::TooLong { bytes: len.into(), limit: field.len() };
    let (text, fill) = field.split_at_checked(len.into()).ok_or(TicketFault::BadName(too_long))?;
    if fill.iter().any(|&byte| byte != 0) {
        return Err(TicketFault::NotZero);
    }
    core::str::from_utf8(text).map_err(|_| TicketFault::NotUtf8)
}

fn number(bytes: &[u8; TICKET_BYTES], at: usize) -> u64 {
    u64::from_le_bytes(chunk(bytes, at))
}

fn chunk<const N: usize>(bytes: &[u8; TICKET_BYTES], at: usize) -> [u8; N] {
    core::array::from_fn(|i| bytes[at + i])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ticket() -> Ticket {
        Ticket {
            token_id: TokenId([9; 16]),
            player: PlayerId(42),
            name: "Ada".parse().unwrap(),
            room: Some("the den".parse().unwrap()),
            role: Role::Spectator,
            issued_at_s: 1_700_000_000,
            expires_at_s: 1_700_000_010,
        }
    }

    fn sign(bytes: &[u8]) -> [u8; 32] {
        assert_eq!(bytes.len(), SIGNED_BYTES);
        [bytes[0] ^ 0xff; 32]
    }

    fn fault(change: impl FnOnce(&mut [u8; TICKET_BYTES])) -> TicketFault {
        let mut bytes = ticket().encode(sign);
        change(&mut bytes);
        Ticket::decode(&bytes).expect_err("a fault")
    }

    #[test]
    fn a_ticket_comes_back_with_what_is_signed() {
        let bytes = ticket().encode(sign);
        assert_eq!(Ticket::decode(&bytes), Ok((ticket(), &bytes[..SIGNED_BYTES], [0xfe; 32])));
        for role in [Role::Player, Role::Operator] {
            let anywhere = Ticket { room: None, role, ..ticket() };
            assert_eq!(Ticket::decode(&anywhere.encode(sign)).unwrap().0, anywhere);
        }
    }

    #[test]
    fn every_fault_has_its_reason() {
        assert_eq!(fault(|bytes| bytes[0] = 2), TicketFault::UnknownLayout(2));
        assert_eq!(fault(|bytes| bytes[1] = 3), TicketFault::UnknownRole(3));
        assert_eq!(fault(|bytes| bytes[2] = 2), TicketFault::NotZero);
        assert_eq!(fault(|bytes| bytes[4] = 1), TicketFault::NotZero);
        assert_eq!(fault(|bytes| bytes[200] = 1), TicketFault::NotZero);
        assert_eq!(fault(|bytes| bytes[NAME] = 0xff), TicketFault::NotUtf8);
        assert_eq!(fault(|bytes| bytes[NAME] = 7), TicketFault::BadName(NameFault::Unprintable));
        assert_eq!(fault(|bytes| bytes[ROOM] = 7), TicketFault::BadRoom(NameFault::Unprintable));
        assert!(matches!(fault(|bytes| bytes[2] = 33), TicketFault::BadName(NameFault::TooLong { .. })));
        assert!(matches!(fault(|bytes| bytes[3] = 65), TicketFault::BadName(NameFault::TooLong { .. })));
        assert!(matches!(fault(|bytes| bytes[ISSUED + 7] = 1), TicketFault::EmptyTime { .. }));
        let nameless = fault(|bytes| {
            bytes[2] = 0;
            bytes[NAME..ROOM].fill(0);
        });
        assert_eq!(nameless, TicketFault::BadName(NameFault::Empty));
    }

    proptest! {
        #[test]
        fn there_is_one_encoding_of_a_ticket(
            changes in prop::collection::vec((0_usize..TICKET_BYTES, any::<u8>()), 0..6),
        ) {
            let mut bytes = ticket().encode(sign);
            changes.into_iter().for_each(|(at, byte)| bytes[at] = byte);
            if let Ok((ticket, _, mac)) = Ticket::decode(&bytes) {
                prop_assert_eq!(ticket.encode(|_| mac), bytes);
            }
        }
    }
}
