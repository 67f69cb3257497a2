//! Keys on the command line.

use std::fs;
use std::path::Path;
use std::str::FromStr;

use framekeep_journal::{NotAPublicKey, PublicKey, SealKey};

/// Longest key file that is read, in bytes.
const KEY_FILE_BYTES_MAX: u64 = 1_024;

/// A public key: its digits, or a file that holds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyArg(pub(crate) PublicKey);

impl FromStr for KeyArg {
    type Err = NotAPublicKey;

    fn from_str(text: &str) -> Result<Self, NotAPublicKey> {
        let is_small =
            fs::metadata(text).is_ok_and(|file| file.is_file() && file.len() <= KEY_FILE_BYTES_MAX);
        match fs::read_to_string(text) {
            Ok(digits) if is_small => digits.parse().map(Self),
            _ => text.parse().map(Self),
        }
    }
}

/// The key that the node of this key file signs with.
pub(crate) fn read_seal_key(path: &Path) -> Result<SealKey, String> {
    let text =
        fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let digits = text.trim().as_bytes();
    let mut secret = [0; 32];
    for (byte, pair) in secret.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        let (Some(high), Some(low)) = (digit(0), digit(1)) else { return Err(no_key(path)) };
        *byte = (high << 4 | low) as u8;
    }
    if digits.len() == 64 { Ok(SealKey::derive(&secret)) } else { Err(no_key(path)) }
}

fn no_key(path: &Path) -> String {
    format!("{} holds no node key: 64 hexadecimal digits, as `framekeep key` makes them", path.display())
}
