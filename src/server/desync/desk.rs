//! `Desk`, the thread that looks at desyncs and writes their reports.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use framekeep_journal::{DesyncCause, DesyncReport};
use framekeep_protocol::PlayerId;
use framekeep_sim::{FieldDiff, Tick};
use tracing::error;

use super::exam::Exam;
use crate::limits::{DESYNC_EXAMS_MAX, DESYNC_REPORT_BYTES_MAX, DESYNC_REPORTS_MAX};

/// What a desync turned out to be.
#[derive(Clone, Debug, Default)]
pub struct DesyncVerdict {
    /// What it was.
    pub cause: DesyncCause,
    /// The room's id.
    pub room: u64,
    /// The client's seat.
    pub seat: u8,
    /// The client's player.
    pub player: PlayerId,
    /// The first tick at which the states differ; the one that was noticed where nothing more is known.
    pub first_bad: Tick,
    /// The first field that differs, the server's value on the left.
    pub field: Option<FieldDiff>,
    /// The report, if one was written.
    pub report: Option<PathBuf>,
}

/// Where desyncs are looked at: a thread of its own, or the caller's where time is moved by hand.
pub(super) enum Desk {
    Thread {
        orders: Option<SyncSender<Exam>>,
        verdicts: Mutex<Receiver<DesyncVerdict>>,
        thread: Option<JoinHandle<()>>,
    },
    Inline {
        drawer: Drawer,
        verdicts: VecDeque<DesyncVerdict>,
    },
}

impl Desk {
    /// A desk that writes into `desyncs/` of the data folder, if there is one.
    pub(super) fn open(data: Option<&Path>, inline: bool) -> Self {
        let drawer = Drawer::open(data.map(|data| data.join("desyncs")));
        if inline {
            return Self::Inline { drawer, verdicts: VecDeque::new() };
        }
        let (orders, exams) = sync_channel::<Exam>(DESYNC_EXAMS_MAX);
        let (found, verdicts) = sync_channel(DESYNC_EXAMS_MAX);
        let mut drawer = drawer;
        let thread = std::thread::Builder::new().name("framekeep-desync".to_owned()).spawn(move || {
            for exam in exams {
                // Whoever no longer listens wants no verdict; the report is written all the same.
                let _ = found.send(examine(exam, &mut drawer));
            }
        });
        let thread = thread.map_err(|error| error!(%error, "desyncs are not looked at")).ok();
        Self::Thread { orders: Some(orders), verdicts: Mutex::new(verdicts), thread }
    }

    /// Hands an exam over; gives it back if too many wait.
    pub(super) fn hand_over(&mut self, exam: Exam) -> Result<(), Box<Exam>> {
        match self {
            Self::Thread { orders: Some(orders), .. } => orders.try_send(exam).map_err(|error| match error {
                TrySendError::Full(exam) | TrySendError::Disconnected(exam) => Box::new(exam),
            }),
            Self::Thread { orders: None, .. } => Err(Box::new(exam)),
            Self::Inline { drawer, verdicts } => {
                verdicts.push_back(examine(exam, drawer));
                Ok(())
            }
        }
    }

    /// A verdict, if one is there.
    pub(super) fn poll(&mut self) -> Option<DesyncVerdict> {
        match self {
            Self::Thread { verdicts, .. } => {
                verdicts.get_mut().unwrap_or_else(PoisonError::into_inner).try_recv().ok()
            }
            Self::Inline { verdicts, .. } => verdicts.pop_front(),
        }
    }
}

impl Drop for Desk {
    /// What was handed over is still looked at.
    fn drop(&mut self) {
        if let Self::Thread { orders, thread, verdicts } = self {
            *orders = None;
            // A thread that has a verdict to give must not wait for ever.
            let verdicts = verdicts.get_mut().unwrap_or_else(PoisonError::into_inner);
            while verdicts.recv().is_ok() {}
            if let Some(thread) = thread.take() {
                let _ = thread.join();
            }
        }
    }
}

fn examine(exam: Exam, drawer: &mut Drawer) -> DesyncVerdict {
    let about = &exam.about;
    let mut verdict = DesyncVerdict {
        room: about.room,
        seat: about.index,
        player: about.player,
        first_bad: exam.found.first_bad,
        ..DesyncVerdict::default()
    };
    let (cause, report) = exam.run();
    verdict.cause = cause;
    if let Some(report) = report {
        verdict.field = report.field().cloned();
        verdict.report = drawer.put(&report);
    }
    verdict
}

/// The folder of reports: the newest ones, bounded in number and bytes.
#[derive(Default)]
pub(super) struct Drawer {
    folder: Option<PathBuf>,
    /// What is there, the oldest first.
    files: VecDeque<(PathBuf, u64)>,
    bytes: u64,
}

impl Drawer {
    /// The reports of a folder; without one, nothing is written.
    fn open(folder: Option<PathBuf>) -> Self {
        let Some(folder) = folder else { return Self::default() };
        match Self::read(&folder) {
            Ok(drawer) => drawer,
            Err(error) => {
                error!(%error, folder = %folder.display(), "reports of desyncs cannot be written");
                Self::default()
            }
        }
    }

    fn read(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let (path, about) = (entry.path(), entry.metadata()?);
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("fkd") => found.push((about.modified()?, path, about.len())),
                // A killed run did not finish it.
                Some("tmp") => fs::remove_file(&path)?,
                _ => {}
            }
        }
        found.sort();
        let files: VecDeque<_> = found.into_iter().map(|(_, path, bytes)| (path, bytes)).collect();
        let bytes = files.iter().map(|(_, bytes)| bytes).sum();
        Ok(Self { folder: Some(folder.to_owned()), files, bytes })
    }

    /// Writes a report and makes room for it; gives its file.
    fn put(&mut self, report: &DesyncReport) -> Option<PathBuf> {
        let folder = self.folder.as_ref()?;
        let DesyncReport { room, epoch, first_bad, seat, player, .. } = report;
        let started = report.header.started_unix_s;
        let name = format!("{room:016x}-{started:010}-{epoch}-t{}-s{seat}-p{player:016x}.fkd", first_bad.0);
        let path = folder.join(name);
        let written = report.write().map_err(io::Error::other).and_then(|bytes| {
            self.make_room(bytes.len() as u64);
            write_whole(&path, &bytes)?;
            Ok(bytes.len() as u64)
        });
        match written {
            Ok(bytes) => {
                if let Some(same) = self.files.iter().position(|(other, _)| *other == path) {
                    self.bytes -= self.files.remove(same).map_or(0, |(_, bytes)| bytes);
                }
                self.files.push_back((path.clone(), bytes));
                self.bytes += bytes;
                Some(path)
            }
            Err(error) => {
                error!(%error, file = %path.display(), "a report of a desync cannot be written");
                None
            }
        }
    }

    fn make_room(&mut self, bytes: u64) {
        while self.files.len() >= DESYNC_REPORTS_MAX || self.bytes + bytes > DESYNC_REPORT_BYTES_MAX {
            let Some((path, bytes)) = self.files.pop_front() else { return };
            self.bytes -= bytes;
            // Somebody may have taken it away.
            let _ = fs::remove_file(path);
        }
    }
}

/// Writes a file as a whole or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let written = File::create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    if let Err(error) = written.and_then(|()| fs::rename(&temporary, path)) {
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use framekeep_journal::{MatchHeader, StateAt};
    use framekeep_protocol::Epoch;
    use framekeep_sim::{GameRegistry, hash_bytes};

    use super::super::inquiry::{About, Found};
    use super::*;

    fn header() -> MatchHeader {
        let content_hash = hash_bytes(&[]);
        MatchHeader {
            game: "arena".into(),
            content_hash,
            seats: 2,
            input_bits: 9,
            tick_rate_hz: 30,
            ..MatchHeader::default()
        }
    }

    /// Nothing is remembered of the match it is about.
    fn exam(room: u64) -> Exam {
        let games = GameRegistry::new().with::<framekeep_games::arena::Arena>();
        let about = About {
            game: games.get("arena").unwrap().clone(),
            header: header(),
            room,
            epoch: Epoch::new(1),
            index: 0,
            player: PlayerId(7),
            noticed: Tick(9),
            blocks: Vec::new(),
        };
        Exam { about, found: Found { first_bad: Tick(8), ..Found::default() }, now_unix_s: 1 }
    }

    #[test]
    fn a_thread_looks_and_too_many_exams_come_back() {
        let mut desk = Desk::open(None, false);
        let (mut taken, mut verdicts) = (0, 0);
        for room in 0..1_000 {
            taken += usize::from(desk.hand_over(exam(room)).is_ok());
        }
        assert!((1..=1_000).contains(&taken), "{taken}");
        while verdicts < taken {
            let Some(verdict) = desk.poll() else { continue };
            assert_eq!((verdict.cause, verdict.report), (DesyncCause::ServerDiffers, None));
            verdicts += 1;
        }
        assert!(desk.hand_over(exam(5)).is_ok());
        drop(desk);
    }

    #[test]
    fn the_drawer_holds_the_newest_reports_and_no_rubbish() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("half.tmp"), "cut").unwrap();
        let state = |tick: u32| StateAt { tick: Tick(tick), bytes: vec![0; 8] };
        let report = |room| DesyncReport {
            header: header(),
            room,
            first_bad: Tick(8),
            server: state(8),
            base: state(8),
            ..DesyncReport::default()
        };
        let mut drawer = Drawer::open(Some(folder.path().to_owned()));
        let first = drawer.put(&report(1)).unwrap();
        assert_eq!(DesyncReport::read(&fs::read(&first).unwrap()).unwrap().room, 1);
        assert_eq!(drawer.put(&report(1)), Some(first.clone()), "the same again replaces it");
        assert_eq!(drawer.files.len(), 1);
        drawer.bytes += DESYNC_REPORT_BYTES_MAX - drawer.bytes;
        let second = drawer.put(&report(2)).unwrap();
        assert!(!first.exists() && second.exists(), "the oldest goes for the newest");
        let again = Drawer::open(Some(folder.path().to_owned()));
        assert_eq!((again.files.len(), again.bytes), (1, fs::metadata(second).unwrap().len()));
        assert!(!folder.path().join("half.tmp").exists());
    }
}
