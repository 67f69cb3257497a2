//! The watchdog of the shutdown: a game whose step never returns must not keep the process alive.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use tracing::error;

use crate::Exit;

/// How long the pump loop may go on after its grace is over, or after it was told twice.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// What the watchdog is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// The server was told to stop, or told so again.
    Stop,
    /// Its pump loop has ended.
    Stopped,
}

/// Held while the server pumps; the watchdog rests once it is dropped.
pub(crate) struct Pumping(Sender<Word>);

impl Drop for Pumping {
    fn drop(&mut self) {
        // Nobody listens where the watchdog rests already.
        let _ = self.0.send(Word::Stopped);
    }
}

/// What became of a pump loop that was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// It stopped.
    Stopped,
    /// It did not stop in time.
    Stuck,
}

/// Starts the watchdog. Once it is told to stop, what is returned has `grace` and ten seconds to be dropped, and told
/// so again ten seconds; then the process ends with exit code 1. What the journal was handed before is written by its
/// own thread.
pub(crate) fn start(tell: Sender<Word>, told: Receiver<Word>, grace: Duration) -> io::Result<Pumping> {
    std::thread::Builder::new().name("framekeep-watchdog".to_owned()).spawn(move || {
        if watch(&told, grace, STOP_WITHIN) == Verdict::Stuck {
            error!(
                "the server was told to stop and its pump loop does not end: the step of some game does not return; \
                 the process ends without sealing the running matches, which the journal keeps"
            );
            std::process::exit(Exit::Failure as i32);
        }
    })?;
    Ok(Pumping(tell))
}

/// Waits for the word to stop, and then for the pump loop's end.
fn watch(told: &Receiver<Word>, grace: Duration, within: Duration) -> Verdict {
    if told.recv() != Ok(Word::Stop) {
        return Verdict::Stopped;
    }
    let mut until = Instant::now() + grace + within;
    loop {
        match told.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Word::Stop) => until = until.min(Instant::now() + within),
            Ok(Word::Stopped) | Err(RecvTimeoutError::Disconnected) => return Verdict::Stopped,
            Err(RecvTimeoutError::Timeout) => return Verdict::Stuck,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    /// What becomes of a loop after these words, with an hour of grace.
    fn verdict(words: &[Word], grace: Duration) -> Verdict {
        let (tell, told) = channel();
        words.iter().for_each(|&word| tell.send(word).unwrap());
        watch(&told, grace, Duration::ZERO)
    }

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn a_loop_that_does_not_end_in_time_is_stuck() {
        assert_eq!(verdict(&[Word::Stop], Duration::ZERO), Verdict::Stuck);
    }

    #[test]
    fn the_second_word_to_stop_ends_the_grace() {
        assert_eq!(verdict(&[Word::Stop, Word::Stop], HOUR), Verdict::Stuck);
    }

    #[test]
    fn a_loop_that_ends_is_left_alone() {
        assert_eq!(verdict(&[Word::Stop, Word::Stopped], HOUR), Verdict::Stopped);
        let (tell, told) = channel();
        tell.send(Word::Stop).unwrap();
        drop(Pumping(tell));
        assert_eq!(watch(&told, HOUR, Duration::ZERO), Verdict::Stopped);
    }

    #[test]
    fn a_server_that_is_never_told_to_stop_is_left_alone() {
        let (tell, told) = channel();
        drop(tell);
        assert_eq!(watch(&told, HOUR, Duration::ZERO), Verdict::Stopped);
        assert_eq!(verdict(&[Word::Stopped], Duration::ZERO), Verdict::Stopped);
    }
}
