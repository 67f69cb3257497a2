//! `TickHash`, as much of a state's hash as a replay keeps of a tick.

use std::fmt;

/// As much of a state's hash as a replay keeps of a tick.
///
/// Hashes do not compress and are most of a replay, so of most ticks only the low 32 bits are kept, as many as
/// clients send. The last tick of every chunk, every keyframe and the end have all 64, and a state that went astray
/// stays so: what one tick lets through by chance, the next one finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TickHash {
    /// All 64 bits.
    Full(u64),
    /// The low 32 bits.
    Low(u32),
}

impl TickHash {
    /// Whether `hash` is this hash, as far as it is kept.
    #[must_use]
    pub const fn agrees(self, hash: u64) -> bool {
        match self {
            Self::Full(kept) => kept == hash,
            Self::Low(kept) => kept == hash as u32,
        }
    }

    /// Whether both can be hashes of one state: equal as far as both are kept.
    #[must_use]
    pub const fn agrees_with(self, other: Self) -> bool {
        match (self, other) {
            (Self::Full(one), Self::Full(two)) => one == two,
            _ => self.low() == other.low(),
        }
    }

    /// The low 32 bits.
    #[must_use]
    pub const fn low(self) -> u32 {
        match self {
            Self::Full(hash) => hash as u32,
            Self::Low(low) => low,
        }
    }
}

/// Sixteen hexadecimal digits; dots stand for those that are not kept.
impl fmt::Display for TickHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(hash) => write!(f, "{hash:016x}"),
            Self::Low(low) => write!(f, "........{low:08x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::TickHash::{Full, Low};

    #[test]
    fn what_is_kept_is_compared() {
        assert!(Full(0x1_0000_0002).agrees(0x1_0000_0002) && !Full(2).agrees(0x1_0000_0002));
        assert!(Low(2).agrees(0x1_0000_0002) && !Low(3).agrees(2));
        assert!(Low(2).agrees_with(Full(0x1_0000_0002)) && !Full(2).agrees_with(Full(0x1_0000_0002)));
        assert_eq!(
            (Full(0xa).to_string(), Low(0xa).to_string()),
            ("000000000000000a".into(), "........0000000a".into())
        );
    }
}
