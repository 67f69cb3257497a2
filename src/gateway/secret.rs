//! `Secret`, a key that is compared and never shown.

use std::fmt;

/// A key that is compared and never shown.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

/// Shortest key that is accepted, in bytes.
pub const SECRET_BYTES_MIN: usize = 16;

/// A text that is too short for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key has at least {SECRET_BYTES_MIN} characters, this one has {0}")]
pub struct SecretTooShort(usize);

impl Secret {
    /// A key from its text; white space around it does not count.
    ///
    /// # Errors
    /// [`SecretTooShort`].
    pub fn new(text: &str) -> Result<Self, SecretTooShort> {
        let bytes = text.trim().as_bytes();
        if bytes.len() < SECRET_BYTES_MIN {
            return Err(SecretTooShort(bytes.len()));
        }
        Ok(Self(bytes.to_vec()))
    }

    /// The bytes of the key, for what proves to others that it is known.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether this is the key; takes as long for a wrong guess as for a right one of the same length.
    #[must_use]
    pub fn is(&self, guess: &[u8]) -> bool {
        let differences = self.0.iter().zip(guess).fold(0, |all, (a, b)| all | (a ^ b));
        // The compiler may not see that one difference is enough.
        std::hint::black_box(differences) == 0 && self.0.len() == guess.len()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_compared_whole_and_never_shown() {
        let secret = Secret::new(" 0123456789abcdef\n").unwrap();
        assert!(secret.is(b"0123456789abcdef"));
        assert!(!secret.is(b"0123456789abcde") && !secret.is(b"0123456789abcdef0") && !secret.is(b""));
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert!(Secret::new("short").is_err());
    }
}
