//! `Node`, the server's process.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The digits of the node's key.
const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// The server's process; killed when dropped.
pub(crate) struct Node {
    child: Child,
    pub(crate) address: SocketAddr,
    /// What it said when it was ready.
    banner: String,
    /// How long the log was when it started.
    log_from: usize,
}

/// The bytes of the node's key.
pub(crate) fn key() -> [u8; 32] {
    std::array::from_fn(|index| u8::from_str_radix(&KEY[2 * index..2 * index + 2], 16).unwrap())
}

impl Node {
    /// Starts the binary and waits for its banner.
    pub(crate) fn start(folder: &Path, durability: &str, address: SocketAddr) -> Self {
        Self::start_with(folder, durability, address, &[])
    }

    /// The same with further settings, as variables.
    pub(crate) fn start_with(
        folder: &Path,
        durability: &str,
        address: SocketAddr,
        further: &[(&str, &str)],
    ) -> Self {
        let log_from = said(folder).len();
        let mut command = Command::new(env!("CARGO_BIN_EXE_framekeep"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("FRAMEKEEP") {
                command.env_remove(name);
            }
        }
        let settings = [
            ("FRAMEKEEP_KEY", KEY),
            ("FRAMEKEEP__DATA__DURABILITY", durability),
            ("FRAMEKEEP__ROOMS__START_DELAY_MS", "40"),
            ("FRAMEKEEP__DATA__SEALED_AFTER_S", "0"),
            ("FRAMEKEEP__DRAIN__GRACE_S", "0"),
            ("FRAMEKEEP__LOG__FORMAT", "json"),
        ];
        let mut child = command
            .args(["serve", "--udp", &address.to_string(), "--data"])
            .arg(folder.join("data"))
            .envs(settings)
            .envs(further.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log(folder))
            .spawn()
            .expect("the binary runs");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut banner = String::new();
        while !banner.contains("try: ") {
            let read = stdout.read_line(&mut banner).expect("UTF-8");
            assert!(read > 0, "the server did not start: {}", said(folder));
        }
        let address = address_of(&banner, "udp");
        Self { child, address, banner, log_from }
    }

    /// Where players' HTTP, the operators' port or something else of its banner is.
    pub(crate) fn at(&self, what: &str) -> SocketAddr {
        address_of(&self.banner, what)
    }

    /// Whether it has ended, and how.
    pub(crate) fn has_ended(&mut self) -> Option<bool> {
        self.child.try_wait().expect("a child").map(|status| status.success())
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"));
        kill(pid, signal).expect("the server is there");
    }

    /// Kills it without a chance to write anything; gives what it has logged.
    pub(crate) fn kill(mut self, folder: &Path) -> String {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
        said(folder).split_off(self.log_from)
    }

    /// Ends it in order.
    pub(crate) fn stop(mut self) {
        self.signal(Signal::SIGTERM);
        assert!(self.child.wait().expect("it ends").success());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn address_of(banner: &str, what: &str) -> SocketAddr {
    let line = banner.lines().find(|line| line.trim_start().starts_with(what)).expect("a line");
    let text = line.split_whitespace().nth(1).expect("an address").trim_end_matches([',', '/']);
    text.trim_start_matches("http://").parse().expect("an address")
}

fn log(folder: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(folder.join("log")).expect("a log file")
}

/// What the server has logged.
pub(crate) fn said(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("log")).unwrap_or_default()
}
