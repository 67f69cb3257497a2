//! The hot lane: netcode payloads that are not renet's, told apart by the highest bit of their first byte.
//!
//! renet's first bytes are 0 to 4. A hot payload's first byte is `1eeeexxx`: the mark, the epoch and three
//! bits that [`crate::InputHead`] and [`crate::FramesHead`] use each in their own way.

use framekeep_sim::Tick;

use crate::Epoch;

pub(crate) const MARK: u8 = 0x80;
const EPOCH_SHIFT: u32 = 3;
pub(crate) const LOW_BITS: u8 = 0b111;

/// Why a hot payload or a frame could not be read. Such a payload is refused and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HotError {
    /// The first byte does not have the mark of the hot lane.
    #[error("the payload is not of the hot lane")]
    NotHot,
    /// The bytes end before the payload does.
    #[error("the payload ends too early")]
    Short,
    /// Bytes or bits follow the end of the payload.
    #[error("bytes or set bits follow the end of the payload")]
    Trailing,
    /// More frames than a packet may have.
    #[error("{count} frames in a packet, the limit is {limit}")]
    TooMany {
        /// How many.
        count: u8,
        /// The most.
        limit: u8,
    },
    /// A tick before the first or after the last there can be.
    #[error("a tick lies outside the match")]
    TickOutOfRange,
    /// A mark that is neither absent, arrived nor repeated.
    #[error("a seat's mark is 3")]
    BadMark,
}

impl HotError {
    /// Every fault, in the order of [`HotError::index`].
    pub const ALL: [Self; 6] = [
        Self::NotHot,
        Self::Short,
        Self::Trailing,
        Self::TooMany { count: 0, limit: 0 },
        Self::TickOutOfRange,
        Self::BadMark,
    ];

    /// The name of its counter.
    #[must_use]
    pub const fn name(self) -> &'static str {
        ["not_hot", "short", "trailing", "too_many", "tick_out_of_range", "bad_mark"][self.index()]
    }

    /// Its place in [`HotError::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::NotHot => 0,
            Self::Short => 1,
            Self::Trailing => 2,
            Self::TooMany { .. } => 3,
            Self::TickOutOfRange => 4,
            Self::BadMark => 5,
        }
    }
}

/// Whether a netcode payload is of the hot lane.
#[must_use]
#[inline]
pub fn is_hot(payload: &[u8]) -> bool {
    payload.first().is_some_and(|&first| first & MARK != 0)
}

/// The epoch of a hot payload, without reading the rest; `None` if it is not of the hot lane.
#[must_use]
#[inline]
pub fn peek_epoch(payload: &[u8]) -> Option<Epoch> {
    payload
        .first()
        .filter(|&first| first & MARK != 0)
        .map(|&first| Epoch::new((first & !MARK) >> EPOCH_SHIFT))
}

pub(crate) const fn first_byte(epoch: Epoch, low_bits: u8) -> u8 {
    MARK | epoch.get() << EPOCH_SHIFT | (low_bits & LOW_BITS)
}

/// The tick nearest to `near` whose low 16 bits are `low`.
pub(crate) const fn widen(low: u16, near: Tick) -> Tick {
    let forward = low.wrapping_sub(near.0 as u16);
    let backward = (near.0 as u16).wrapping_sub(low) as u32;
    if (forward < 0x8000 || backward > near.0) && near.0 <= u32::MAX - forward as u32 {
        Tick(near.0 + forward as u32)
    } else {
        Tick(near.0.saturating_sub(backward))
    }
}

/// Takes `N` bytes off the front.
pub(crate) fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], HotError> {
    let (head, rest) = bytes.split_first_chunk::<N>().ok_or(HotError::Short)?;
    *bytes = rest;
    Ok(*head)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_tick_is_widened_to_the_nearest(near: u32, offset in -32_767_i64..=32_767) {
            let tick = i64::from(near) + offset;
            prop_assume!(u32::try_from(tick).is_ok());
            prop_assert_eq!(widen(tick as u16, Tick(near)), Tick(tick as u32));
        }

        #[test]
        fn widening_never_fails_and_keeps_the_low_bits(near: u32, low: u16) {
            prop_assert_eq!(widen(low, Tick(near)).0 as u16, low);
        }
    }

    #[test]
    fn the_mark_tells_the_lanes_apart() {
        for first in 0..=255_u8 {
            assert_eq!(is_hot(&[first]), first >= 0x80);
            assert_eq!(peek_epoch(&[first]), (first >= 0x80).then(|| Epoch::new(first >> 3 & 15)));
        }
        assert!(!is_hot(&[]));
    }

    #[test]
    fn counters_have_names_and_places() {
        for (i, fault) in HotError::ALL.into_iter().enumerate() {
            assert_eq!(fault.index(), i);
            assert!(!fault.name().is_empty());
        }
    }
}
