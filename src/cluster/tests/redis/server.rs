//! A `redis-server` of a test's own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Address;

/// How long it may take to start.
const START_WITHIN: Duration = Duration::from_secs(20);

/// A Redis on a free port of loopback, which keeps nothing; it ends with the test.
pub(crate) struct RedisServer {
    child: Child,
    port: u16,
    /// A replica writes what its master sends it to its folder, where every other server that starts would read it.
    _folder: TempDir,
}

impl RedisServer {
    /// Starts one; says so loudly where there is no such program.
    pub(crate) fn start() -> Option<Self> {
        // It is free again when Redis wants it.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self::start_at(port)
    }

    /// Kills it and starts one that knows nothing in its place.
    pub(crate) fn replace(self) -> Self {
        let port = self.port;
        drop(self);
        Self::start_at(port).unwrap()
    }

    fn start_at(port: u16) -> Option<Self> {
        let args = ["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("redis-server");
        command.args(args).current_dir(folder.path());
        let Ok(child) = command.stdout(Stdio::null()).stdin(Stdio::null()).spawn() else {
            // What is printed by a test that passes is not shown; this is.
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED: there is no redis-server; apt-get install redis-server"
            );
            return None;
        };
        let server = Self { child, port, _folder: folder };
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < START_WITHIN, "redis-server does not start");
            std::thread::yield_now();
        }
        Some(server)
    }

    /// Sends it a command of one line, and gives the first line of its answer.
    pub(crate) fn command(&self, line: &str) -> String {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where it is.
    pub(crate) fn address(&self) -> Address {
        Address::parse(&format!("redis://127.0.0.1:{}", self.port)).unwrap()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
