//! `Shelf`, which sealed matches lie in the data folder.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What the names of replays end with.
const ENDING: &str = ".fkr";

/// Longest name.
const NAME_BYTES_MAX: usize = 128;

/// The folder is read once in this time at most, and only if something was put into it or taken out.
const READ_EVERY: Duration = Duration::from_secs(1);

/// A sealed match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SealedMatch {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    pub(crate) sealed_unix_ms: u64,
}

/// The sealed matches of the data folder, remembered from one request to the next.
#[derive(Default)]
pub(crate) struct Shelf(Mutex<Option<Seen>>);

struct Seen {
    at: Instant,
    /// When the folder had changed last; `None` where that was too short ago to be told from the next change.
    changed: Option<SystemTime>,
    matches: Arc<Vec<SealedMatch>>,
}

impl Shelf {
    /// What lies there, the newest first. Waits for the disk; of many who ask at once one reads.
    pub(crate) fn look(&self, folder: &Path) -> Arc<Vec<SealedMatch>> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = std::fs::metadata(folder).and_then(|folder| folder.modified()).ok();
        if let Some(seen) = seen.as_ref() {
            let is_same = seen.changed.is_some() && seen.changed == changed;
            if is_same || seen.at.elapsed() < READ_EVERY {
                return seen.matches.clone();
            }
        }
        let matches = Arc::new(read(folder));
        let settled = changed.filter(|at| at.elapsed().is_ok_and(|since| since > READ_EVERY));
        *seen = Some(Seen { at: Instant::now(), changed: settled, matches: matches.clone() });
        matches
    }
}

fn read(folder: &Path) -> Vec<SealedMatch> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<SealedMatch> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            let metadata = if is_replay(&name) { entry.metadata().ok()? } else { return None };
            let sealed = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
            let sealed_unix_ms = sealed.as_millis() as u64;
            metadata.is_file().then_some(SealedMatch { name, bytes: metadata.len(), sealed_unix_ms })
        })
        .collect();
    found.sort_unstable_by(|a, b| (b.sealed_unix_ms, &a.name).cmp(&(a.sealed_unix_ms, &b.name)));
    found
}

/// Whether it is the name of a replay, and of nothing that is elsewhere.
pub(crate) fn is_replay(name: &str) -> bool {
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"._-".contains(&c);
    name.len() <= NAME_BYTES_MAX
        && name.ends_with(ENDING)
        && !name.starts_with('.')
        && name.bytes().all(plain)
}

/// Whether a match, by its id or the name of its replay, was played in a room with a code: both begin with the
/// room's id.
pub(crate) fn is_private(id: &str) -> bool {
    let room = id.split('-').next().filter(|room| room.len() == 16);
    room.and_then(|room| u64::from_str_radix(room, 16).ok())
        .is_some_and(|room| framekeep_protocol::RoomId(room).is_private())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_replays() {
        assert!(is_replay("friday-1.fkr"));
        for name in
            ["../a.fkr", "a/b.fkr", "..\\a.fkr", ".a.fkr", "a.fkr\0", "a.toml", "", "é.fkr", "%2e.fkr"]
        {
            assert!(!is_replay(name), "{name}");
        }
        assert!(!is_replay(&format!("{}.fkr", "a".repeat(NAME_BYTES_MAX))));
    }

    #[test]
    fn rooms_with_a_code_are_known_by_their_ids() {
        assert!(is_private("00000000000000f1-1795297694-1.fkr"));
        for public in ["00000000000000f0-1795297694-1.fkr", "friday-1.fkr", "f1-1.fkr", ""] {
            assert!(!is_private(public), "{public}");
        }
    }

    #[test]
    fn a_folder_that_did_not_change_is_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let old = SystemTime::now() - Duration::from_secs(60);
        let put = |name: &str| std::fs::write(folder.path().join(name), "match").unwrap();
        let touch = |at| std::fs::File::open(folder.path()).unwrap().set_modified(at).unwrap();
        put("a.fkr");
        touch(old);
        let shelf = Shelf::default();
        let age = |shelf: &Shelf| {
            // As if it had been read some time ago.
            let mut seen = shelf.0.lock().unwrap();
            let seen = seen.as_mut().unwrap();
            seen.at = Instant::now().checked_sub(2 * READ_EVERY).unwrap();
        };
        let first = shelf.look(folder.path());
        assert_eq!((first.len(), first[0].name.as_str(), first[0].bytes), (1, "a.fkr", 5));
        age(&shelf);
        assert!(Arc::ptr_eq(&first, &shelf.look(folder.path())), "it is as it was");
        put("b.fkr");
        assert_eq!(shelf.look(folder.path()).len(), 2, "it has changed");
        put("c.fkr");
        assert_eq!(shelf.look(folder.path()).len(), 2, "it was read a moment ago");
        age(&shelf);
        assert_eq!(shelf.look(folder.path()).len(), 3, "what changed in the moment it was read is found");
    }
}
