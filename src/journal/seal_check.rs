//! Who sealed a replay, and whether that is what they sealed.

use framekeep_sim::Tick;

use crate::{PublicKey, Replay};

/// A replay that a key's owner did not seal, or not like this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealFault {
    /// Nobody signed it.
    #[error("nobody signed this replay")]
    Unsigned,
    /// Somebody else did.
    #[error("signed by {sealed}, not by {expected}")]
    OtherKey {
        /// The key that was asked for.
        expected: PublicKey,
        /// The key in the file.
        sealed: PublicKey,
    },
    /// The signatures are of other bytes: somebody changed the file and made its checks right again.
    #[error(
        "the {part} at byte {offset} is not what {key} sealed: the match is proven before tick {tick}, and not from \
         there on"
    )]
    Changed {
        /// Whose signatures they claim to be.
        key: PublicKey,
        /// What was changed: header, chunk of frames, keyframe or trailer.
        part: &'static str,
        /// Where it starts in the file.
        offset: u64,
        /// Every frame before this tick is what was sealed.
        tick: Tick,
    },
}

impl Replay {
    /// The key that the file says it was signed with; [`check_seal`](Self::check_seal) tells whether it was.
    #[must_use]
    pub fn sealed_by(&self) -> Option<PublicKey> {
        self.signatures.as_ref().map(|signatures| signatures.key)
    }

    /// Proves that the owner of a key sealed this replay and that nothing was changed since. Without a key, proves
    /// it for the one in the file, whoever has that.
    ///
    /// # Errors
    /// [`SealFault`]; after a change, it names the first section that is not what was sealed.
    pub fn check_seal(&self, key: Option<PublicKey>) -> Result<PublicKey, SealFault> {
        let signatures = self.signatures.as_ref().ok_or(SealFault::Unsigned)?;
        let sealed = signatures.key;
        if let Some(expected) = key.filter(|&expected| expected != sealed) {
            return Err(SealFault::OtherKey { expected, sealed });
        }
        let mut list = signatures.list.iter();
        let changed = self
            .signable
            .iter()
            .find(|section| list.next().is_none_or(|signature| !sealed.signed(&section.digest, signature)));
        // The trailer is the last thing that is signed; a list that goes on is of a longer match.
        let changed = changed.or_else(|| list.next().and(self.signable.last()));
        match changed {
            None => Ok(sealed),
            Some(section) => Err(SealFault::Changed {
                key: sealed,
                part: section.section.kind.name(),
                offset: section.section.offset as u64,
                tick: section.tick,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use framekeep_sim::Tick;

    use super::SealFault;
    use crate::section::{CHECK_BYTES, HEAD_BYTES, Kind};
    use crate::trailer::FOOTER_BYTES;
    use crate::{Replay, SealKey, reseal, sample};

    fn read(file: &[u8]) -> Replay {
        Replay::read(file.to_vec()).unwrap()
    }

    #[test]
    fn a_seal_proves_who_made_it() {
        let replay = read(&sample::signed(3, 2_100));
        let key = sample::key().public();
        assert_eq!((replay.check_seal(Some(key)), replay.check_seal(None)), (Ok(key), Ok(key)));
        let expected = SealKey::derive(&[6; 32]).public();
        assert_eq!(replay.check_seal(Some(expected)), Err(SealFault::OtherKey { expected, sealed: key }));
        let unsigned = sample::replay(3, 2_100);
        assert_eq!((unsigned.check_seal(None), unsigned.root()), (Err(SealFault::Unsigned), replay.root()));
    }

    /// Changes the last packed byte of a section so that the file can still be read, and makes every check right.
    fn forge(file: &[u8], section: usize) -> Option<Vec<u8>> {
        let replay = read(file);
        let signable = replay.signable[section];
        let end = replay.signable.get(section + 1).map(|next| next.section.offset)?;
        for at in (signable.section.offset + HEAD_BYTES..end - 8).rev() {
            for bit in 0..8 {
                let mut forged = file.to_vec();
                forged[at] ^= 1 << bit;
                if reseal(&mut forged) && Replay::read(forged.clone()).is_ok() {
                    return Some(forged);
                }
            }
        }
        None
    }

    #[test]
    fn a_forged_section_is_named_with_its_tick() {
        let file = sample::signed(3, 2_100);
        let (original, mut forged_any) = (read(&file), 0);
        for section in 0..original.signable.len() - 1 {
            let Some(forged) = forge(&file, section) else { continue };
            let (signable, key) = (original.signable[section], sample::key().public());
            let (part, offset, tick) =
                (signable.section.kind.name(), signable.section.offset as u64, signable.tick);
            let fault = SealFault::Changed { key, part, offset, tick };
            assert_eq!(read(&forged).check_seal(Some(key)), Err(fault));
            forged_any += 1;
        }
        // A keyframe holds the hash of its state: few bits forge it, if any.
        assert!(forged_any >= original.signable.len() - 2);
        assert_eq!(original.signable[2].tick, Tick(256));
    }

    #[test]
    fn a_shorter_match_with_the_signatures_of_a_longer_one_is_found() {
        let (long, short) = (sample::signed(2, 600), sample::replay(2, 256));
        let trailer = read(&long).signable.last().unwrap().section.offset;
        let packed_len = u32::from_le_bytes(*long[trailer + 5..].first_chunk().unwrap()) as usize;
        let signatures = trailer + HEAD_BYTES + packed_len + CHECK_BYTES;
        assert_eq!(long[signatures], Kind::Signatures as u8);
        // The signed prefix is the same; then comes a trailer that nobody signed.
        let mut forged = short.bytes()[..short.bytes().len() - FOOTER_BYTES].to_vec();
        forged.extend_from_slice(&long[signatures..]);
        assert!(reseal(&mut forged));
        let fault = read(&forged).check_seal(None).unwrap_err();
        assert!(fault.to_string().contains("the trailer at byte"), "{fault}");
        assert!(fault.to_string().contains("proven before tick 256"), "{fault}");
    }
}
