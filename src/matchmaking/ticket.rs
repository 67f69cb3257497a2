//! `Ticket`, what somebody wants to play, and with whom.

use core::fmt;

use framekeep_protocol::PlayerId;
use serde::{Deserialize, Serialize};

use crate::limits::{
    BLOCKED_MAX, CONTENTS_MAX, LATENCY_MS_MAX, PARTY_MAX, PRIORITY_MAX, RATING_MAX, REGIONS_MAX, ROLES_MAX,
    TIME_MS_MAX, WORD_BYTES_MAX,
};

/// The number of a ticket, which whoever makes it chooses: the same number is the same ticket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TicketId(pub u128);

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// A number that is none: 32 hexadecimal digits are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a ticket's id has 32 hexadecimal digits")]
pub struct NoTicketId;

impl core::str::FromStr for TicketId {
    type Err = NoTicketId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.len() == 32 && text.bytes().all(|c| c.is_ascii_hexdigit());
        let number = u128::from_str_radix(text, 16).ok().filter(|_| digits);
        number.map(Self).ok_or(NoTicketId)
    }
}

/// One player of a ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartyMember {
    /// Who.
    pub player: PlayerId,
    /// How good, on the scale of the game.
    pub rating: i32,
    /// The roles they take; any if there are none.
    pub roles: Vec<String>,
}

/// How far away a region is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionLatency {
    /// The region.
    pub region: String,
    /// Measured, in milliseconds.
    pub latency_ms: u32,
}

/// What somebody wants to play, and with whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Its number.
    pub id: TicketId,
    /// The game; the mode must be one of it.
    pub game: String,
    /// The mode.
    pub mode: String,
    /// The contents they want, the dearest first; any if there are none.
    pub contents: Vec<String>,
    /// Who: they play in one team of one match or not at all.
    pub party: Vec<PartyMember>,
    /// The regions they can play in; any if there are none.
    pub regions: Vec<RegionLatency>,
    /// Ticks a second, one of the mode's; 0 is the mode's first.
    pub tick_rate_hz: u16,
    /// Who is served first: a higher one before a lower one, then the older one.
    pub priority: u8,
    /// With whom they do not play.
    pub blocked: Vec<PlayerId>,
    /// Whether a match that runs already will do.
    pub backfill: bool,
    /// How long it waits at most, in milliseconds; 0 is as long as the mode says.
    pub wait_ms_max: u64,
}

impl Ticket {
    /// A ticket of one player for a mode, with nothing said of the rest.
    #[must_use]
    pub fn solo(id: TicketId, game: &str, mode: &str, player: PlayerId, rating: i32) -> Self {
        Self {
            id,
            game: game.to_owned(),
            mode: mode.to_owned(),
            contents: Vec::new(),
            party: vec![PartyMember { player, rating, roles: Vec::new() }],
            regions: Vec::new(),
            tick_rate_hz: 0,
            priority: 0,
            blocked: Vec::new(),
            backfill: true,
            wait_ms_max: 0,
        }
    }

    /// The mean rating of the party, rounded towards zero.
    #[must_use]
    pub fn rating(&self) -> i32 {
        let sum: i64 = self.party.iter().map(|member| i64::from(member.rating)).sum();
        let mean = sum / i64::try_from(self.party.len().max(1)).unwrap_or(1);
        i32::try_from(mean).unwrap_or_default()
    }

    /// Refuses what is too long, too much or contradicts itself, whatever the modes are.
    ///
    /// # Errors
    /// [`TicketFault`] names the field, the value and the limit.
    pub fn validate(&self) -> Result<(), TicketFault> {
        word("game", &self.game)?;
        word("mode", &self.mode)?;
        within("party", self.party.len(), 1, PARTY_MAX)?;
        within("contents", self.contents.len(), 0, CONTENTS_MAX)?;
        within("regions", self.regions.len(), 0, REGIONS_MAX)?;
        within("blocked", self.blocked.len(), 0, BLOCKED_MAX)?;
        within("priority", self.priority.into(), 0, PRIORITY_MAX.into())?;
        within("wait_ms_max", self.wait_ms_max.try_into().unwrap_or(usize::MAX), 0, TIME_MS_MAX as usize)?;
        self.contents.iter().try_for_each(|content| word("contents", content))?;
        distinct("contents", self.contents.iter())?;
        for region in &self.regions {
            word("regions", &region.region)?;
            within("latency_ms", region.latency_ms as usize, 0, LATENCY_MS_MAX as usize)?;
        }
        distinct("regions", self.regions.iter().map(|region| &region.region))?;
        for member in &self.party {
            if member.rating.unsigned_abs() > RATING_MAX.unsigned_abs() {
                return Err(TicketFault::Rating { rating: member.rating });
            }
            within("roles", member.roles.len(), 0, ROLES_MAX)?;
            member.roles.iter().try_for_each(|role| word("roles", role))?;
            if self.blocked.contains(&member.player) {
                return Err(TicketFault::BlocksItself { player: member.player });
            }
        }
        distinct("party", self.party.iter().map(|member| member.player))
    }
}

/// A ticket that nobody could serve.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TicketFault {
    /// A number, or the length of a list, is out of its range.
    #[error("{field}: {value} is not within {min} and {max}")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// What it is.
        value: usize,
        /// The least allowed.
        min: usize,
        /// The most allowed.
        max: usize,
    },
    /// A word is empty or too long.
    #[error("{field}: a word of {bytes} bytes, 1 to {WORD_BYTES_MAX} are allowed")]
    Word {
        /// The field.
        field: &'static str,
        /// Its length.
        bytes: usize,
    },
    /// A word has a control character.
    #[error("{field}: a word has a control character")]
    Control {
        /// The field.
        field: &'static str,
    },
    /// A rating is out of its range.
    #[error("rating {rating} is not within {} and {RATING_MAX}", -RATING_MAX)]
    Rating {
        /// What it is.
        rating: i32,
    },
    /// Something is in a list twice.
    #[error("{field}: something is in the list twice")]
    Twice {
        /// The field.
        field: &'static str,
    },
    /// Somebody of the party is blocked by it.
    #[error("player {player} is of the party that blocks them: leave them out of one of the lists")]
    BlocksItself {
        /// Who.
        player: PlayerId,
    },
}

impl TicketFault {
    /// The same where the caller's fields are in seconds: `fields` are those of this crate and the caller's names.
    #[must_use]
    pub fn in_seconds(self, fields: &[(&str, &'static str)]) -> Self {
        match self {
            Self::OutOfRange { field, value, min, max } => match fields.iter().find(|(own, _)| *own == field)
            {
                Some((_, field)) => Self::OutOfRange {
                    field,
                    value: value / 1_000,
                    min: min.div_ceil(1_000),
                    max: max / 1_000,
                },
                None => Self::OutOfRange { field, value, min, max },
            },
            other => other,
        }
    }
}

/// Refuses a number out of its range.
pub(crate) fn within(field: &'static str, value: usize, min: usize, max: usize) -> Result<(), TicketFault> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(TicketFault::OutOfRange { field, value, min, max })
}

/// Refuses an empty word and one that is too long.
pub(crate) fn word(field: &'static str, text: &str) -> Result<(), TicketFault> {
    let bytes = text.len();
    if text.chars().any(char::is_control) {
        return Err(TicketFault::Control { field });
    }
    if (1..=WORD_BYTES_MAX).contains(&bytes) { Ok(()) } else { Err(TicketFault::Word { field, bytes }) }
}

/// Refuses what is in a list twice.
pub(crate) fn distinct<T: Ord>(
    field: &'static str,
    items: impl Iterator<Item = T>,
) -> Result<(), TicketFault> {
    let mut items: Vec<T> = items.collect();
    items.sort_unstable();
    if items.windows(2).any(|pair| pair[0] == pair[1]) { Err(TicketFault::Twice { field }) } else { Ok(()) }
}
