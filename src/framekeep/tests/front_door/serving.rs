//! `Serving`, the built server with its front door on free ports.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use framekeep_server::NodeKey;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use crate::http::{self, Reply};

/// The digits of the node's key.
pub(crate) const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// The key of a back end.
pub(crate) const API_KEY: &str = "canary-api-key-0123456789";

/// The operators' token.
pub(crate) const ADMIN_TOKEN: &str = "canary-admin-token-0123456789";

/// How long it is between two looks at what is waited for.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How long anything may take.
pub(crate) const LONGEST: Duration = Duration::from_secs(60);

/// The server's process; killed when dropped.
pub(crate) struct Serving {
    child: Child,
    stdout: BufReader<ChildStdout>,
    folder: Option<TempDir>,
    /// Its `net.name`, if it was given one.
    pub(crate) name: String,
    pub(crate) udp: SocketAddr,
    pub(crate) http: SocketAddr,
    pub(crate) admin: SocketAddr,
}

/// The node's key.
pub(crate) fn key() -> NodeKey {
    NodeKey::new(std::array::from_fn(|index| u8::from_str_radix(&KEY[2 * index..2 * index + 2], 16).unwrap()))
}

impl Serving {
    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Starts the binary with further settings and waits until it is ready.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder"), settings)
    }

    /// The same in a folder that is there, with its `framekeep.toml` if it has one.
    pub(crate) fn start_in(folder: TempDir, settings: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_framekeep"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("FRAMEKEEP") {
                command.env_remove(name);
            }
        }
        let free = "127.0.0.1:0";
        let log = folder.path().join("log");
        let log = std::fs::File::options().create(true).append(true).open(log).expect("a log");
        let mut child = command
            .args(["serve", "--udp", free, "--http", free, "--admin", free, "--data"])
            .arg(folder.path().join("data"))
            .current_dir(folder.path())
            .env("FRAMEKEEP_KEY", KEY)
            .env("FRAMEKEEP_API_KEY", API_KEY)
            .env("FRAMEKEEP_ADMIN_TOKEN", ADMIN_TOKEN)
            .env("FRAMEKEEP__ROOMS__START_DELAY_MS", "40")
            .env("FRAMEKEEP__HTTP__REQUESTS_PER_S", "0")
            .env("FRAMEKEEP__LOG__LEVEL", "debug")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the binary runs");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut banner = String::new();
        while !banner.contains("try: ") {
            let read = stdout.read_line(&mut banner).expect("UTF-8");
            assert!(read > 0, "the server did not start");
        }
        let address = |word: &str| -> SocketAddr {
            let line = banner.lines().find(|line| line.trim_start().starts_with(word)).expect("a line");
            let text = line.split_whitespace().nth(1).expect("an address").trim_end_matches([',', '/']);
            text.trim_start_matches("http://").parse().expect("an address")
        };
        let (http, admin) = (address("http"), address("admin"));
        // A gateway has none.
        let udp = if banner.contains("  udp ") { address("udp") } else { http };
        let name = settings.iter().find(|(key, _)| *key == "FRAMEKEEP__NET__NAME");
        let name = name.map(|(_, name)| (*name).to_owned()).unwrap_or_default();
        let serving = Self { child, stdout, folder: Some(folder), name, udp, http, admin };
        serving.until("it is ready", |serving| serving.get("/readyz").status == 200);
        serving
    }

    /// Asks the public port.
    pub(crate) fn get(&self, path: &str) -> Reply {
        http::ask(self.http, "GET", path, &[], "")
    }

    /// Posts JSON to the public port.
    pub(crate) fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        http::ask(self.http, "POST", path, headers, body)
    }

    /// Asks the operators' port with the token.
    pub(crate) fn operate(&self, method: &str, path: &str, body: &str) -> Reply {
        let bearer = format!("Bearer {ADMIN_TOKEN}");
        http::ask(self.admin, method, path, &[("Authorization", &bearer)], body)
    }

    /// A guest's ticket for a WebSocket.
    pub(crate) fn guest_ticket(&self, name: &str) -> String {
        let reply = self.post("/api/v1/tickets", &[], &format!("{{\"name\":\"{name}\"}}"));
        assert_eq!(reply.status, 201, "{}", reply.body);
        reply.json()["websocket"]["ticket"].as_str().expect("a ticket").to_owned()
    }

    /// Asks again and again until something holds. Most of it asks over connections of their own, of which a system
    /// remembers so many only: without a pause it drops those of other tests.
    pub(crate) fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            assert!(begun.elapsed() < LONGEST, "never: {what}; {}", self.log());
            std::thread::park_timeout(LOOK_EVERY);
        }
    }

    /// The rooms of the last report.
    pub(crate) fn rooms(&self) -> Vec<Value> {
        self.get("/api/v1/rooms").json()["rooms"].as_array().cloned().unwrap_or_default()
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder().join("data")
    }

    /// What the server has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder().join("log")).unwrap_or_default()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("the server is there");
    }

    /// The process.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"))
    }

    /// Waits for its end and gives the exit code.
    pub(crate) fn end(self) -> i32 {
        self.end_in_folder().0
    }

    /// The same, and the folder with everything it has left.
    pub(crate) fn end_in_folder(mut self) -> (i32, TempDir) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("UTF-8");
        let code = self.child.wait().expect("the server ends").code().unwrap_or(-1);
        (code, self.folder.take().expect("it is taken once"))
    }

    /// The folder the server was started in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.as_ref().expect("it is there until the end").path()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
