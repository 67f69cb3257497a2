//! `When`, a time as people type it: seconds since 1970, or so long ago.

use std::str::FromStr;

/// A time: so many seconds since 1970, or so long before now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Seconds since 1970 (UTC).
    At(u64),
    /// So many seconds ago.
    Ago(u64),
}

/// A text that is no time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no time: give seconds since 1970, or how long ago as 90s, 30m, 12h or 7d")]
pub struct WhenError(String);

impl When {
    /// In milliseconds since 1970.
    #[must_use]
    pub fn unix_ms(self, now_unix_ms: u64) -> u64 {
        match self {
            Self::At(seconds) => seconds.saturating_mul(1_000),
            Self::Ago(seconds) => now_unix_ms.saturating_sub(seconds.saturating_mul(1_000)),
        }
    }
}

impl FromStr for When {
    type Err = WhenError;

    fn from_str(text: &str) -> Result<Self, WhenError> {
        let error = || WhenError(text.chars().take(40).collect());
        let unit = match text.chars().last() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3_600,
            Some('d') => 86_400,
            _ => return text.parse().map(Self::At).map_err(|_| error()),
        };
        let count: u64 = text[..text.len() - 1].parse().map_err(|_| error())?;
        count.checked_mul(unit).map(Self::Ago).ok_or_else(error)
    }
}

#[cfg(test)]
mod tests {
    use super::When;

    #[test]
    fn times_are_read_as_people_type_them() {
        let now = 1_800_000_000_000;
        for (text, expected) in [
            ("1700000000", 1_700_000_000_000),
            ("90s", now - 90_000),
            ("30m", now - 1_800_000),
            ("12h", now - 43_200_000),
            ("7d", now - 604_800_000),
        ] {
            assert_eq!(text.parse::<When>().unwrap().unix_ms(now), expected, "{text}");
        }
        for text in ["", "d", "yesterday", "-5m", "1.5h", "99999999999999999999d"] {
            assert!(text.parse::<When>().is_err(), "{text}");
        }
    }
}
