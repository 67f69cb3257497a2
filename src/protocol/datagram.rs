//! The guard before netcode: what a datagram has to look like before the transport library sees it.
//!
//! renetcode 2.0.0 subtracts lengths that a sender chooses, before any authentication; this guard is what
//! keeps such datagrams away from it. It costs a few comparisons and reads at most nine bytes.

use crate::{DATAGRAM_BYTES_MAX, DATAGRAM_BYTES_MIN, PAYLOAD_BYTES_MAX, Side};

/// Bytes of a connection request: prefix, version, protocol id, expiry, nonce and the private token.
const REQUEST_BYTES: usize = 1 + 13 + 8 + 8 + 24 + 1_024;
/// Bytes of the body of a challenge and of its answer: a sequence and the challenge token.
const CHALLENGE_BODY_BYTES: usize = 8 + 300;
/// Bytes of the body of a keep-alive: the client's index and the most clients.
const KEEP_ALIVE_BODY_BYTES: usize = 8;
/// Bytes of the authentication tag.
const TAG_BYTES: usize = 16;
/// Sequences stay below this, so that adding to one never overflows.
const SEQUENCE_END: u64 = 1 << 62;

/// The kinds of netcode datagrams by their number on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum DatagramKind {
    /// A client asks for a connection.
    Request = 0,
    /// The server has no room.
    Denied = 1,
    /// The server asks the client to prove that it receives.
    Challenge = 2,
    /// The client proves it.
    Response = 3,
    /// Somebody is still there.
    KeepAlive = 4,
    /// Somebody says something.
    Payload = 5,
    /// Somebody goes.
    Disconnect = 6,
}

/// What the receiver knows of the address a datagram comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SenderState {
    /// Nothing.
    Unknown,
    /// It has begun a hand-shake.
    Pending,
    /// It has a link. Always so for a client that hears from the server its token names.
    Connected,
}

/// Which rule of the guard before netcode a datagram breaks. Also the index of its counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[repr(u8)]
pub enum DatagramFault {
    /// Shorter than [`DATAGRAM_BYTES_MIN`].
    #[error("the datagram is shorter than {DATAGRAM_BYTES_MIN} bytes")]
    TooShort,
    /// Longer than [`DATAGRAM_BYTES_MAX`].
    #[error("the datagram is longer than {DATAGRAM_BYTES_MAX} bytes")]
    TooLong,
    /// A kind that netcode does not have.
    #[error("netcode has no such kind of datagram")]
    UnknownKind,
    /// A kind that only the other side sends.
    #[error("only the other side sends this kind of datagram")]
    WrongSide,
    /// A request with sequence bytes.
    #[error("the first byte of a request is not zero")]
    RequestPrefix,
    /// A request that is not exactly 1,078 bytes long.
    #[error("a request is not {REQUEST_BYTES} bytes long")]
    RequestLength,
    /// A request from an address that has a link.
    #[error("a request from an address that is connected")]
    RequestFromConnected,
    /// Anything but a request from an address that never sent one.
    #[error("a datagram from an address that asked for no connection")]
    UnknownSender,
    /// Something for a link from an address that has not finished its hand-shake.
    #[error("a datagram of a link before the hand-shake is over")]
    BeforeConnected,
    /// More than eight sequence bytes.
    #[error("the sequence has more than 8 bytes")]
    SequenceLength,
    /// Too short for its sequence and the authentication tag.
    #[error("the datagram ends before its sequence and tag do")]
    Truncated,
    /// A sequence of 2^62 or more.
    #[error("the sequence is 2^62 or more")]
    SequenceRange,
    /// A body that is not as long as bodies of its kind are.
    #[error("the body does not have the length of its kind")]
    BodyLength,
}

impl DatagramFault {
    /// Every fault, in the order of their indices.
    pub const ALL: [Self; 13] = [
        Self::TooShort,
        Self::TooLong,
        Self::UnknownKind,
        Self::WrongSide,
        Self::RequestPrefix,
        Self::RequestLength,
        Self::RequestFromConnected,
        Self::UnknownSender,
        Self::BeforeConnected,
        Self::SequenceLength,
        Self::Truncated,
        Self::SequenceRange,
        Self::BodyLength,
    ];

    /// Its place in [`DatagramFault::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name of its counter.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooShort => "datagram_too_short",
            Self::TooLong => "datagram_too_long",
            Self::UnknownKind => "datagram_unknown_kind",
            Self::WrongSide => "datagram_wrong_side",
            Self::RequestPrefix => "request_prefix",
            Self::RequestLength => "request_length",
            Self::RequestFromConnected => "request_from_connected",
            Self::UnknownSender => "unknown_sender",
            Self::BeforeConnected => "before_connected",
            Self::SequenceLength => "sequence_length",
            Self::Truncated => "datagram_truncated",
            Self::SequenceRange => "sequence_range",
            Self::BodyLength => "body_length",
        }
    }
}

/// Checks a datagram that `from` is said to have sent, before netcode may see it.
///
/// # Errors
/// [`DatagramFault`] names the rule it breaks; such a datagram is dropped and counted.
pub fn check_datagram(from: Side, bytes: &[u8], sender: SenderState) -> Result<DatagramKind, DatagramFault> {
    if bytes.len() < DATAGRAM_BYTES_MIN {
        return Err(DatagramFault::TooShort);
    }
    if bytes.len() > DATAGRAM_BYTES_MAX {
        return Err(DatagramFault::TooLong);
    }
    let kind = kind_of(from, bytes[0] & 0x0f)?;
    if kind == DatagramKind::Request {
        return check_request(bytes, sender).map(|()| kind);
    }
    match sender {
        SenderState::Unknown => return Err(DatagramFault::UnknownSender),
        SenderState::Pending if kind != DatagramKind::Response => return Err(DatagramFault::BeforeConnected),
        SenderState::Pending | SenderState::Connected => {}
    }
    check_sealed(kind, bytes).map(|()| kind)
}

fn kind_of(from: Side, number: u8) -> Result<DatagramKind, DatagramFault> {
    let kind = match number {
        0 => DatagramKind::Request,
        1 => DatagramKind::Denied,
        2 => DatagramKind::Challenge,
        3 => DatagramKind::Response,
        4 => return Ok(DatagramKind::KeepAlive),
        5 => return Ok(DatagramKind::Payload),
        6 => return Ok(DatagramKind::Disconnect),
        _ => return Err(DatagramFault::UnknownKind),
    };
    let sender = match kind {
        DatagramKind::Denied | DatagramKind::Challenge => Side::Server,
        _ => Side::Client,
    };
    if from == sender { Ok(kind) } else { Err(DatagramFault::WrongSide) }
}

fn check_request(bytes: &[u8], sender: SenderState) -> Result<(), DatagramFault> {
    if bytes[0] != 0 {
        Err(DatagramFault::RequestPrefix)
    } else if bytes.len() != REQUEST_BYTES {
        Err(DatagramFault::RequestLength)
    } else if sender == SenderState::Connected {
        Err(DatagramFault::RequestFromConnected)
    } else {
        Ok(())
    }
}

fn check_sealed(kind: DatagramKind, bytes: &[u8]) -> Result<(), DatagramFault> {
    let sequence_bytes = usize::from(bytes[0] >> 4);
    if sequence_bytes > 8 {
        return Err(DatagramFault::SequenceLength);
    }
    let body = bytes.len().checked_sub(1 + sequence_bytes + TAG_BYTES).ok_or(DatagramFault::Truncated)?;
    let sequence = bytes[1..=sequence_bytes]
        .iter()
        .rev()
        .fold(0, |sequence: u64, &byte| sequence << 8 | u64::from(byte));
    if sequence >= SEQUENCE_END {
        return Err(DatagramFault::SequenceRange);
    }
    let fits = match kind {
        DatagramKind::Request => false,
        DatagramKind::Denied | DatagramKind::Disconnect => body == 0,
        DatagramKind::Challenge | DatagramKind::Response => body == CHALLENGE_BODY_BYTES,
        DatagramKind::KeepAlive => body == KEEP_ALIVE_BODY_BYTES,
        DatagramKind::Payload => (1..=PAYLOAD_BYTES_MAX).contains(&body),
    };
    if fits { Ok(()) } else { Err(DatagramFault::BodyLength) }
}

#[cfg(test)]
mod tests;
