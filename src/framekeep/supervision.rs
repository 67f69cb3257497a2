//! `Supervision`, whoever started the server is told how it is: systemd over its socket, Agones over HTTP.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use framekeep_gate::{Door, Report};
use tracing::{debug, warn};

use crate::agones::{self, Agones};
use crate::notify::{self, Notifier};

/// How often something is said at least.
const BEAT_MAX: Duration = Duration::from_secs(1);

/// How long the end of the server takes at most after its grace.
const STOP_WITHIN: Duration = Duration::from_secs(15);

/// The variables by which whoever started the server says how to be told.
pub(crate) const VARIABLES: [&str; 4] =
    [notify::SOCKET_ENV, notify::WATCHDOG_ENV, notify::WATCHDOG_PID_ENV, agones::PORT_ENV];

/// What supervision is told.
enum Word {
    /// The server stops within this grace.
    Stopping(Duration),
    /// It has: everything is on the disk.
    Stopped,
}

/// Whoever started the server is told how it is, until this is ended.
pub(crate) struct Supervision(Vec<(Sender<Word>, JoinHandle<()>)>);

impl Supervision {
    /// Says that the server is ready, and from then on that it lives.
    pub(crate) fn start(door: &Door) -> std::io::Result<Self> {
        let mut threads = Vec::new();
        match Notifier::of_env() {
            Ok(Some(notifier)) => {
                let beat = notify::watchdog().map_or(BEAT_MAX, |time| (time / 3).min(BEAT_MAX));
                threads.push(start(Systemd { notifier, status: String::new() }, "systemd", beat, door)?);
            }
            Ok(None) => {}
            Err(error) => warn!(%error, "NOTIFY_SOCKET is no address that can be told anything"),
        }
        if let Some(agones) = Agones::of_env() {
            threads.push(start(agones, "agones", BEAT_MAX, door)?);
        }
        Ok(Self(threads))
    }

    /// Says that the server stops.
    pub(crate) fn stopping(&self, grace: Duration) {
        self.say(|| Word::Stopping(grace));
    }

    /// Says that the server has stopped, and waits until that is said.
    pub(crate) fn end(self) {
        self.say(|| Word::Stopped);
        for (tell, thread) in self.0 {
            drop(tell);
            // One that panicked has nothing more to say.
            let _ = thread.join();
        }
    }

    fn say(&self, word: impl Fn() -> Word) {
        for (tell, _) in &self.0 {
            // Its thread ends only with the channel.
            let _ = tell.send(word());
        }
    }
}

/// Somebody who wants to know how the server is.
pub(crate) trait Supervisor: Send + 'static {
    /// The server is ready.
    fn ready(&mut self);

    /// The server lives, and this is how it is; told once for each report.
    fn alive(&mut self, report: &Report);

    /// The server stops within this time.
    fn stopping(&mut self, within: Duration);

    /// The server has stopped.
    fn stopped(&mut self);
}

fn start(
    mut supervisor: impl Supervisor,
    name: &str,
    beat: Duration,
    door: &Door,
) -> std::io::Result<(Sender<Word>, JoinHandle<()>)> {
    let (tell, told) = mpsc::channel();
    let door = door.clone();
    let work = move || {
        supervisor.ready();
        let mut last = 0;
        loop {
            match told.recv_timeout(beat) {
                Ok(Word::Stopping(grace)) => supervisor.stopping(grace + STOP_WITHIN),
                Ok(Word::Stopped) => return supervisor.stopped(),
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
            // Only a server that turns reports.
            let report = door.report();
            if report.unix_ms != last {
                last = report.unix_ms;
                supervisor.alive(&report);
            }
        }
    };
    let thread = std::thread::Builder::new().name(format!("framekeep-{name}")).spawn(work)?;
    Ok((tell, thread))
}

/// systemd, which kills a server that has said nothing for the time of its watchdog.
struct Systemd {
    notifier: Notifier,
    status: String,
}

impl Systemd {
    fn say(&self, what: &str) {
        if let Err(error) = self.notifier.say(what) {
            debug!(%error, "systemd cannot be told");
        }
    }
}

impl Supervisor for Systemd {
    fn ready(&mut self) {
        self.say(&format!("READY=1\nMAINPID={}\n", std::process::id()));
    }

    fn alive(&mut self, report: &Report) {
        let state = if report.draining { "draining, " } else { "" };
        let (rooms, playing, links) = (report.rooms.len(), report.playing, report.links);
        let status = format!("STATUS={state}{rooms} rooms, {playing} playing, {links} links\n");
        if status == self.status {
            return self.say("WATCHDOG=1\n");
        }
        self.say(&format!("WATCHDOG=1\n{status}"));
        self.status = status;
    }

    fn stopping(&mut self, within: Duration) {
        // However long the unit gives: a match that may end is not cut off.
        self.say(&format!("STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC={}\n", within.as_micros()));
    }

    fn stopped(&mut self) {
        self.say("STATUS=stopped\n");
    }
}
