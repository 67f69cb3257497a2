//! The watchdog of the shutdown: a game whose step never returns must not keep the process alive.

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use tracing::error;

use crate::Exit;

/// How long the pump loop may go on after its grace is over.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// Held while the server pumps; the watchdog rests once it is dropped.
pub(crate) struct Pumping {
    _alive: Sender<()>,
}

/// What became of a pump loop that was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// It stopped.
    Stopped,
    /// It did not stop in time.
    Stuck,
}

/// Starts the watchdog. Once `told` says that the server was told to stop, what is returned has `grace` and ten seconds
/// to be dropped; then the process ends with exit code 1. What the journal was handed before is
/// written by its own thread.
pub(crate) fn start(told: Receiver<()>, grace: Duration) -> io::Result<Pumping> {
    let (alive, pumping) = mpsc::channel();
    std::thread::Builder::new().name("framekeep-watchdog".to_owned()).spawn(move || {
        if watch(&told, &pumping, grace + STOP_WITHIN) == Verdict::Stuck {
            error!(
                seconds = (grace + STOP_WITHIN).as_secs(),
                "the server was told to stop and its pump loop does not end: the step of some game does not return; \
                 the process ends without sealing the running matches, which the journal keeps"
            );
            std::process::exit(Exit::Failure as i32);
        }
    })?;
    Ok(Pumping { _alive: alive })
}

/// Waits for the word to stop, and then for the pump loop's end.
fn watch(told: &Receiver<()>, pumping: &Receiver<()>, within: Duration) -> Verdict {
    if told.recv().is_err() {
        return Verdict::Stopped;
    }
    match pumping.recv_timeout(within) {
        Err(RecvTimeoutError::Timeout) => Verdict::Stuck,
        Ok(()) | Err(RecvTimeoutError::Disconnected) => Verdict::Stopped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_does_not_end_in_time_is_stuck() {
        let ((tell, told), (_alive, pumping)) = (mpsc::channel(), mpsc::channel());
        tell.send(()).unwrap();
        assert_eq!(watch(&told, &pumping, Duration::ZERO), Verdict::Stuck);
    }

    #[test]
    fn a_loop_that_ends_is_left_alone() {
        let ((tell, told), (alive, pumping)) = (mpsc::channel(), mpsc::channel());
        tell.send(()).unwrap();
        drop(alive);
        assert_eq!(watch(&told, &pumping, Duration::from_secs(3_600)), Verdict::Stopped);
    }

    #[test]
    fn a_server_that_is_never_told_to_stop_is_left_alone() {
        let ((tell, told), (_alive, pumping)) = (mpsc::channel(), mpsc::channel());
        drop(tell);
        assert_eq!(watch(&told, &pumping, Duration::ZERO), Verdict::Stopped);
    }
}
