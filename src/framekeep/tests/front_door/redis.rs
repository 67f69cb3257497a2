//! A `redis-server` of a test's own.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long its start may take.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// How long a Redis may take to answer a test.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The file with the configuration of a sentinel.
const SENTINEL: &str = "sentinel.conf";

/// Parts of the directory of a cluster.
const PARTS: u64 = 16;

/// A Redis on a port of loopback, which keeps nothing; it ends with the test.
pub(crate) struct RedisServer {
    child: Child,
    pub(crate) port: u16,
    args: Vec<String>,
    folder: TempDir,
}

/// Who has a name in the directory: node, epoch, and until when by Redis's time in milliseconds.
pub(crate) type Directory = BTreeMap<String, (String, u64, u64)>;

impl RedisServer {
    /// Starts one on a free port; says so loudly where there is no such program.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// The same with further arguments.
    pub(crate) fn start_with(args: &[&str]) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let args: Vec<_> = args.iter().map(|arg| (*arg).to_owned()).collect();
        Some(Self { child: spawn(port, &args, &folder)?, port, args, folder })
    }

    /// Starts a sentinel with that configuration.
    pub(crate) fn start_sentinel(text: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(SENTINEL), text).expect("a file");
        let (port, args) = (free_port(), vec![SENTINEL.to_owned(), "--sentinel".to_owned()]);
        Some(Self { child: spawn(port, &args, &folder)?, port, args, folder })
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
        self.child = spawn(self.port, &self.args, &self.folder).expect("it was there before");
    }

    /// Stops it in the middle of what it does, or lets it go on.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("it is there");
    }

    /// The process.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"))
    }

    /// Asks it.
    pub(crate) fn ask(&self, words: &[&str]) -> Value {
        self.try_ask(words).expect("Redis answers")
    }

    /// The same of one that may be gone.
    pub(crate) fn try_ask(&self, words: &[&str]) -> std::io::Result<Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        stream.write_all(written(words).as_bytes())?;
        read(&mut BufReader::new(stream))
    }

    /// The same as somebody: name and password.
    pub(crate) fn try_ask_as(&self, [user, password]: [&str; 2], words: &[&str]) -> std::io::Result<Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        let text = written(&["AUTH", user, password]) + &written(words);
        stream.write_all(text.as_bytes())?;
        let mut told = BufReader::new(stream);
        read(&mut told)?;
        read(&mut told)
    }

    /// Asks until the answer is as it should be.
    pub(crate) fn until(&self, words: &[&str], is_it: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let told = self.try_ask(words).unwrap_or_default();
            if is_it(&told) {
                return told;
            }
            assert!(begun.elapsed() < STARTS_WITHIN, "{words:?} is answered {told}");
            pause();
        }
    }

    /// Its time, in milliseconds.
    pub(crate) fn now_ms(&self) -> Option<u64> {
        let time = self.try_ask(&["TIME"]).ok()?;
        let part = |nth: usize| time[nth].as_str().and_then(|text| text.parse::<u64>().ok());
        Some(part(0)? * 1_000 + part(1)? / 1_000)
    }

    /// Who has which name, as far as it is in this server.
    pub(crate) fn directory(&self) -> Directory {
        let parts = (0..PARTS).map(|part| part.to_string()).chain(["queue".to_owned()]);
        let mut all = Directory::new();
        for part in parts {
            let told = self.try_ask(&["HGETALL", &format!("framekeep:{{framekeep.{part}}}:leases")]);
            let told = told.unwrap_or_default();
            for pair in told.as_array().map(Vec::as_slice).unwrap_or_default().chunks_exact(2) {
                let (name, lease) = (pair[0].as_str().expect("a name"), pair[1].as_str().expect("a lease"));
                let words: Vec<_> = lease.split(' ').collect();
                let number = |nth: usize| words[nth].parse().expect("a number");
                if number(2) > 0 {
                    all.insert(name.to_owned(), (words[0].to_owned(), number(1), number(2)));
                }
            }
        }
        all
    }
}

/// A command as it is sent.
fn written(words: &[&str]) -> String {
    let words = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
    format!("*{}\r\n", words.len()) + &words.collect::<String>()
}

/// Says that a test does nothing here, in a way that is shown although the test passes.
fn say_skipped() {
    let _ = writeln!(std::io::stderr(), "SKIPPED: there is no redis-server; apt-get install redis-server");
}

/// Lets others work before something is looked at again.
pub(crate) fn pause() {
    std::thread::park_timeout(Duration::from_millis(20));
}

/// A port that nobody uses now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

/// One answer: lists are arrays, what is refused is `{"error": …}`.
fn read(from: &mut impl BufRead) -> std::io::Result<Value> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    let Some((kind, rest)) = line.trim_end().split_at_checked(1) else {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    };
    let count = rest.parse::<i64>();
    Ok(match (kind, count) {
        (":", Ok(number)) => json!(number),
        ("$" | "*", Ok(..0)) => Value::Null,
        ("$", Ok(length)) => {
            let mut bytes = vec![0; usize::try_from(length).expect("a length") + 2];
            from.read_exact(&mut bytes)?;
            bytes.truncate(bytes.len() - 2);
            json!(String::from_utf8_lossy(&bytes))
        }
        ("*", Ok(count)) => (0..count).map(|_| read(from)).collect::<Result<Vec<_>, _>>()?.into(),
        ("-", _) => json!({ "error": rest }),
        _ => json!(rest),
    })
}

fn spawn(port: u16, args: &[String], folder: &TempDir) -> Option<Child> {
    let mut command = Command::new("redis-server");
    let log = std::fs::File::options().create(true).append(true).open(folder.path().join("log"));
    let address = ["--port", &port.to_string(), "--bind", "127.0.0.1"];
    if args.first().is_some_and(|first| first == SENTINEL) {
        command.arg(SENTINEL).args(address).args(&args[1..]);
    } else {
        command.args(address).args(["--save", "", "--appendonly", "no"]).args(args);
    }
    command.current_dir(folder.path()).stdout(log.expect("a log")).stdin(Stdio::null());
    let Ok(child) = command.spawn() else {
        say_skipped();
        return None;
    };
    let (begun, address) = (Instant::now(), SocketAddr::from(([127, 0, 0, 1], port)));
    while TcpStream::connect(address).is_err() {
        assert!(begun.elapsed() < STARTS_WITHIN, "redis-server does not start");
        pause();
    }
    Some(child)
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
