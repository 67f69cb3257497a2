//! Files of status: replaced as a whole, and on a disk without room written over where they are.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use super::sealer::replace;

/// Writes a small file of JSON. Whoever reads it finds the one before or this one. On a full disk there is no room for
/// both: then it is written over, in one call, for a status that stands still tells nobody that the disk is full.
pub(super) fn write(path: &Path, json: &[u8]) -> io::Result<()> {
    let Err(error) = replace(path, json) else { return Ok(()) };
    write_over(path, json).map_err(|_| error)
}

/// White space after it takes the place of what was longer.
fn write_over(path: &Path, json: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    let before = usize::try_from(file.metadata()?.len()).unwrap_or(0);
    let mut bytes = json.to_vec();
    bytes.resize(bytes.len().max(before), b'\n');
    file.write_all(&bytes)?;
    file.set_len(json.len() as u64)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_that_cannot_be_replaced_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("status.json");
        write(&path, b"{\"a\":1,\"b\":2}\n").unwrap();
        // No new file can be made where a folder is.
        fs::create_dir(path.with_extension("tmp")).unwrap();
        write(&path, b"{\"a\":3}\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"{\"a\":3}\n");
        write(&path, b"{\"a\":3,\"b\":4,\"c\":5}\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"{\"a\":3,\"b\":4,\"c\":5}\n");
        fs::remove_file(&path).unwrap();
        assert!(write(&path, b"{}").is_err());
    }
}
