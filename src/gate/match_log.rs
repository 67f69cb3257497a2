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
/// stays beside it, with `.1` at the end of its name.
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
    while let Ok(piece) = pieces.recv() {
        let bytes = match piece {
            Piece::Begin(bytes) => {
                written = 0;
                file = begin(path).inspect_err(|why| told(&format!("cannot be begun: {why}"))).ok();
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

fn begin(path: &Path) -> io::Result<File> {
    let mut before = path.as_os_str().to_owned();
    before.push(".1");
    match std::fs::rename(path, PathBuf::from(before)) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
        _ => {}
    }
    File::create(path)
}
