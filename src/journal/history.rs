//! A match that runs, told once more: what a journal needs so that earlier records of it can go.

use framekeep_sim::Tick;

use crate::limits::{CHUNK_RAW_BYTES_MAX, SECTION_RAW_BYTES_MAX};
use crate::section::{Chain, Kind, Section};
use crate::{REPLAY_VERSION, ReplayBuilder, keyframe};

/// A part of a match that is told once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told<'a> {
    /// Frames and the hash after each, as a chunk of a replay.
    Frames {
        /// The chunk, unpacked, in the format of [`REPLAY_VERSION`].
        raw: &'a [u8],
    },
    /// The state after all frames told so far.
    State {
        /// The tick of the next frame.
        tick: Tick,
        /// The hash of the state.
        hash: u64,
        /// Its canonical encoding.
        state: &'a [u8],
    },
}

impl ReplayBuilder {
    /// Tells the match from its first frame to its last, in order.
    pub fn tell(&self, mut tell: impl FnMut(Told<'_>)) {
        let (mut chain, mut raw) = (Chain::start(REPLAY_VERSION), Vec::new());
        for file in self.sections() {
            // The bytes were written here and nobody has touched them.
            let Ok(section) = Section::read(file, 0, &mut chain) else { return };
            let limit = if section.kind == Kind::Chunk { CHUNK_RAW_BYTES_MAX } else { SECTION_RAW_BYTES_MAX };
            match section.kind {
                Kind::Chunk | Kind::Keyframe if section.unpack(file, limit, &mut raw).is_err() => return,
                Kind::Chunk => tell(Told::Frames { raw: &raw }),
                Kind::Keyframe => {
                    if let Ok((tick, hash, state)) = keyframe::decode(&raw) {
                        tell(Told::State { tick, hash, state });
                    }
                }
                _ => {}
            }
        }
        if self.open_chunk().count() > 0 {
            self.open_chunk().copy(&mut raw);
            tell(Told::Frames { raw: &raw });
        }
    }
}
