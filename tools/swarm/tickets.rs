//! `Mint`, the server's key and connect tickets made with it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use framekeep_protocol::{PlayerName, Role};
use framekeep_server::{MintError, NodeKey, TicketRequest, mint, player_id_of};

use crate::args::Args;

const KEY_ENV: &str = "FRAMEKEEP_KEY";
const KEY_FILE: &str = "development.key";

/// There is no key to make tickets with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// The file cannot be read.
    #[error(
        "cannot read {path}: {source}\nstart the server first, or name its data folder with --data",
        path = .path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It holds no key.
    #[error("{0} does not hold a key: a key is 64 hexadecimal digits")]
    NotAKey(String),
}

/// Makes a connect ticket for each bot.
pub(crate) struct Mint {
    key: NodeKey,
    server: SocketAddr,
}

impl Mint {
    /// The key of the server that the arguments name.
    pub(crate) fn open(args: &Args) -> Result<Self, KeyError> {
        let (text, origin) = match std::env::var(KEY_ENV) {
            Ok(text) => (text, format!("the variable {KEY_ENV}")),
            Err(_) => {
                let path = args.data.join(KEY_FILE);
                let text = std::fs::read_to_string(&path)
                    .map_err(|source| KeyError::Unreadable { path: path.clone(), source })?;
                (text, path.display().to_string())
            }
        };
        let key = parse_key(&text).ok_or(KeyError::NotAKey(origin))?;
        Ok(Self { key: NodeKey::new(key), server: args.addr })
    }

    /// A ticket for one link, valid for a few seconds from `now` (since 1970).
    pub(crate) fn ticket(&self, name: &PlayerName, now: Duration) -> Result<Vec<u8>, MintError> {
        let request = TicketRequest {
            server: self.server,
            player: player_id_of(name),
            name: name.clone(),
            room: None,
            role: Role::Player,
            now,
        };
        mint(&self.key, &request)
    }
}

fn parse_key(text: &str) -> Option<[u8; 32]> {
    let digits = text.trim().as_bytes();
    let mut key = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |digit: u8| char::from(digit).to_digit(16);
        *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::parse_key;

    #[test]
    fn a_key_is_64_hexadecimal_digits() {
        assert_eq!(parse_key(&format!(" {}\n", "0a".repeat(32))), Some([10; 32]));
        assert_eq!(parse_key("0a"), None);
        assert_eq!(parse_key(&"0g".repeat(32)), None);
    }
}
