//! The watchdog of the shutdown: neither a game whose step never returns nor a slow disk keeps the process alive.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use tracing::error;

use crate::Exit;

/// How long the pump loop may go on after its grace is over.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// How long everything may take after the server was told twice. Whoever says it twice counts to one second.
const STOP_AT_ONCE_WITHIN: Duration = Duration::from_millis(850);

/// What the watchdog is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// The server was told to stop, or told so again.
    Stop,
    /// Its pump loop has ended; matches are sealed.
    Pumped,
    /// It has stopped.
    Stopped,
}

/// Held while the server runs; the watchdog rests once it is dropped.
pub(crate) struct Pumping(Sender<Word>);

impl Pumping {
    /// The pump loop has ended. Sealing takes as long as the disk does, unless somebody is in a hurry.
    pub(crate) fn is_over(&self) {
        let _ = self.0.send(Word::Pumped);
    }
}

impl Drop for Pumping {
    fn drop(&mut self) {
        // Nobody listens where the watchdog rests already.
        let _ = self.0.send(Word::Stopped);
    }
}

/// What became of a server that was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// It stopped.
    Stopped,
    /// It did not stop in time.
    Stuck,
    /// Nor when it was told twice.
    CutOff,
}

/// Starts the watchdog. Once it is told to stop, the pump loop has the grace and ten seconds to end, and told so again
/// the server has not quite a second; then the process ends with exit code 1. What the journal was handed before is
/// written by its own thread.
pub(crate) fn start(
    tell: Sender<Word>,
    told: Receiver<Word>,
    grace_s: Arc<AtomicU64>,
) -> io::Result<Pumping> {
    std::thread::Builder::new().name("framekeep-watchdog".to_owned()).spawn(move || {
        let grace = || Duration::from_secs(grace_s.load(Ordering::Relaxed)) + STOP_WITHIN;
        match watch(&told, grace, STOP_AT_ONCE_WITHIN) {
            Verdict::Stopped => return,
            Verdict::Stuck => error!(
                "the server was told to stop and its pump loop does not end: the step of some game does not return; \
                 the process ends without sealing the running matches, which the journal keeps"
            ),
            Verdict::CutOff => error!(
                "the server was told twice to stop: the process ends although not every match is sealed; the journal \
                 keeps them, and the next start seals them or goes on with them"
            ),
        }
        std::process::exit(Exit::Failure as i32);
    })?;
    Ok(Pumping(tell))
}

/// Waits for the word to stop, and then for the server's end.
fn watch(told: &Receiver<Word>, pump_within: impl Fn() -> Duration, at_once: Duration) -> Verdict {
    let (mut asked, mut hurried) = (false, false);
    let mut until: Option<Instant> = None;
    loop {
        let word = match until {
            Some(until) => told.recv_timeout(until.saturating_duration_since(Instant::now())),
            None => told.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match word {
            Ok(Word::Stop) if asked => {
                hurried = true;
                let soon = Instant::now() + at_once;
                until = Some(until.map_or(soon, |until| until.min(soon)));
            }
            Ok(Word::Stop) => {
                asked = true;
                until = Some(Instant::now() + pump_within());
            }
            Ok(Word::Pumped) => {
                // Whoever tells it after this has no grace to give.
                asked = true;
                until = until.filter(|_| hurried);
            }
            Ok(Word::Stopped) | Err(RecvTimeoutError::Disconnected) => return Verdict::Stopped,
            Err(RecvTimeoutError::Timeout) if hurried => return Verdict::CutOff,
            Err(RecvTimeoutError::Timeout) => return Verdict::Stuck,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    /// What becomes of a server after these words, with so much time for its pump loop and none for who is in a hurry.
    fn verdict(words: &[Word], within: Duration) -> Verdict {
        let (tell, told) = channel();
        words.iter().for_each(|&word| tell.send(word).unwrap());
        watch(&told, || within, Duration::ZERO)
    }

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn a_loop_that_does_not_end_in_time_is_stuck() {
        assert_eq!(verdict(&[Word::Stop], Duration::ZERO), Verdict::Stuck);
    }

    #[test]
    fn the_second_word_to_stop_ends_the_grace() {
        assert_eq!(verdict(&[Word::Stop, Word::Stop], HOUR), Verdict::CutOff);
    }

    #[test]
    fn the_second_word_ends_the_sealing_too_and_the_first_does_not() {
        assert_eq!(verdict(&[Word::Stop, Word::Stop, Word::Pumped], HOUR), Verdict::CutOff);
        assert_eq!(verdict(&[Word::Stop, Word::Pumped, Word::Stop], HOUR), Verdict::CutOff);
        let (tell, told) = channel();
        [Word::Stop, Word::Pumped].into_iter().for_each(|word| tell.send(word).unwrap());
        drop(tell);
        assert_eq!(watch(&told, || Duration::ZERO, Duration::ZERO), Verdict::Stopped);
    }

    #[test]
    fn a_server_that_ends_is_left_alone() {
        assert_eq!(verdict(&[Word::Stop, Word::Pumped, Word::Stopped], HOUR), Verdict::Stopped);
        let (tell, told) = channel();
        tell.send(Word::Stop).unwrap();
        drop(Pumping(tell));
        assert_eq!(watch(&told, || HOUR, Duration::ZERO), Verdict::Stopped);
    }

    #[test]
    fn a_server_that_is_never_told_to_stop_is_left_alone() {
        let (tell, told) = channel();
        drop(tell);
        assert_eq!(watch(&told, || HOUR, Duration::ZERO), Verdict::Stopped);
        assert_eq!(verdict(&[Word::Pumped, Word::Stopped], HOUR), Verdict::Stopped);
    }
}
