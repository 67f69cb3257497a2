//! The messages of `framekeep.proto`, and their two encodings.

use prost::Message as _;

#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    reason = "made from framekeep.proto, which explains every field"
)]
mod made {
    include!(concat!(env!("OUT_DIR"), "/framekeep.v1.rs"));
}

pub use made::client_message::Body as ClientBody;
pub use made::server_message::Body as ServerBody;
pub use made::{
    Acknowledge, Authenticate, Body, ClientMessage, Closing, Error, Event, Input, JoinRoom, Left, MatchEnded,
    MatchStarted, Member, Moved, Ping, Pong, Refused, Reserve, Resume, Resumed, RoomOptions, RoomView, Say,
    Score, ServerBatch, ServerMessage, StateView, Sync, Watcher, Welcome,
};

/// How messages are written on one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Binary frames.
    Protobuf,
    /// Text frames.
    Json,
}

/// A frame of a client that is no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

impl Encoding {
    /// The subprotocols by which a client asks for an encoding, the better one first.
    pub const SUBPROTOCOLS: [&'static str; 2] = ["framekeep.v1.protobuf", "framekeep.v1.json"];

    /// The encoding of a subprotocol.
    #[must_use]
    pub fn of_subprotocol(name: &str) -> Option<Self> {
        match name {
            "framekeep.v1.protobuf" => Some(Self::Protobuf),
            "framekeep.v1.json" => Some(Self::Json),
            _ => None,
        }
    }

    /// Reads what a client has sent.
    ///
    /// # Errors
    /// [`Unreadable`] says what is wrong with it.
    pub fn read(self, bytes: &[u8]) -> Result<ClientMessage, Unreadable> {
        match self {
            Self::Protobuf => ClientMessage::decode(bytes).map_err(|error| Unreadable(error.to_string())),
            Self::Json => serde_json::from_slice(bytes).map_err(|error| Unreadable(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join() -> ClientMessage {
        let create = RoomOptions { game: "arena".to_owned(), seats: 2, ..RoomOptions::default() };
        let join = JoinRoom { room: "friday".to_owned(), create: Some(create), ..JoinRoom::default() };
        ClientMessage { id: 1, ack: 0, body: Some(ClientBody::Join(join)) }
    }

    #[test]
    fn both_encodings_say_the_same() {
        let json = br#"{"id":1,"join":{"room":"friday","create":{"game":"arena","seats":2}}}"#;
        assert_eq!(Encoding::Json.read(json), Ok(join()));
        assert_eq!(Encoding::Protobuf.read(&join().encode_to_vec()), Ok(join()));
    }

    #[test]
    fn inputs_of_64_bits_may_be_text_in_json() {
        let json = br#"{"input":{"bits":"18446744073709551615","tick":7}}"#;
        let input = Input { bits: u64::MAX, tick: Some(7) };
        assert_eq!(Encoding::Json.read(json).unwrap().body, Some(ClientBody::Input(input)));
    }

    #[test]
    fn what_is_no_message_is_refused_and_what_is_no_body_is_none() {
        assert!(Encoding::Json.read(b"[").is_err());
        assert!(Encoding::Protobuf.read(&[0xff; 40]).is_err());
        assert_eq!(Encoding::Json.read(b"{\"xyzzy\":{}}").unwrap().body, None);
    }
}
