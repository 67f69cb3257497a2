//! `Clerk`, the thread that writes the files of status: a disk that is slow to sync the journal does not hold them up.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender};

use tracing::error;

use super::status_file;
use super::writer::Shared;
use crate::RoomList;

/// What the thread is to do.
pub(super) enum Notice {
    /// Replace the status file.
    Status { json: String },
    /// Replace the file of rooms.
    Rooms { list: RoomList },
    /// Tell when all before it is done.
    Settle(Sender<()>),
}

/// The thread that writes the files of status.
pub(super) struct Clerk {
    status: PathBuf,
    rooms: PathBuf,
    shared: Arc<Shared>,
}

impl Clerk {
    pub(super) fn new(folder: &Path, shared: Arc<Shared>) -> Self {
        Self { status: folder.join("status.json"), rooms: folder.join("rooms.json"), shared }
    }

    /// Works until nothing more can come.
    pub(super) fn work(self, notices: &Receiver<Notice>) {
        notices.iter().for_each(|notice| self.carry_out(notice));
    }

    fn carry_out(&self, notice: Notice) {
        let (path, written) = match notice {
            Notice::Status { json } => {
                self.shared.status_waits.store(false, Ordering::Relaxed);
                (&self.status, status_file::write(&self.status, json.as_bytes()))
            }
            Notice::Rooms { list } => {
                self.shared.rooms_wait.store(false, Ordering::Relaxed);
                let text = serde_json::to_vec(&list).map_err(io::Error::other);
                (&self.rooms, text.and_then(|text| status_file::write(&self.rooms, &text)))
            }
            Notice::Settle(done) => {
                // Whoever asked may have given up waiting.
                let _ = done.send(());
                return;
            }
        };
        if let Err(error) = written {
            self.shared.count_failure();
            error!(%error, file = %path.display(), "the data folder cannot be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::{Mutex, mpsc};

    use super::*;
    use crate::Durability;
    use crate::record::writer::Writer;
    use crate::record::{Disk, DiskFile, SystemDisk};

    /// A disk that syncs nothing as long as the test has the lock.
    struct Stuck(Arc<Mutex<()>>);

    struct StuckFile(Box<dyn DiskFile>, Arc<Mutex<()>>);

    impl Disk for Stuck {
        fn create(&mut self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
            Ok(Box::new(StuckFile(SystemDisk.create(path)?, self.0.clone())))
        }
    }

    impl DiskFile for StuckFile {
        fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
            self.0.append(bytes)
        }

        fn sync(&mut self) -> io::Result<()> {
            drop(self.1.lock());
            self.0.sync()
        }
    }

    #[test]
    fn the_status_is_fresh_while_the_journal_waits_for_the_disk() {
        let (folder, lock) = (tempfile::tempdir().unwrap(), Arc::new(Mutex::new(())));
        let disk = Box::new(Stuck(lock.clone()));
        let (mut writer, _) = Writer::start(folder.path(), 1, Durability::Tick, disk).unwrap();
        let stuck = lock.lock().unwrap();
        writer.append(crate::record::segments::clean_end(), Vec::new(), Vec::new());
        for status in ["{\"a\":1}", "{\"a\":2}"] {
            writer.status(status.to_owned());
            let (done, wait) = mpsc::channel();
            writer.notify(Notice::Settle(done));
            wait.recv().unwrap();
            assert_eq!(fs::read_to_string(folder.path().join("status.json")).unwrap(), status);
        }
        assert_eq!(writer.shared().durable(), 0);
        drop(stuck);
    }
}
