//! A report as bytes, and back.

use framekeep_sim::{decode, encode_into};

use super::{DesyncReport, InvalidReport, REPORT_VERSION};
use crate::Damaged;
use crate::limits::{LZ4_RATIO_MAX, REPORT_RAW_BYTES_MAX};

const MAGIC: [u8; 8] = *b"FKDESYNC";
/// Magic, version and both lengths.
const HEAD_BYTES: usize = 18;
const CHECK_BYTES: usize = 32;

/// Bytes that are no report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// The bytes are not what was written.
    #[error(transparent)]
    Damaged(#[from] Damaged),
    /// The bytes are whole, and hold what no report may.
    #[error(transparent)]
    Invalid(#[from] InvalidReport),
}

impl DesyncReport {
    /// The file of this report.
    ///
    /// # Errors
    /// [`InvalidReport`] names the first value that is out of range.
    pub fn write(&self) -> Result<Vec<u8>, InvalidReport> {
        self.validate()?;
        let mut raw = Vec::new();
        encode_into(self, &mut raw);
        let packed = lz4_flex::block::compress(&raw);
        let mut file = Vec::with_capacity(HEAD_BYTES + packed.len() + CHECK_BYTES);
        file.extend_from_slice(&MAGIC);
        file.extend_from_slice(&REPORT_VERSION.to_le_bytes());
        file.extend_from_slice(&(raw.len() as u32).to_le_bytes());
        file.extend_from_slice(&(packed.len() as u32).to_le_bytes());
        file.extend_from_slice(&packed);
        let check = blake3::hash(&file);
        file.extend_from_slice(check.as_bytes());
        Ok(file)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`ReportError`] says what is wrong and where.
    pub fn read(file: &[u8]) -> Result<Self, ReportError> {
        let raw = unpack(file)?;
        let report: Self = decode(&raw).map_err(|error| Damaged::new(HEAD_BYTES, error))?;
        report.validate()?;
        Ok(report)
    }
}

/// Checks a file and unpacks what it holds.
fn unpack(file: &[u8]) -> Result<Vec<u8>, Damaged> {
    let Some((head, rest)) = file.split_first_chunk::<HEAD_BYTES>() else {
        return Err(Damaged::new(file.len(), "a report ends within its head"));
    };
    if head[..8] != MAGIC {
        return Err(Damaged::new(0, "the file is no desync report"));
    }
    let version = u16::from_le_bytes([head[8], head[9]]);
    if version != REPORT_VERSION {
        let what = format!("a report of version {version}, this program reads {REPORT_VERSION}");
        return Err(Damaged::new(8, what));
    }
    let number =
        |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]) as usize;
    let (raw_len, packed_len) = (number(10), number(14));
    let Some((packed, check)) =
        rest.split_at_checked(packed_len).filter(|(_, check)| check.len() == CHECK_BYTES)
    else {
        let what = format!(
            "a report of {} bytes, its head names {}",
            file.len(),
            HEAD_BYTES + packed_len + CHECK_BYTES
        );
        return Err(Damaged::new(14, what));
    };
    let end = HEAD_BYTES + packed_len;
    if blake3::hash(&file[..end]).as_bytes()[..] != *check {
        return Err(Damaged::new(end, "the digest of a report is not that of its bytes"));
    }
    let possible = REPORT_RAW_BYTES_MAX.min(packed.len().saturating_mul(LZ4_RATIO_MAX));
    if raw_len > possible {
        return Err(Damaged::new(
            10,
            format!("a report claims {raw_len} bytes, and {possible} are possible"),
        ));
    }
    let mut raw = vec![0; raw_len];
    match lz4_flex::block::decompress_into(packed, &mut raw) {
        Ok(used) if used == raw_len => Ok(raw),
        Ok(used) => Err(Damaged::new(10, format!("a report claims {raw_len} bytes and holds {used}"))),
        Err(error) => Err(Damaged::new(HEAD_BYTES, format!("a report does not unpack: {error}"))),
    }
}
