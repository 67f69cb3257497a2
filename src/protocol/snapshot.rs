//! `Snapshot`, a state sent whole to who is too far behind or comes late.

use alloc::vec::Vec;

use framekeep_sim::{Frame, SEATS_MAX, SeatInput, Tick};
use serde::{Deserialize, Serialize};

use crate::codec::{self, at_most};
use crate::{CodecError, Epoch, SNAPSHOT_BYTES_MAX, SNAPSHOT_MESSAGE_BYTES_MAX, raw_bytes};

/// A state in its canonical encoding, compressed if that is shorter. The only message of the snapshot channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The match.
    pub epoch: Epoch,
    /// The state is the one before this tick's frame.
    pub tick: Tick,
    /// The seats of the frame before this tick, against which the frame of this tick is coded; absent for tick 0.
    pub before: Vec<SeatInput>,
    /// The hash of the state.
    pub hash: u64,
    /// Whether `state` is an LZ4 block.
    pub compressed: bool,
    /// The length of the canonical encoding, in bytes.
    pub len: u32,
    /// The canonical encoding, or an LZ4 block of it.
    #[serde(with = "raw_bytes")]
    pub state: Vec<u8>,
}

/// A snapshot whose state cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotFault {
    /// The state is longer than a snapshot may carry.
    #[error("a state of {bytes} bytes is over the limit of {SNAPSHOT_BYTES_MAX}")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// The state does not have the length the snapshot names.
    #[error("the snapshot names {expected} bytes and holds {found}")]
    WrongLength {
        /// What it names.
        expected: usize,
        /// What it holds.
        found: usize,
    },
    /// The LZ4 block is damaged.
    #[error("the snapshot's compressed state is damaged")]
    Damaged,
}

impl Snapshot {
    /// A snapshot of a canonical encoding. `before` is the frame before `tick`, absent for tick 0.
    ///
    /// # Errors
    /// [`SnapshotFault::TooLong`] if the state has more than [`SNAPSHOT_BYTES_MAX`] bytes.
    pub fn new(
        epoch: Epoch,
        tick: Tick,
        before: &Frame,
        hash: u64,
        state: &[u8],
    ) -> Result<Self, SnapshotFault> {
        if state.len() > SNAPSHOT_BYTES_MAX {
            return Err(SnapshotFault::TooLong { bytes: state.len() });
        }
        let block = lz4_flex::block::compress(state);
        let compressed = block.len() < state.len();
        let state_sent = if compressed { block } else { state.to_vec() };
        let before = before.seats().to_vec();
        Ok(Self { epoch, tick, before, hash, compressed, len: state.len() as u32, state: state_sent })
    }

    /// The canonical encoding of the state.
    ///
    /// # Errors
    /// [`SnapshotFault`] if it is too long, damaged or not as long as named.
    pub fn unpack(&self) -> Result<Vec<u8>, SnapshotFault> {
        let expected = self.len as usize;
        if expected > SNAPSHOT_BYTES_MAX {
            return Err(SnapshotFault::TooLong { bytes: expected });
        }
        let state = if self.compressed {
            lz4_flex::block::decompress(&self.state, expected).map_err(|_| SnapshotFault::Damaged)?
        } else {
            self.state.clone()
        };
        if state.len() == expected {
            Ok(state)
        } else {
            Err(SnapshotFault::WrongLength { expected, found: state.len() })
        }
    }

    /// The frame before the snapshot's tick.
    #[must_use]
    pub fn frame_before(&self) -> Frame {
        let mut frame = Frame::absent(self.tick.earlier(1), self.before.len().min(SEATS_MAX.into()) as u8);
        for (seat, &input) in self.before.iter().enumerate() {
            frame.set(seat as u8, input);
        }
        frame
    }

    /// The bytes of the message.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads a snapshot message; [`Snapshot::unpack`] checks the state itself.
    ///
    /// # Errors
    /// [`CodecError`] if it is no snapshot or too long.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let snapshot: Self = codec::decode(bytes, SNAPSHOT_MESSAGE_BYTES_MAX)?;
        at_most("seats", snapshot.before.len(), SEATS_MAX.into())?;
        Ok(snapshot)
    }
}
