//! `Told`, what a journal says of the one room that is played in.

use std::fs;
use std::path::{Path, PathBuf};

use framekeep_games::arena::Arena;
use framekeep_journal::{Lives, Record, SegmentEnd, SegmentReader};
use framekeep_sim::{Game as _, GameRegistry};

/// What a journal says of its only room.
pub(crate) struct Told {
    /// How many frames its match has.
    pub(crate) ticks: u32,
    /// The hash of the state before each tick, and at last of the state after all frames, as the frames give them.
    pub(crate) hashes: Vec<u64>,
    /// The hash that the last record with one gives, and how many frames its state has seen.
    pub(crate) last: Option<(u32, u64)>,
    /// How the last segment ends.
    pub(crate) end: SegmentEnd,
}

/// The files in a folder of the data folder, in order.
pub(crate) fn files(folder: &Path, of: &str, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("data").join(of)).expect("a folder");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    files
}

impl Told {
    /// Reads a journal up to its last whole record and plays its match again.
    pub(crate) fn read(folder: &Path) -> Self {
        let (mut lives, mut last, mut end) = (Lives::default(), None, None);
        for path in files(folder, "journal", "fkj") {
            let bytes = fs::read(&path).expect("a segment");
            let Ok(mut reader) = SegmentReader::open(&bytes[..]) else { continue };
            while let Some(entry) = reader.next_entry().expect("bytes can be read") {
                lives.take(&entry).expect("a record that follows");
                match entry.record {
                    Record::Step { tick, hash, .. } => last = Some((tick.next().0, hash)),
                    Record::Snapshot { tick, hash, .. } => last = Some((tick.0, hash)),
                    _ => {}
                }
            }
            end = reader.end().cloned();
        }
        let (_, life) = lives.into_rooms().next().expect("a room");
        let play = life.play.expect("a match");
        let game = GameRegistry::new().with::<Arena>().get(Arena::NAME).expect("the arena").clone();
        let resumed = play.resume(game.as_ref()).expect("a match that goes on");
        assert_eq!(resumed.disagreed, None);
        let end = end.expect("a segment");
        assert!(!matches!(end, SegmentEnd::Damaged { .. }), "{end}");
        Self { ticks: play.next().0, hashes: resumed.hashes, last, end }
    }
}
