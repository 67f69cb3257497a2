//! The identifiers of players, rooms, tokens and matches.

use core::fmt;

use serde::{Deserialize, Serialize};

/// The number of a seat within its room, from 0.
pub type SeatIndex = u8;

/// A player, across links and rooms. Also the client id of the netcode layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PlayerId(pub u64);

/// A room of one server. Never reused while the server runs. Its lowest bit says whether the room has a code, so that
/// whoever has only the id, as in the name of a replay, knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RoomId(pub u64);

impl RoomId {
    /// The id of a room, from a number that no other has.
    #[must_use]
    pub const fn new(random: u64, is_private: bool) -> Self {
        Self(random & !1 | is_private as u64)
    }

    /// Whether the room has a code.
    #[must_use]
    pub const fn is_private(self) -> bool {
        self.0 & 1 == 1
    }
}

/// A connect ticket: random, good for one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TokenId(pub [u8; 16]);

/// The number of a match within its room, modulo 16: packets of the match before are told from those of this
/// one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Epoch(u8);

impl Epoch {
    /// How many epochs there are before they repeat.
    pub const COUNT: u8 = 16;

    /// The epoch of a match number: the number modulo 16.
    #[must_use]
    pub const fn new(number: u8) -> Self {
        Self(number % Self::COUNT)
    }

    /// The number, 0 to 15.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The epoch of the next match.
    #[must_use]
    pub const fn next(self) -> Self {
        Self::new(self.0 + 1)
    }
}

/// A number that is no epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("epoch {0} is over the limit of 15")]
pub struct EpochOutOfRange(u8);

impl TryFrom<u8> for Epoch {
    type Error = EpochOutOfRange;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        if number < Self::COUNT { Ok(Self(number)) } else { Err(EpochOutOfRange(number)) }
    }
}

impl From<Epoch> for u8 {
    fn from(epoch: Epoch) -> Self {
        epoch.0
    }
}

impl fmt::Display for PlayerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
