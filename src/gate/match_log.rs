//! `MatchLog`, the file that the log of a matcher is written to.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Longest log, in bytes; after that nothing more is written until another begins.
const BYTES_MAX: u64 = 256 << 20;

/// Pieces that wait to be written; a log whose disk does not keep up ends.
const WAITING_MAX: usize = 256;

enum Piece {
    Begin(Vec<u8>),
    More(Vec<u8>),
}

/// The file that the log of a matcher is written to, by a thread of its own: nobody waits for the disk. The log before
/// stays beside it, with `.1` at the end of its name, if anything was added to it.
#[derive(Debug)]
pub struct MatchLog {
    pieces: SyncSender<Piece>,
    /// Whether what is added belongs to what was written.
    is_whole: bool,
}

impl MatchLog {
    /// Writes to that file, once a log begins. `told` hears what goes wrong.
    ///
    /// # Errors
    /// If there can be no thread.
    pub fn new(path: &Path, told: impl Fn(&str) + Send + 'static) -> io::Result<Self> {
        let (pieces, receiver) = sync_channel(WAITING_MAX);
        let path = path.to_owned();
        std::thread::Builder::new()
            .name("match-log".to_owned())
            .spawn(move || write(&path, &receiver, &told))?;
        Ok(Self { pieces, is_whole: false })
    }

    /// Another matcher begins: its log replaces the one before.
    pub fn begin(&mut self, bytes: Vec<u8>) {
        self.is_whole = self.pieces.try_send(Piece::Begin(bytes)).is_ok();
    }

    /// More of the log.
    pub fn add(&mut self, bytes: Vec<u8>) {
        if self.is_whole && !bytes.is_empty() {
            self.is_whole = self.pieces.try_send(Piece::More(bytes)).is_ok();
        }
    }
}

fn write(path: &Path, pieces: &Receiver<Piece>, told: &impl Fn(&str)) {
    let (mut file, mut written): (Option<File>, u64) = (None, 0);
    // Of a log to which nothing was added nobody learns anything: another one takes its place.
    let mut is_bare = false;
    while let Ok(piece) = pieces.recv() {
        let keeps = !std::mem::replace(&mut is_bare, matches!(piece, Piece::Begin(_)));
        let bytes = match piece {
            Piece::Begin(bytes) => {
                written = 0;
                file = begin(path, keeps).inspect_err(|why| told(&format!("cannot be begun: {why}"))).ok();
                bytes
            }
            Piece::More(bytes) => bytes,
        };
        written += bytes.len() as u64;
        let Some(open) = &mut file else { continue };
        if written > BYTES_MAX {
            told("is as long as it may be: it ends here");
            file = None;
        } else if let Err(why) = open.write_all(&bytes) {
            told(&format!("cannot be written: {why}"));
            file = None;
        }
    }
}

fn begin(path: &Path, keeps: bool) -> io::Result<File> {
    if !keeps {
        return File::create(path);
    }
    let mut before = path.as_os_str().to_owned();
    before.push(".1");
    match std::fs::rename(path, PathBuf::from(before)) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
        _ => {}
    }
    File::create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_to_which_nothing_was_added_does_not_take_the_place_of_one_that_tells_something() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("matches");
        let (pieces, receiver) = sync_channel(WAITING_MAX);
        let begin = |text: &str| pieces.send(Piece::Begin(text.into())).unwrap();
        begin("first ");
        pieces.send(Piece::More(b"with a match".to_vec())).unwrap();
        ["second", "third", "fourth"].into_iter().for_each(begin);
        drop(pieces);
        write(&path, &receiver, &|why: &str| panic!("{why}"));
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!((&read("matches")[..], &read("matches.1")[..]), ("fourth", "first with a match"));
    }
}
