//! What the system tells the process: SIGINT and SIGTERM to stop, SIGHUP to read the configuration again.

use std::io;

use nix::sys::signal::{SigSet, Signal};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// To stop.
    Stop,
    /// To read the configuration again.
    Reload,
}

/// Calls `hear` for each signal, on a thread of its own. To be called before any other thread is started: threads
/// inherit that they take no signals themselves.
pub(crate) fn listen(mut hear: impl FnMut(Asked) + Send + 'static) -> io::Result<()> {
    let mut signals = SigSet::empty();
    [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().for_each(|signal| signals.add(signal));
    signals.thread_block().map_err(io::Error::from)?;
    let wait = move || {
        // What interrupts the waiting is no signal of these.
        loop {
            match signals.wait() {
                Ok(Signal::SIGHUP) => hear(Asked::Reload),
                Ok(_) => hear(Asked::Stop),
                Err(_) => std::thread::yield_now(),
            }
        }
    };
    std::thread::Builder::new().name("framekeep-signals".to_owned()).spawn(wait).map(drop)
}
