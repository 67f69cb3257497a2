//! What crosses from node to node: `ToFar` and `ToNear`, each a frame of length and message.

use framekeep_protocol::{
    CodecError, Epoch, PlayerId, PlayerName, Role, RoomName, ToClient, ToServer, decode, encode,
};
use framekeep_sim::{Tick, View};
use serde::{Deserialize, Serialize};

use crate::limits::{TO_FAR_BYTES_MAX, TO_NEAR_BYTES_MAX};

/// The version of the frames; both ends must have the same.
pub const RELAY_VERSION: u16 = 3;

/// A link of the near end, a number within its connection.
pub type Channel = u32;

/// A stream of a watched room, a number that the far end gives once while it runs.
pub type StreamId = u64;

/// A link that is to be opened at the far end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenLink {
    /// Its number.
    pub link: Channel,
    /// Whose it is; the near end has checked the ticket.
    pub player: PlayerId,
    /// What to call the player.
    pub name: PlayerName,
    /// The only room the ticket allows.
    pub only_room: Option<RoomName>,
    /// What the ticket allows.
    pub role: Role,
    /// Where the player comes from, as an address of IPv6.
    pub from: [u8; 16],
    /// State views a second, 0 for none.
    pub views_hz: u8,
}

/// What the near end says: it has the clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToFar {
    /// Opens a link.
    Open(OpenLink),
    /// What a link says, and the number of it.
    Say(Channel, u64, ToServer),
    /// What the player of a link does: for which tick, and the packed input.
    Input(Channel, Option<Tick>, u64),
    /// A link wants to be shown everything again.
    Sync(Channel),
    /// The connection of a client is lost, or there again.
    Away(Channel, bool),
    /// A link is gone.
    Close(Channel),
    /// Messages of a stream from this number on are missing, and have been asked for so often without a change.
    Repair(StreamId, u64, u8),
    /// The near end is there; the number comes back.
    Beat(u64),
}

/// What the far end says: it has the rooms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToNear {
    /// What a link is told, and the number of what it answers, or 0.
    Told(Channel, u64, ToClient),
    /// How the match of these links looks.
    Shown(Vec<Channel>, Shown),
    /// A link watches: what happens in its room comes in a stream, of which it has had everything up to a number.
    Watches(Channel, StreamId, u64),
    /// A link is gone; it was too slow, or the server is gone.
    Gone(Channel),
    /// A message of a stream and its number, which rises by one.
    Stream(StreamId, u64, ToClient),
    /// How the match of a watched room looks after a message of its stream.
    View(StreamId, u64, Shown),
    /// The number of the newest message of a stream.
    Head(StreamId, u64),
    /// What is missing of a stream is not kept any more; it goes on after this number, and who watches starts afresh.
    Afresh(StreamId, u64),
    /// The far end is there.
    Beat(u64),
}

/// How a match looks at a tick.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Which match of the room.
    pub epoch: Epoch,
    /// The tick of the next frame.
    pub tick: Tick,
    /// What is to be drawn.
    pub view: View,
}

/// Bytes that are no frame of the other end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    /// The frame is longer than its end may send.
    #[error("a frame of {bytes} bytes is over the limit of {limit}")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
        /// The longest allowed.
        limit: usize,
    },
    /// It holds no message.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

impl ToFar {
    /// The message as a frame.
    #[must_use]
    pub fn frame(&self) -> Vec<u8> {
        framed(&encode(self))
    }

    /// Reads the body of a frame.
    ///
    /// # Errors
    /// [`CodecError`] if it holds no message, or one that a client may not send.
    pub fn decode(body: &[u8]) -> Result<Self, CodecError> {
        let message: Self = decode(body, TO_FAR_BYTES_MAX)?;
        if let Self::Say(_, _, said) = &message {
            said.validate()?;
        }
        Ok(message)
    }
}

impl ToNear {
    /// The message as a frame; `None` if it is longer than a frame may be.
    #[must_use]
    pub fn frame(&self) -> Option<Vec<u8>> {
        let body = encode(self);
        (body.len() <= TO_NEAR_BYTES_MAX).then(|| framed(&body))
    }

    /// Reads the body of a frame.
    ///
    /// # Errors
    /// [`CodecError`] if it holds no message, or one that a server does not send.
    pub fn decode(body: &[u8]) -> Result<Self, CodecError> {
        let message: Self = decode(body, TO_NEAR_BYTES_MAX)?;
        if let Self::Told(_, _, told) | Self::Stream(_, _, told) = &message {
            told.validate()?;
        }
        Ok(message)
    }
}

/// A body with its length before it.
pub(crate) fn framed(body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(4 + body.len());
    frame.extend_from_slice(&(body.len() as u32).to_le_bytes());
    frame.extend_from_slice(body);
    frame
}

/// Cuts bytes into the bodies of frames.
#[derive(Debug)]
pub struct FrameReader {
    bytes: Vec<u8>,
    used: usize,
    limit: usize,
}

impl FrameReader {
    /// A reader of frames of at most `limit` bytes.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), used: 0, limit }
    }

    /// The same reader, for frames of another length from now on.
    #[must_use]
    pub fn with_limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// More bytes have come.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.used > 0 {
            self.bytes.drain(..self.used);
            self.used = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The body of the next frame, if all of it is there.
    ///
    /// # Errors
    /// [`FrameFault::TooLong`]; nothing more can be read then.
    pub fn next_body(&mut self) -> Result<Option<&[u8]>, FrameFault> {
        let rest = &self.bytes[self.used..];
        let Some((head, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
        let bytes = u32::from_le_bytes(*head) as usize;
        if bytes > self.limit {
            return Err(FrameFault::TooLong { bytes, limit: self.limit });
        }
        let Some(body) = rest.get(..bytes) else { return Ok(None) };
        self.used += 4 + bytes;
        Ok(Some(body))
    }
}
