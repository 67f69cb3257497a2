//! The data folder: whether it can be written, who uses it, how much room there is, and who can read the keys.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;

use super::Finding;
use crate::Exit;
use crate::config::Settings;

/// Room on the disk below which it is tight, and below which it is full, in bytes.
const TIGHT: u64 = 1 << 30;
const FULL: u64 = 64 << 20;

/// Files with secrets in the data folder.
const SECRETS: [&str; 3] = ["development.key", "admin.token", "node.key"];

/// The folder and its disk; whether a server uses it now.
pub(super) fn look(folder: &Path) -> (bool, Vec<Finding>) {
    let (in_use, lock) = lock(folder);
    (in_use, vec![writable(folder), lock, room(folder)])
}

fn writable(folder: &Path) -> Finding {
    let shown = folder.display();
    if !folder.exists() {
        let parent = existing(folder);
        return match probe(&parent) {
            Ok(()) => Finding::ok("data", format!("{shown} is not there yet and can be made")),
            Err(error) => {
                let text = format!(
                    "{shown} cannot be made in {}: {error}\nmake it for the user of the service, or name another \
                     one in data.folder",
                    parent.display()
                );
                Finding::fail("data", Exit::Failure, text)
            }
        };
    }
    match probe(folder) {
        Ok(()) => Finding::ok("data", format!("{shown} can be written")),
        Err(error) => {
            let text = format!(
                "{shown} cannot be written: {error}\nchown it to the user of the service, or mount it writable"
            );
            Finding::fail("data", Exit::Failure, text)
        }
    }
}

/// The nearest folder above that is there.
fn existing(folder: &Path) -> PathBuf {
    let above = folder.ancestors().find(|above| above.exists() && !above.as_os_str().is_empty());
    above.map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// Writes a file and takes it away again.
fn probe(folder: &Path) -> io::Result<()> {
    let path = folder.join(format!(".framekeep-check.{}", std::process::id()));
    let written = File::options()
        .write(true)
        .create_new(true)
        .open(&path)
        .and_then(|mut file| file.write_all(b"check\n").and_then(|()| file.sync_all()));
    let _ = fs::remove_file(&path);
    written
}

/// Whether a server holds the folder's lock.
fn lock(folder: &Path) -> (bool, Finding) {
    let path = folder.join("lock");
    let Ok(file) = File::options().write(true).open(&path) else {
        return (false, Finding::ok("lock", "no server uses the folder"));
    };
    match file.try_lock() {
        Ok(()) => (false, Finding::ok("lock", "no server uses the folder")),
        Err(TryLockError::WouldBlock) => {
            let text = "a server uses the folder now: a second one would not start with it";
            (true, Finding::warn("lock", text))
        }
        Err(TryLockError::Error(error)) => {
            let text =
                format!("{}: {error}\nput the folder on a disk whose file system has locks", path.display());
            (false, Finding::fail("lock", Exit::Failure, text))
        }
    }
}

fn room(folder: &Path) -> Finding {
    let at = existing(folder);
    match statvfs(&at) {
        Ok(disk) => enough(disk.blocks_available() * disk.fragment_size()),
        Err(error) => Finding::warn("disk", format!("the room at {} cannot be told: {error}", at.display())),
    }
}

fn enough(free: u64) -> Finding {
    let text = format!("{} MiB free", free >> 20);
    let way_out = "free some, or keep fewer replays: data.replays_max, data.replays_bytes_max";
    match free {
        ..FULL => Finding::fail("disk", Exit::Failure, format!("{text}: records will be lost\n{way_out}")),
        FULL..TIGHT => Finding::warn("disk", format!("{text}: the journal alone may take 1 GiB\n{way_out}")),
        _ => Finding::ok("disk", text),
    }
}

/// Whether others can read the files with secrets.
pub(super) fn keys(settings: &Settings) -> Vec<Finding> {
    let (identity, http) = (&settings.identity.key_file, &settings.http.api_key_file);
    let named = [identity, http, &settings.admin.token_file, &settings.cluster.secret_file];
    let named = named.into_iter().flatten().cloned();
    let own = SECRETS.iter().map(|name| settings.data.folder.join(name));
    let there: Vec<PathBuf> = named.chain(own).filter(|path| path.is_file()).collect();
    let open: Vec<Finding> = there.iter().filter_map(|path| open_to_others(path)).collect();
    if open.is_empty() {
        let text = format!("{} files with secrets, readable by their owner alone", there.len());
        return vec![Finding::ok("keys", text)];
    }
    open
}

#[cfg(unix)]
fn open_to_others(path: &Path) -> Option<Finding> {
    use std::os::unix::fs::MetadataExt as _;

    let mode = fs::metadata(path).ok()?.mode() & 0o777;
    let shown = path.display();
    (mode & 0o077 != 0).then(|| {
        Finding::warn("keys", format!("{shown} has mode {mode:03o}: others can read it\nchmod 600 {shown}"))
    })
}

#[cfg(not(unix))]
fn open_to_others(_path: &Path) -> Option<Finding> {
    None
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_folder_is_looked_at_and_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(writable(folder.path()).verdict, Verdict::Ok);
        assert_eq!(writable(&folder.path().join("a/b")).verdict, Verdict::Ok);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert_eq!(writable(&file.join("data")).verdict, Verdict::Fail(Exit::Failure));
    }

    #[test]
    fn a_lock_that_is_held_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!lock(folder.path()).0);
        let file = File::create(folder.path().join("lock")).unwrap();
        assert!(!lock(folder.path()).0);
        file.try_lock().unwrap();
        assert!(lock(folder.path()).0);
    }

    #[test]
    fn little_room_warns_and_none_fails() {
        let verdicts = [0, FULL, TIGHT].map(|free| enough(free).verdict);
        assert_eq!(verdicts, [Verdict::Fail(Exit::Failure), Verdict::Warn, Verdict::Ok]);
    }
}
