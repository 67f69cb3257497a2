//! `Part`, what takes the space of a replay.

use framekeep_sim::Tick;

use crate::Replay;

/// One section of a replay file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is: header, chunk of frames, keyframe, trailer or list of signatures.
    pub name: &'static str,
    /// The tick of the first frame that is not in the parts before.
    pub tick: Tick,
    /// Where it starts in the file, in bytes.
    pub offset: u64,
    /// Bytes in the file.
    pub bytes: u64,
    /// Bytes when unpacked.
    pub raw_bytes: u64,
}

impl Replay {
    /// The file's sections in their order. Magic, version and footer, 58 bytes, are the rest of it.
    pub fn parts(&self) -> impl Iterator<Item = Part> + '_ {
        let signed = self.signable.iter().map(|signable| (signable.section, signable.tick));
        let signatures = self.signatures_section().map(|section| (section, self.end().ticks));
        signed.chain(signatures).map(|(section, tick)| Part {
            name: section.kind.name(),
            tick,
            offset: section.offset as u64,
            bytes: (section.end - section.offset) as u64,
            raw_bytes: section.raw_len as u64,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::{Replay, sample};

    #[test]
    fn the_parts_are_the_file() {
        for file in [sample::signed(2, 700), sample::replay_with(2, 700, |_| {})] {
            let replay = Replay::read(file).unwrap();
            let mut next = 10;
            for part in replay.parts() {
                assert_eq!(part.offset, next);
                next += part.bytes;
            }
            assert_eq!(next + 48, replay.bytes().len() as u64);
        }
    }
}
