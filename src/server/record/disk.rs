//! `Disk`, where segments are written: the system's, or one that fails as a test wants.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Where segments are written. Every call may take long or fail; only the journal's own thread makes them.
pub trait Disk: Send {
    /// Creates a file that is not there yet, and makes durable that it is there.
    ///
    /// # Errors
    /// What the system says; nothing is left then.
    fn create(&mut self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Deletes a file.
    ///
    /// # Errors
    /// What the system says.
    fn remove(&mut self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}

/// A segment that is open.
pub trait DiskFile: Send {
    /// Appends all of the bytes, or an unknown part of them.
    ///
    /// # Errors
    /// What the system says.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes durable what was appended.
    ///
    /// # Errors
    /// What the system says; what was appended since the last success may be lost.
    fn sync(&mut self) -> io::Result<()>;
}

/// The system's disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    fn create(&mut self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().create_new(true).append(true).open(path)?;
        if let Err(error) = path.parent().map_or(Ok(()), super::sealer::sync_folder) {
            let _ = fs::remove_file(path);
            return Err(error);
        }
        Ok(Box::new(file))
    }
}

impl DiskFile for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}
