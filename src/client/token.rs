//! Reading a connect token without trusting it.

use std::time::Duration;

use framekeep_protocol::NETCODE_PROTOCOL_ID;
use renetcode::ConnectToken;

/// Bytes that are no connect token this client can use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The bytes are no netcode connect token.
    #[error("the connect token cannot be read: {0}")]
    Malformed(String),
    /// The token is for something else.
    #[error("the connect token is for protocol {found:016x}, this client speaks {NETCODE_PROTOCOL_ID:016x}")]
    WrongProtocol {
        /// The protocol id in the token.
        found: u64,
    },
    /// The token names no server.
    #[error("the connect token names no server")]
    NoServer,
    /// The token's time is over.
    #[error("the connect token expired {ago_s} s ago: get a new one and use it at once")]
    Expired {
        /// How long ago, in seconds.
        ago_s: u64,
    },
}

/// How far ahead the clock of this machine may be, time zones that were set wrong included. Whether a token is still
/// good is for the server to say; this only names what is old beyond doubt.
const CLOCK_SLACK_S: u64 = 86_400;

/// Reads a token and checks what renetcode 2.0.0 takes for granted. Gives also whether it looks expired from here.
pub(crate) fn read_token(mut bytes: &[u8], now: Duration) -> Result<(ConnectToken, bool), TokenError> {
    let token = ConnectToken::read(&mut bytes).map_err(|error| TokenError::Malformed(error.to_string()))?;
    if !bytes.is_empty() {
        return Err(TokenError::Malformed(format!("{} bytes follow it", bytes.len())));
    }
    if token.protocol_id != NETCODE_PROTOCOL_ID {
        return Err(TokenError::WrongProtocol { found: token.protocol_id });
    }
    if token.server_addresses[0].is_none() {
        return Err(TokenError::NoServer);
    }
    if token.expire_timestamp <= token.create_timestamp {
        return Err(TokenError::Malformed("it expires before it begins".to_owned()));
    }
    match now.as_secs().checked_sub(token.expire_timestamp) {
        Some(ago_s) if ago_s > CLOCK_SLACK_S => Err(TokenError::Expired { ago_s }),
        ago_s => Ok((token, ago_s.is_some_and(|ago_s| ago_s > 0))),
    }
}
