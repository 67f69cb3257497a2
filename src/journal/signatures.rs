//! The signatures of a replay: one for each section, over the chain's digest after it.
//!
//! Unpacked: `public key [u8; 32], count u32, count signatures [u8; 64]`. A signature for each section and not one for
//! the file: who changes a section and makes every check right again cannot sign what follows, and what came before
//! is proven still.

use crate::seal_key::SIGNATURE_BYTES;
use crate::{PublicKey, SealKey};

const HEAD_BYTES: usize = 36;

/// Who claims to have signed, and the signatures in the order of sections.
#[derive(Clone, Debug)]
pub(crate) struct Signatures {
    pub(crate) key: PublicKey,
    pub(crate) list: Vec<[u8; SIGNATURE_BYTES]>,
}

/// Overwrites `raw` with the signatures of these digests.
pub(crate) fn encode(key: &SealKey, digests: &[[u8; 32]], raw: &mut Vec<u8>) {
    raw.clear();
    raw.extend_from_slice(key.public().bytes());
    raw.extend_from_slice(&(digests.len() as u32).to_le_bytes());
    for digest in digests {
        raw.extend_from_slice(&key.sign(digest));
    }
}

pub(crate) fn decode(raw: &[u8]) -> Result<Signatures, &'static str> {
    let (head, rest) = raw.split_first_chunk::<HEAD_BYTES>().ok_or("the signatures are cut short")?;
    let (key, count) = head.split_at(32);
    let mut public = [0; 32];
    public.copy_from_slice(key);
    let count = u32::from_le_bytes([count[0], count[1], count[2], count[3]]) as usize;
    let (list, rest) = rest.as_chunks::<SIGNATURE_BYTES>();
    if list.len() != count || !rest.is_empty() {
        return Err("the signatures are not as many as they claim");
    }
    Ok(Signatures { key: PublicKey(public), list: list.to_vec() })
}
