//! `reseal`, for drills: makes a changed replay look untouched.

use crate::section::{CHECK_BYTES, Chain, HEAD_BYTES, Kind, MAGIC, PREFIX_BYTES};
use crate::trailer::{FOOTER_BYTES, append_footer};

/// Recomputes every check of a replay file, section by section, and its footer; false if its sections cannot be
/// told apart, and some checks may be changed then. Signatures stay as they are.
///
/// Checks find accidents, not forgers: whoever can change a byte can also reseal the file, and then only signatures
/// and playing the match again tell. Tests and fuzzing use this to get behind the checks.
pub fn reseal(file: &mut [u8]) -> bool {
    let version = file.get(MAGIC.len()..).and_then(<[u8]>::first_chunk).map(|two| u16::from_le_bytes(*two));
    let (mut offset, mut chain) = (PREFIX_BYTES, Chain::start(version.unwrap_or_default()));
    let Some(footer) = file.len().checked_sub(FOOTER_BYTES) else { return false };
    let mut trailer = 0;
    while offset < footer {
        let Some(head) = file.get(offset..).and_then(<[u8]>::first_chunk::<HEAD_BYTES>) else { return false };
        let kind = head[0];
        let packed_len = u32::from_le_bytes([head[5], head[6], head[7], head[8]]) as usize;
        let checked = offset + HEAD_BYTES + packed_len;
        if file.len() < checked + CHECK_BYTES {
            return false;
        }
        let check = chain.extend(&file[offset..checked]);
        file[checked..checked + CHECK_BYTES].copy_from_slice(&check);
        if kind == Kind::Trailer as u8 {
            trailer = offset;
        }
        offset = checked + CHECK_BYTES;
    }
    reseal_footer(file, trailer, offset, chain)
}

fn reseal_footer(file: &mut [u8], trailer: usize, at: usize, chain: Chain) -> bool {
    let mut footer = Vec::with_capacity(FOOTER_BYTES);
    append_footer(trailer, chain, &mut footer);
    let Some(place) = file.get_mut(at..).filter(|rest| rest.len() == FOOTER_BYTES) else { return false };
    place.copy_from_slice(&footer);
    true
}

#[cfg(test)]
mod tests {
    use super::reseal;
    use crate::{Replay, sample};

    #[test]
    fn a_resealed_file_is_the_same_file() {
        let file = sample::replay_with(2, 700, |_| {});
        let mut again = file.clone();
        assert!(reseal(&mut again));
        assert_eq!(again, file);
    }

    #[test]
    fn a_changed_section_is_read_again_after_resealing() {
        let mut file = sample::replay_with(2, 40, |_| {});
        let name = file.windows(4).position(|four| four == b"hall").unwrap();
        file[name] = b'b';
        assert!(Replay::read(file.clone()).is_err());
        assert!(reseal(&mut file));
        assert_eq!(Replay::read(file).unwrap().header().room, "ball");
    }
}
