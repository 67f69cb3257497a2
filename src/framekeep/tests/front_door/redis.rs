//! A `redis-server` of a test's own.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long its start may take.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// A Redis on a port of loopback, which keeps nothing; it ends with the test.
pub(crate) struct RedisServer {
    child: Child,
    port: u16,
}

impl RedisServer {
    /// Starts one on a free port; says so loudly where there is no such program.
    pub(crate) fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        Some(Self { child: spawn(port)?, port })
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it: what it knew is lost.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }

    /// Starts it again, empty.
    pub(crate) fn start_again(&mut self) {
        self.child = spawn(self.port).expect("it was there before");
    }
}

fn spawn(port: u16) -> Option<Child> {
    let args = ["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    let mut command = Command::new("redis-server");
    command.args(args).current_dir(std::env::temp_dir()).stdout(Stdio::null()).stdin(Stdio::null());
    let Ok(child) = command.spawn() else {
        eprintln!("SKIPPED: there is no redis-server; apt-get install redis-server");
        return None;
    };
    let (begun, address) = (Instant::now(), SocketAddr::from(([127, 0, 0, 1], port)));
    while TcpStream::connect(address).is_err() {
        assert!(begun.elapsed() < STARTS_WITHIN, "redis-server does not start");
        std::thread::yield_now();
    }
    Some(child)
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
