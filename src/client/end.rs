//! `LinkEnd`, why a link is over.

use framekeep_link::LinkFault;
use framekeep_protocol::Refusal;
use renetcode::DisconnectReason;

/// Why a link is over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkEnd {
    /// The token expired before the connection stood.
    #[error("the connect token expired before the server answered: get a new one and use it at once")]
    TokenExpired,
    /// No server of the token answers.
    #[error("the server does not answer: check its address and that it runs, and get a new token")]
    NoAnswer,
    /// The server has no room.
    #[error("the server is full")]
    Denied,
    /// The server said why not.
    #[error("{0}")]
    Refused(Refusal),
    /// Nothing was heard of the server for too long.
    #[error("nothing was heard of the server for too long")]
    TimedOut,
    /// The server closed the link.
    #[error("the server closed the link")]
    ClosedByServer,
    /// This side closed the link.
    #[error("closed here")]
    ClosedHere,
    /// The reliable channels failed.
    #[error("{0}")]
    Fault(LinkFault),
    /// The server sent something that this client cannot read.
    #[error("a message of the server cannot be read: {0}")]
    BadMessage(String),
}

impl From<DisconnectReason> for LinkEnd {
    fn from(reason: DisconnectReason) -> Self {
        match reason {
            DisconnectReason::ConnectTokenExpired => Self::TokenExpired,
            DisconnectReason::ConnectionRequestTimedOut | DisconnectReason::ConnectionResponseTimedOut => {
                Self::NoAnswer
            }
            DisconnectReason::ConnectionTimedOut => Self::TimedOut,
            DisconnectReason::ConnectionDenied => Self::Denied,
            DisconnectReason::DisconnectedByClient => Self::ClosedHere,
            DisconnectReason::DisconnectedByServer => Self::ClosedByServer,
        }
    }
}
