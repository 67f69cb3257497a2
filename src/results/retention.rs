//! `ReplayRules`, which replays are kept.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Which replays are kept: the newest that break none of these. Zero stands for no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayRules {
    /// At most so many.
    pub count_max: u64,
    /// None that was sealed longer ago.
    pub age_max: Duration,
    /// At most so many bytes together.
    pub bytes_max: u64,
}

impl ReplayRules {
    /// Whether they ever delete anything.
    #[must_use]
    pub fn delete_anything(&self) -> bool {
        *self != Self::default()
    }

    /// Whether a file is to go that is the `newer + 1`th newest, so old, and makes so many bytes with all newer ones.
    fn forbid(&self, newer: u64, age: Duration, bytes: u64) -> bool {
        let over = |limit: u64, value: u64| limit > 0 && value > limit;
        let is_old = !self.age_max.is_zero() && age > self.age_max;
        is_old || over(self.count_max, newer + 1) || over(self.bytes_max, bytes)
    }
}

/// Deletes the replays of a folder that the rules do not keep; gives how many and how many bytes.
///
/// # Errors
/// What the system says. A file that cannot be deleted is left for the next time.
pub fn retain_replays(folder: &Path, rules: &ReplayRules, now: SystemTime) -> io::Result<(u64, u64)> {
    if !rules.delete_anything() {
        return Ok((0, 0));
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "fkr") {
            let about = entry.metadata()?;
            files.push((about.modified()?, path, about.len()));
        }
    }
    files.sort_by(|a, b| b.cmp(a));
    let (mut gone, mut gone_bytes, mut total) = (0, 0, 0);
    for (newer, (modified, path, bytes)) in (0_u64..).zip(&files) {
        total += bytes;
        let age = now.duration_since(*modified).unwrap_or_default();
        if rules.forbid(newer, age, total) && remove(path) {
            gone += 1;
            gone_bytes += bytes;
        }
    }
    Ok((gone, gone_bytes))
}

fn remove(path: &PathBuf) -> bool {
    fs::remove_file(path).is_ok()
}
