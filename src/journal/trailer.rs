//! The end of a replay file: the trailer section (how the match ended, the index), then the footer.
//!
//! The footer is `offset of the trailer u64, digest [u8; 32], "FKSEALED"`; the digest is the chain's after the last
//! section. Together they let a reader seek from the end of the file.

use serde::{Deserialize, Serialize};

use crate::section::Chain;
use crate::{Damaged, MatchEnd};

const MAGIC: [u8; 8] = *b"FKSEALED";

/// Bytes of the footer.
pub(crate) const FOOTER_BYTES: usize = 8 + 32 + 8;

/// Where something is in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The first tick of a chunk, or the tick of a keyframe.
    pub(crate) tick: u32,
    /// Where its section starts.
    pub(crate) offset: u64,
}

/// How the match ended, and where everything is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trailer {
    pub(crate) end: MatchEnd,
    pub(crate) chunks: Vec<Place>,
    pub(crate) keyframes: Vec<Place>,
}

pub(crate) fn append_footer(trailer: usize, chain: Chain, out: &mut Vec<u8>) {
    out.extend_from_slice(&(trailer as u64).to_le_bytes());
    out.extend_from_slice(&chain.0);
    out.extend_from_slice(&MAGIC);
}

/// Checks the footer at `offset`, which must be the last thing in the file.
pub(crate) fn check_footer(bytes: &[u8], offset: usize, trailer: usize, chain: Chain) -> Result<(), Damaged> {
    let mut expected = Vec::with_capacity(FOOTER_BYTES);
    append_footer(trailer, chain, &mut expected);
    let found = bytes.get(offset..).unwrap_or_default();
    if found == expected {
        return Ok(());
    }
    let same = found.iter().zip(&expected).take_while(|(a, b)| a == b).count();
    let what = match same {
        FOOTER_BYTES => "bytes follow the end of the replay",
        _ if same == found.len() => "the file ends within its footer",
        _ => "the footer is not the one that was sealed",
    };
    Err(Damaged::new(offset + same, what))
}
