//! `PlayerName` and `RoomName`: names that can be shown, logged and compared without a second thought.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{PLAYER_NAME_BYTES_MAX, ROOM_NAME_BYTES_MAX};

/// Why a text is not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// It has no characters.
    #[error("the name is empty")]
    Empty,
    /// It is too long.
    #[error("the name has {bytes} bytes, the limit is {limit}")]
    TooLong {
        /// Its length in bytes of UTF-8.
        bytes: usize,
        /// The longest allowed.
        limit: usize,
    },
    /// It has a control character, or begins or ends with white space.
    #[error("the name has a control character or white space at an end")]
    Unprintable,
}

fn check(text: &str, limit: usize) -> Result<(), NameFault> {
    if text.is_empty() {
        return Err(NameFault::Empty);
    }
    if text.len() > limit {
        return Err(NameFault::TooLong { bytes: text.len(), limit });
    }
    if text.trim() != text || text.chars().any(is_unprintable) {
        return Err(NameFault::Unprintable);
    }
    Ok(())
}

/// Control characters, and those that turn the direction of a line of text or break it.
#[must_use]
pub fn is_unprintable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $limit:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameFault;

            fn try_from(text: String) -> Result<Self, NameFault> {
                check(&text, $limit)?;
                Ok(Self(text))
            }
        }

        impl TryFrom<&str> for $name {
            type Error = NameFault;

            fn try_from(text: &str) -> Result<Self, NameFault> {
                check(text, $limit)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl core::str::FromStr for $name {
            type Err = NameFault;

            fn from_str(text: &str) -> Result<Self, NameFault> {
                Self::try_from(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

name!(
    /// A player's name: 1 to [`PLAYER_NAME_BYTES_MAX`] bytes of UTF-8, printable, no white space at its ends.
    PlayerName,
    PLAYER_NAME_BYTES_MAX
);
name!(
    /// A room's name: 1 to [`ROOM_NAME_BYTES_MAX`] bytes of UTF-8, printable, no white space at its ends.
    RoomName,
    ROOM_NAME_BYTES_MAX
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_confuse_people_are_refused() {
        assert!(PlayerName::try_from("Åsa Ōe 🎈").is_ok());
        assert_eq!(PlayerName::try_from(""), Err(NameFault::Empty));
        for text in [" a", "a ", "a\n", "a\u{202e}b", "\u{7f}", "a\u{2028}b"] {
            assert_eq!(PlayerName::try_from(text), Err(NameFault::Unprintable), "{text:?}");
        }
        let long = "x".repeat(33);
        assert_eq!(PlayerName::try_from(&long[..]), Err(NameFault::TooLong { bytes: 33, limit: 32 }));
        assert!(RoomName::try_from(long).is_ok());
    }
}
