//! `Snapshot`, a state sent whole to who is too far behind or comes late.

use alloc::vec::Vec;

use framekeep_sim::{Frame, SEATS_MAX, SeatInput, Tick};
use serde::{Deserialize, Serialize};

use crate::codec::{self, at_most};
use crate::{CodecError, Epoch, SNAPSHOT_BYTES_MAX, SNAPSHOT_MESSAGE_BYTES_MAX, raw_bytes};

/// A state in its canonical encoding, compressed if that is shorter. The only message of the snapshot
/// channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The match.
    pub epoch: Epoch,
    /// The state is the one before this tick's frame.
    pub tick: Tick,
    /// The seats of the frame before this tick, against which the frame of this tick is coded; absent for
    /// tick 0.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(state: &[u8]) -> Result<Snapshot, SnapshotFault> {
        let mut before = Frame::absent(Tick(8), 3);
        before.set(1, SeatInput::repeated(77));
        Snapshot::new(Epoch::new(3), Tick(9), &before, 5, state)
    }

    #[test]
    fn states_come_back_compressed_only_if_that_helps() {
        let mut rng = framekeep_sim::Pcg32::new(1, 1);
        let plain: Vec<u8> = (0..4_000).map(|_| rng.next_u32() as u8).collect();
        for (state, compressed) in [(vec![7; 5_000], true), (plain, false), (Vec::new(), false)] {
            let snapshot = pack(&state).unwrap();
            assert_eq!(snapshot.compressed, compressed);
            let received = Snapshot::decode(&snapshot.encode()).unwrap();
            assert_eq!(received.frame_before().seat(1), SeatInput::repeated(77));
            assert_eq!(received.frame_before().tick, Tick(8));
            assert_eq!(received.unpack().unwrap(), state);
        }
    }

    #[test]
    fn the_largest_snapshot_fits_its_message() {
        let mut before = Frame::absent(Tick(u32::MAX - 1), SEATS_MAX);
        (0..SEATS_MAX).for_each(|seat| before.set(seat, SeatInput::arrived(u64::MAX)));
        let mut rng = framekeep_sim::Pcg32::new(1, 1);
        let state: Vec<u8> = (0..SNAPSHOT_BYTES_MAX).map(|_| rng.next_u32() as u8).collect();
        let snapshot = Snapshot::new(Epoch::new(15), Tick(u32::MAX), &before, u64::MAX, &state).unwrap();
        assert_eq!(Snapshot::decode(&snapshot.encode()), Ok(snapshot));
        assert_eq!(
            pack(&[&state[..], &[1]].concat()),
            Err(SnapshotFault::TooLong { bytes: SNAPSHOT_BYTES_MAX + 1 })
        );
    }

    #[test]
    fn damage_is_refused() {
        let good = pack(&[7; 5_000]).unwrap();
        let lies = Snapshot { len: 4_999, ..good.clone() };
        assert_eq!(lies.unpack(), Err(SnapshotFault::Damaged));
        let bomb = Snapshot { len: u32::MAX, ..good.clone() };
        assert!(matches!(bomb.unpack(), Err(SnapshotFault::TooLong { .. })));
        let longer = Snapshot { len: 5_001, ..good.clone() };
        assert_eq!(longer.unpack(), Err(SnapshotFault::WrongLength { expected: 5_001, found: 5_000 }));
        let cut = Snapshot { state: good.state[..3].to_vec(), ..good };
        assert_eq!(cut.unpack(), Err(SnapshotFault::Damaged));
    }
}
