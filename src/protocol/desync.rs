//! What server and client say to find out where a client's state began to differ.
//!
//! The server asks for the hashes of the client's last confirmed ticks, finds the first that differs from its own,
//! and asks for the client's state at that tick. The state comes in parts, because clients never send slices.

use alloc::vec::Vec;

use framekeep_sim::Tick;
use serde::{Deserialize, Serialize};

use crate::codec::{at_most, within};
use crate::limits::{DESYNC_HASHES_MAX, DESYNC_PACKED_BYTES_MAX, DESYNC_PART_BYTES};
use crate::{CodecError, Epoch, SNAPSHOT_BYTES_MAX, raw_bytes};

/// What a server asks of a client whose state differs. A *state at a tick* is the one after all frames before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DesyncAsk {
    /// The hashes of the ticks up to and with this one.
    Hashes {
        /// The match.
        epoch: Epoch,
        /// The last tick that is asked for.
        upto: Tick,
    },
    /// The state at a tick.
    State {
        /// The match.
        epoch: Epoch,
        /// The tick.
        tick: Tick,
    },
}

/// What a client answers to a [`DesyncAsk`]; nothing of it is believed unless it fits what the client has claimed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DesyncAnswer {
    /// Hashes of ticks without a gap, at most [`DESYNC_HASHES_MAX`]; none if they are forgotten.
    Hashes {
        /// The match.
        epoch: Epoch,
        /// The tick of the first.
        first: Tick,
        /// The low 32 bits of each hash.
        hashes: Vec<u32>,
    },
    /// A part of the state at a tick; parts come in order.
    Part {
        /// The match.
        epoch: Epoch,
        /// The tick.
        tick: Tick,
        /// The length of the canonical encoding, in bytes.
        len: u32,
        /// The length of the LZ4 block of it, which is what comes in parts, in bytes.
        packed: u32,
        /// Where in the block this part begins.
        offset: u32,
        /// The part: [`DESYNC_PART_BYTES`], or the rest.
        #[serde(with = "raw_bytes")]
        bytes: Vec<u8>,
    },
    /// The state is forgotten, or too large to be sent.
    NoState {
        /// The match.
        epoch: Epoch,
        /// The tick.
        tick: Tick,
    },
}

impl DesyncAnswer {
    /// The answer to a request for a state: its parts, or that there is none.
    #[must_use]
    pub fn state(epoch: Epoch, tick: Tick, state: Option<&[u8]>) -> Vec<Self> {
        let none = || alloc::vec![Self::NoState { epoch, tick }];
        let Some(state) = state.filter(|state| state.len() <= SNAPSHOT_BYTES_MAX) else { return none() };
        let block = lz4_flex::block::compress(state);
        if block.len() > DESYNC_PACKED_BYTES_MAX {
            return none();
        }
        let (len, packed) = (state.len() as u32, block.len() as u32);
        let parts = block.chunks(DESYNC_PART_BYTES).zip((0_u32..).step_by(DESYNC_PART_BYTES));
        parts
            .map(|(bytes, offset)| Self::Part { epoch, tick, len, packed, offset, bytes: bytes.to_vec() })
            .collect()
    }

    /// The state whose block came in parts; `None` if it is damaged or not of the length that was named.
    #[must_use]
    pub fn unpack_state(block: &[u8], len: u32) -> Option<Vec<u8>> {
        let len = len as usize;
        let state = (len <= SNAPSHOT_BYTES_MAX).then(|| lz4_flex::block::decompress(block, len).ok())??;
        (state.len() == len).then_some(state)
    }

    /// Checks what the types leave open.
    pub(crate) fn validate(&self) -> Result<(), CodecError> {
        match self {
            Self::Hashes { hashes, .. } => at_most("hashes", hashes.len(), DESYNC_HASHES_MAX),
            Self::Part { len, packed, offset, bytes, .. } => {
                at_most("state bytes", *len as usize, SNAPSHOT_BYTES_MAX)?;
                within("packed bytes", *packed as usize, 1, DESYNC_PACKED_BYTES_MAX)?;
                within("part bytes", bytes.len(), 1, DESYNC_PART_BYTES)?;
                within("part end", *offset as usize + bytes.len(), 1, *packed as usize)
            }
            Self::NoState { .. } => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CONTROL_BYTES_MAX, ToServer};

    const EPOCH: Epoch = Epoch::new(3);

    fn noise(len: usize) -> Vec<u8> {
        let mut rng = framekeep_sim::Pcg32::new(1, 1);
        (0..len).map(|_| rng.next_u32() as u8).collect()
    }

    #[test]
    fn the_parts_of_a_state_make_it_whole_and_fit_their_messages() {
        for state in [vec![7; 5_000], noise(1), noise(DESYNC_PACKED_BYTES_MAX - 1_000), Vec::new()] {
            let (mut block, mut len) = (Vec::new(), 0);
            for answer in DesyncAnswer::state(EPOCH, Tick(u32::MAX), Some(&state)) {
                let bytes = ToServer::DesyncAnswer(answer).encode();
                assert!(bytes.len() <= CONTROL_BYTES_MAX, "{}", bytes.len());
                let Ok(ToServer::DesyncAnswer(DesyncAnswer::Part {
                    len: whole, packed, offset, bytes, ..
                })) = ToServer::decode(&bytes)
                else {
                    panic!("no part");
                };
                assert_eq!((block.len(), packed >= offset), (offset as usize, true));
                block.extend_from_slice(&bytes);
                len = whole as usize;
            }
            assert_eq!(DesyncAnswer::unpack_state(&block, len as u32), Some(state));
            assert_eq!(DesyncAnswer::unpack_state(&block, len as u32 + 1), None);
            assert_eq!(DesyncAnswer::unpack_state(&block, u32::MAX), None);
        }
    }

    #[test]
    fn what_is_too_large_or_forgotten_is_said_not_to_be_there() {
        let none = [DesyncAnswer::NoState { epoch: EPOCH, tick: Tick(5) }];
        assert_eq!(DesyncAnswer::state(EPOCH, Tick(5), None), none);
        assert_eq!(DesyncAnswer::state(EPOCH, Tick(5), Some(&noise(DESYNC_PACKED_BYTES_MAX))), none);
        assert_eq!(DesyncAnswer::state(EPOCH, Tick(5), Some(&vec![0; SNAPSHOT_BYTES_MAX + 1])), none);
    }

    #[test]
    fn answers_out_of_bounds_are_refused() {
        let read = |answer: DesyncAnswer| ToServer::decode(&ToServer::DesyncAnswer(answer).encode());
        let part = |len, packed, offset, bytes: usize| {
            let bytes = vec![1; bytes];
            read(DesyncAnswer::Part { epoch: EPOCH, tick: Tick(5), len, packed, offset, bytes })
        };
        assert!(part(9, 4, 1, 3).is_ok());
        assert!(part(9, 4, 2, 3).is_err(), "past the end");
        assert!(part(9, 4, u32::MAX, 3).is_err(), "far past the end");
        assert!(part(9, 4, 1, 0).is_err(), "nothing");
        assert!(part(9, 0, 0, 0).is_err(), "nothing of nothing");
        assert!(part(SNAPSHOT_BYTES_MAX as u32 + 1, 4, 0, 3).is_err());
        assert!(part(9, DESYNC_PACKED_BYTES_MAX as u32 + 1, 0, 3).is_err());
        assert!(part(9, 4_000, 0, DESYNC_PART_BYTES + 1).is_err());
        let hashes = |count| {
            read(DesyncAnswer::Hashes { epoch: EPOCH, first: Tick(5), hashes: vec![u32::MAX; count] })
        };
        assert!(hashes(DESYNC_HASHES_MAX).is_ok());
        assert!(hashes(DESYNC_HASHES_MAX + 1).is_err());
    }
}
