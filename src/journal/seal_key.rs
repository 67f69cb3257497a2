//! `SealKey` and `PublicKey`: who sealed a replay.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

/// What is signed begins with this, so that a signature is good for nothing else.
const CONTEXT: &[u8; 21] = b"framekeep replay seal";

/// Bytes of a signature.
pub(crate) const SIGNATURE_BYTES: usize = 64;

/// The key that a node signs its replays with: Ed25519, derived from the node's secret key.
///
/// ```
/// use framekeep_journal::{PublicKey, SealKey};
/// let key = SealKey::derive(&[7; 32]);
/// let told: PublicKey = key.public().to_string().parse()?;
/// assert_eq!(told, key.public());
/// # Ok::<(), framekeep_journal::NotAPublicKey>(())
/// ```
#[derive(Clone)]
pub struct SealKey(SigningKey);

impl SealKey {
    /// The key of a node with this secret. It cannot be turned back into the secret.
    #[must_use]
    pub fn derive(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&blake3::derive_key("framekeep 2026 replay seal", secret)))
    }

    /// What others check seals of this key with.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    pub(crate) fn sign(&self, digest: &[u8; 32]) -> [u8; SIGNATURE_BYTES] {
        self.0.sign(&message(digest)).to_bytes()
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealKey(of {})", self.public())
    }
}

/// The public half of a [`SealKey`]: 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(pub(crate) [u8; 32]);

impl PublicKey {
    /// The key's bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether the key's owner signed the digest. Keys and signatures that are valid for more than one message, or
    /// more than one key, are refused.
    pub(crate) fn signed(&self, digest: &[u8; 32], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        VerifyingKey::from_bytes(&self.0)
            .is_ok_and(|key| key.verify_strict(&message(digest), &Signature::from_bytes(signature)).is_ok())
    }
}

fn message(digest: &[u8; 32]) -> [u8; CONTEXT.len() + 32] {
    let mut message = [0; CONTEXT.len() + 32];
    message[..CONTEXT.len()].copy_from_slice(CONTEXT);
    message[CONTEXT.len()..].copy_from_slice(digest);
    message
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// Text that is not a public key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a public key: 64 hexadecimal digits, as `framekeep identity` prints them")]
pub struct NotAPublicKey(String);

impl FromStr for PublicKey {
    type Err = NotAPublicKey;

    fn from_str(text: &str) -> Result<Self, NotAPublicKey> {
        let wrong = || NotAPublicKey(text.chars().take(80).collect());
        let digits = text.trim().as_bytes();
        if digits.len() != 64 {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |at: usize| char::from(pair[at]).to_digit(16).ok_or_else(wrong);
            *byte = (digit(0)? << 4 | digit(1)?) as u8;
        }
        VerifyingKey::from_bytes(&bytes).map_err(|_| wrong())?;
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::{PublicKey, SealKey};

    #[test]
    fn only_the_owner_signs() {
        let (ada, bob) = (SealKey::derive(&[1; 32]), SealKey::derive(&[2; 32]));
        let signature = ada.sign(&[9; 32]);
        assert!(ada.public().signed(&[9; 32], &signature));
        assert!(!ada.public().signed(&[8; 32], &signature) && !bob.public().signed(&[9; 32], &signature));
        let mut nowhere = [0; 32];
        nowhere[0] = 2;
        assert!(!PublicKey(nowhere).signed(&[9; 32], &signature), "no point of the curve");
    }

    #[test]
    fn the_secret_is_not_the_signing_key_and_is_not_printed() {
        let key = SealKey::derive(&[1; 32]);
        assert_ne!(key.0.to_bytes(), [1; 32]);
        assert_eq!(format!("{key:?}"), format!("SealKey(of {})", key.public()));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "12", &"g".repeat(64), &"é".repeat(32), &format!("02{}", "00".repeat(31))] {
            assert!(text.parse::<PublicKey>().is_err(), "{text}");
        }
    }
}
