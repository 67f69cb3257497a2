//! `Keyframe`, a state within a replay.
//!
//! Unpacked: `tick u32, hash u64, the state's canonical encoding`.

use framekeep_sim::{Tick, hash_bytes};

const HEAD_BYTES: usize = 12;

/// A state within a replay: seeking starts there, and disagreements are named by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyframe {
    /// The tick of the next frame: the state is the one after all frames before it.
    pub tick: Tick,
    /// The hash of the state.
    pub hash: u64,
    /// Where its section starts in the file, in bytes.
    pub offset: u64,
}

/// Overwrites `raw` with an unpacked keyframe.
pub(crate) fn encode(tick: Tick, hash: u64, state: &[u8], raw: &mut Vec<u8>) {
    raw.clear();
    raw.extend_from_slice(&tick.0.to_le_bytes());
    raw.extend_from_slice(&hash.to_le_bytes());
    raw.extend_from_slice(state);
}

/// Tick, hash and state of an unpacked keyframe; the hash is that of the state.
pub(crate) fn decode(raw: &[u8]) -> Result<(Tick, u64, &[u8]), &'static str> {
    let (head, state) = raw.split_first_chunk::<HEAD_BYTES>().ok_or("a keyframe is cut short")?;
    let tick = Tick(u32::from_le_bytes([head[0], head[1], head[2], head[3]]));
    let hash = u64::from_le_bytes([head[4], head[5], head[6], head[7], head[8], head[9], head[10], head[11]]);
    if hash_bytes(state) == hash {
        Ok((tick, hash, state))
    } else {
        Err("a keyframe's hash is not its state's")
    }
}
