//! `Sealer`, the thread that seals matches into files.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime};

use framekeep_journal::{EndReason, MatchEnd, Replay, ReplayBuilder, SealKey};
use framekeep_sim::Tick;
use tracing::{debug, error, info};

use super::holds::Hold;
use super::writer::Shared;
use crate::log_budget::LogBudget;

/// How long a disk that did not take a replay is left alone.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// How many replays the disk may refuse in one turn before it is left alone again.
const RETRY_FAILURES_MAX: usize = 8;

/// A finished match and the file it is to become.
pub(super) struct Sealing {
    pub(super) builder: ReplayBuilder,
    pub(super) end: MatchEnd,
    pub(super) path: PathBuf,
    pub(super) key: SealKey,
    /// When the match ended, since 1970, if an earlier run played it: its file is as old as that.
    pub(super) ended: Option<Duration>,
    /// As long as the match waits here, the journal keeps it.
    pub(super) _hold: Hold,
}

/// Whether a match leaves a replay and a result: one without frames, or given up right after its start, does not.
pub(super) fn is_kept(end: &MatchEnd, rate_hz: u16, sealed_after: Duration) -> bool {
    let played = Duration::from_secs(end.ticks.0.into()) / u32::from(rate_hz.max(1));
    end.ticks > Tick(0) && (end.reason != EndReason::Aborted || played >= sealed_after)
}

impl Sealing {
    /// How much memory it takes, about.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + self.builder.bytes()
    }
}

/// The thread that seals matches into files: apart from the journal's, which must not wait for it.
pub(super) struct Sealer {
    shared: Arc<Shared>,
    began: Instant,
    log: LogBudget,
    /// What the disk did not take.
    left: VecDeque<Sealing>,
    /// When it is tried again, if there is any.
    retry_at: Option<Instant>,
}

impl Sealer {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let (log, left) = (LogBudget::default(), VecDeque::new());
        Self { shared, began: Instant::now(), log, left, retry_at: None }
    }

    /// Seals until nothing more can come; gives how many matches became no file. What a full or broken disk does not
    /// take is tried again; how much may wait is bounded where it is handed over.
    pub(super) fn work(mut self, sealings: &Receiver<Sealing>) -> u64 {
        loop {
            let wait = self.retry_at.map(|at| at.saturating_duration_since(Instant::now()));
            match sealings.recv_timeout(wait.unwrap_or(Duration::MAX)) {
                Ok(sealing) if self.retry_at.is_none() => self.seal_or_keep(sealing),
                // The disk is left alone until then.
                Ok(sealing) => self.left.push_back(sealing),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.retry_at.is_some_and(|at| at <= Instant::now()) {
                self.retry(RETRY_FAILURES_MAX);
            }
        }
        self.retry(usize::MAX);
        self.left.len() as u64 + self.shared.seals_lost()
    }

    fn seal_or_keep(&mut self, sealing: Sealing) {
        let Err(error) = self.try_to_seal(&sealing) else { return };
        let file = sealing.path.display();
        error!(%error, %file, "the disk does not take a replay; it and those after it are tried again");
        self.left.push_back(sealing);
        self.retry_at = Some(Instant::now() + RETRY_AFTER);
    }

    /// Tries what is left in turn, until so many were not taken.
    fn retry(&mut self, failures_max: usize) {
        let (before, mut failures) = (self.left.len(), 0);
        for _ in 0..before {
            let Some(sealing) = self.left.pop_front() else { break };
            if let Err(error) = self.try_to_seal(&sealing) {
                debug!(%error, file = %sealing.path.display(), "a replay is not taken yet");
                self.left.push_back(sealing);
                failures += 1;
            }
            if failures >= failures_max {
                break;
            }
        }
        self.retry_at = (!self.left.is_empty()).then(|| Instant::now() + RETRY_AFTER);
        if before > 0 && self.left.is_empty() {
            info!(replays = before, "the disk takes replays again");
        }
    }

    fn try_to_seal(&mut self, sealing: &Sealing) -> io::Result<()> {
        let bytes = seal(sealing).inspect_err(|_| self.shared.count_failure())?;
        self.shared.sealed(sealing.bytes());
        let (file, ticks) = (sealing.path.display(), sealing.end.ticks.0);
        if self.log.take(self.began.elapsed()) {
            info!(%file, ticks, bytes, "a match is sealed");
        } else {
            debug!(%file, ticks, bytes, "a match is sealed");
        }
        Ok(())
    }
}

/// Gives how many bytes the file has.
fn seal(sealing: &Sealing) -> io::Result<u64> {
    let Sealing { builder, end, path, key, ended, .. } = sealing;
    if let Some(bytes) = longer_file(path, end.ticks) {
        return Ok(bytes);
    }
    let mut bytes = Vec::new();
    let sealed = builder.clone().seal_signed(end.clone(), key, &mut bytes)?;
    replace_durably(path, &bytes, ended.map(|ended| SystemTime::UNIX_EPOCH + ended))?;
    Ok(sealed.bytes)
}

/// The bytes of the replay that is there already, if it is whole and has as many ticks: it is never replaced, for what
/// comes after it is a match that a start took up again from records that say less.
fn longer_file(path: &Path, ticks: Tick) -> Option<u64> {
    let there = Replay::read(fs::read(path).ok()?).ok()?;
    (there.end().ticks >= ticks).then_some(there.bytes().len() as u64)
}

/// Writes a file as a whole or not at all; what was there survives a kill of the process, not a loss of power.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    // A half-written file takes room on a disk that may be full.
    fs::write(&temporary, bytes)
        .and_then(|()| fs::rename(&temporary, path))
        .inspect_err(|_| drop(fs::remove_file(&temporary)))
}

/// Writes a file as a whole or not at all; once it returns the file outlasts a loss of power.
fn replace_durably(path: &Path, bytes: &[u8], modified: Option<SystemTime>) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let written = File::create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        // Old replays are deleted by their age: what was played long ago is no new one.
        modified.map_or(Ok(()), |modified| file.set_modified(modified))?;
        file.sync_all()
    });
    if let Err(error) = written.and_then(|()| fs::rename(&temporary, path)) {
        // A half-written file takes room on a disk that may be full.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    path.parent().map_or(Ok(()), sync_folder)
}

/// Makes durable which files a folder has. Only Unix can, and needs to.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Deletes files that a killed run did not finish.
pub(super) fn forget_unfinished(replays: &Path) -> io::Result<()> {
    for entry in fs::read_dir(replays)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "tmp") {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use framekeep_journal::MatchHeader;
    use framekeep_sim::{Frame, hash_bytes};

    use super::*;
    use crate::limits::SEALS_WAITING_BYTES_MAX;

    fn sealing(folder: &Path, number: usize) -> Sealing {
        let header = MatchHeader {
            game: "arena".to_owned(),
            content_hash: hash_bytes(&[]),
            seats: 1,
            input_bits: 1,
            tick_rate_hz: 30,
            ..MatchHeader::default()
        };
        let (builder, path) = (ReplayBuilder::new(&header).unwrap(), folder.join(format!("{number}.fkr")));
        Sealing {
            builder,
            end: MatchEnd::default(),
            path,
            key: SealKey::derive(&[7; 32]),
            ended: None,
            _hold: Hold::default(),
        }
    }

    #[test]
    fn a_disk_that_takes_nothing_is_left_alone_and_gets_all_when_it_does() {
        let folder = tempfile::tempdir().unwrap();
        let replays = folder.path().join("replays");
        let shared = Arc::new(Shared::default());
        let mut sealer = Sealer::new(shared.clone());
        sealer.left.extend((1..20).map(|number| sealing(&replays, number)));
        assert!(sealer.left.iter().all(|sealing| shared.admit_seal(sealing.bytes())));
        let first = sealing(&replays, 0);
        assert!(shared.admit_seal(first.bytes()));
        sealer.seal_or_keep(first);
        sealer.retry(RETRY_FAILURES_MAX);
        assert_eq!((sealer.left.len(), shared.failures()), (20, 1 + RETRY_FAILURES_MAX as u64));
        assert!(sealer.retry_at.is_some());
        fs::create_dir(&replays).unwrap();
        sealer.retry(RETRY_FAILURES_MAX);
        assert_eq!((sealer.left.len(), sealer.retry_at), (0, None));
        assert_eq!(fs::read_dir(&replays).unwrap().count(), 20);
    }

    #[test]
    fn a_replay_is_never_replaced_by_a_shorter_one() {
        let folder = tempfile::tempdir().unwrap();
        let sealed = |ticks: u32, reason: EndReason| {
            let mut sealing = sealing(folder.path(), 1);
            for tick in 0..ticks {
                sealing.builder.push(&Frame::absent(Tick(tick), 1), 0).unwrap();
            }
            sealing.end = MatchEnd { ticks: Tick(ticks), reason, ..MatchEnd::default() };
            seal(&sealing).unwrap();
            let there = Replay::read(fs::read(&sealing.path).unwrap()).unwrap();
            (there.end().ticks.0, there.end().reason)
        };
        assert_eq!(sealed(30, EndReason::Outcome), (30, EndReason::Outcome));
        assert_eq!(sealed(20, EndReason::Aborted), (30, EndReason::Outcome));
        assert_eq!(sealed(30, EndReason::Aborted), (30, EndReason::Outcome));
        fs::write(folder.path().join("1.fkr"), b"torn").unwrap();
        assert_eq!(sealed(20, EndReason::Aborted), (20, EndReason::Aborted));
    }

    #[test]
    fn what_waits_for_the_disk_is_bounded_and_what_is_over_it_is_counted() {
        let shared = Shared::default();
        assert!(shared.admit_seal(SEALS_WAITING_BYTES_MAX));
        assert!(!shared.admit_seal(1) && !shared.admit_seal(1));
        assert_eq!((shared.seals_lost(), shared.failures()), (2, 2));
        shared.sealed(SEALS_WAITING_BYTES_MAX);
        assert!(shared.admit_seal(SEALS_WAITING_BYTES_MAX + 1), "one always may");
    }
}
