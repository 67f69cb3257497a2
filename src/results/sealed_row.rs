//! How a result lies in the file: as JSON after a checksum, so that one that was changed is never told as true.

use crate::MatchResult;

/// What a row begins with; rows of before begin with the JSON.
const SEALED: u8 = 1;
/// Bytes before the JSON: the mark, and CRC-32 (IEEE 802.3) of the JSON, little-endian.
pub(crate) const HEAD_BYTES: usize = 1 + 4;
/// How the JSON of every result begins.
const TEXT: &[u8] = b"{\"schema_version\":";

/// The bytes of a row.
pub(crate) fn write(result: &MatchResult) -> Vec<u8> {
    let mut row = vec![SEALED, 0, 0, 0, 0];
    // Numbers and texts always have a JSON.
    let _ = serde_json::to_writer(&mut row, result);
    let checksum = crc32fast::hash(&row[HEAD_BYTES..]);
    row[1..HEAD_BYTES].copy_from_slice(&checksum.to_le_bytes());
    row
}

/// The result that a row says, which has to be that of this id; otherwise what is wrong with it.
pub(crate) fn read(row: &[u8], id: &str) -> Result<MatchResult, String> {
    let text = match row {
        [SEALED, a, b, c, d, text @ ..] => {
            let (found, expected) = (u32::from_le_bytes([*a, *b, *c, *d]), crc32fast::hash(text));
            if found != expected {
                return Err(format!(
                    "the checksum of the result of match {id} is {found:08x} and should be {expected:08x}"
                ));
            }
            text
        }
        text => text,
    };
    let result: MatchResult =
        serde_json::from_slice(text).map_err(|error| format!("the result of match {id}: {error}"))?;
    if result.id == id { Ok(result) } else { Err(format!("the result of match {id} says {:?}", result.id)) }
}

/// The result whose JSON begins at a place of a file, if it is one whose checksum fits; with the length of its JSON.
pub(crate) fn sound_at(bytes: &[u8], at: usize) -> Option<(MatchResult, usize)> {
    let (before, text) = bytes.split_at_checked(at)?;
    let [SEALED, a, b, c, d] = *before.last_chunk::<HEAD_BYTES>()? else { return None };
    if !text.starts_with(TEXT) {
        return None;
    }
    let mut results = serde_json::Deserializer::from_slice(text).into_iter::<MatchResult>();
    let result = results.next()?.ok()?;
    let length = results.byte_offset();
    (crc32fast::hash(&text[..length]) == u32::from_le_bytes([a, b, c, d])).then_some((result, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_of_a_row_is_found() {
        let result =
            MatchResult { id: "a-1".into(), game: "arena".into(), ticks: 77, ..MatchResult::default() };
        let row = write(&result);
        assert_eq!(read(&row, "a-1"), Ok(result.clone()));
        for bit in 0..row.len() * 8 {
            let mut changed = row.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&changed, "a-1").is_err(), "bit {bit}");
        }
        assert!(read(&row, "a-2").unwrap_err().contains("says \"a-1\""), "a row in the place of another");
        assert!(read(&[], "a-1").is_err());
        // As rows were written before they had a checksum.
        assert_eq!(read(&serde_json::to_vec(&result).unwrap(), "a-1"), Ok(result));
    }
}
