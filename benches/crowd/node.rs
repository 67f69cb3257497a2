//! `Node`, the server under load.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

/// The server under load; killed when dropped.
pub(crate) struct Node {
    child: Child,
    pub(crate) http: SocketAddr,
    _folder: TempDir,
}

/// The numbers of `/metrics`, each by what stands before it.
pub(crate) type Metrics = HashMap<String, f64>;

impl Node {
    pub(crate) fn start(server: Option<&Path>, cores: &str, threads: u32, compression: bool) -> Result<Self> {
        let beside = std::env::current_exe()?.parent().map(PathBuf::from).unwrap_or_default();
        let server = server.map_or_else(|| beside.join("framekeep"), Path::to_owned);
        ensure!(server.exists(), "{} is not there: cargo build --release -p framekeep", server.display());
        let folder = tempfile::tempdir()?;
        let settings = [
            ("HTTP__REQUESTS_PER_S", "0".to_owned()),
            ("HTTP__CONNECTIONS_MAX", "20000".to_owned()),
            ("HTTP__THREADS", threads.to_string()),
            ("NET__CLIENTS_MAX", "20000".to_owned()),
            ("ROOMS__ROOMS_MAX", "20000".to_owned()),
            ("THREADS__COUNT", "1".to_owned()),
            ("WEBSOCKET__MESSAGES_PER_S", "10000".to_owned()),
            ("WEBSOCKET__COMPRESSION", if compression { "deflate" } else { "off" }.to_owned()),
            ("LOG__LEVEL", "warn".to_owned()),
        ];
        let free = "127.0.0.1:0";
        let mut child = Command::new("taskset")
            .args(["-c", cores])
            .arg(&server)
            .args(["serve", "--udp", free, "--http", free, "--admin", "off", "--data"])
            .arg(folder.path().join("data"))
            .envs(settings.map(|(key, value)| (format!("FRAMEKEEP__{key}"), value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the server under taskset (util-linux)")?;
        let mut stdout = BufReader::new(child.stdout.take().context("no output")?);
        let mut http = None;
        let mut line = String::new();
        while stdout.read_line(&mut line)? > 0 && !line.starts_with("try: ") {
            if let Some(address) = line.trim().strip_prefix("http") {
                http = Some(address.trim().trim_start_matches("http://").trim_end_matches('/').parse()?);
            }
            line.clear();
        }
        Ok(Self { child, http: http.context("the server did not start")?, _folder: folder })
    }

    /// A ticket for a WebSocket.
    pub(crate) fn ticket(&self, name: &str) -> Result<String> {
        let body = self.ask("POST", "/api/v1/tickets", &format!("{{\"name\":\"{name}\"}}"))?;
        let minted: serde_json::Value = serde_json::from_str(&body)?;
        Ok(minted["websocket"]["ticket"].as_str().context("no ticket")?.to_owned())
    }

    pub(crate) fn metrics(&self) -> Result<Metrics> {
        let text = self.ask("GET", "/metrics", "")?;
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Ok(lines
            .filter_map(|line| line.rsplit_once(' '))
            .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
            .collect())
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Result<String> {
        let mut stream = TcpStream::connect(self.http)?;
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}",
            self.http
        )?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let (head, body) = text.split_once("\r\n\r\n").context("no answer")?;
        ensure!(head.contains(" 20"), "{path}: {text}");
        Ok(body.to_owned())
    }

    /// Memory of the server, in MiB.
    pub(crate) fn memory_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default() / 1_024
    }

    /// Seconds of CPU the server has used.
    pub(crate) fn cpu_s(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>()
            / 100.0
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Keeps this process to some cores; threads that are started later stay there as well.
pub(crate) fn pin(cores: &str) -> Result<()> {
    let id = std::process::id().to_string();
    let status = Command::new("taskset").args(["-a", "-c", "-p", cores, &id]).stdout(Stdio::null()).status();
    ensure!(status.context("there is no taskset (util-linux)")?.success(), "the cores {cores} cannot be had");
    Ok(())
}

/// What a run comes to, by name.
pub(crate) type Figures = Vec<(&'static str, f64)>;

/// By how much a number has risen between two readings.
pub(crate) fn rise(before: &Metrics, after: &Metrics, name: &str) -> f64 {
    after.get(name).unwrap_or(&0.0) - before.get(name).unwrap_or(&0.0)
}

/// Prints what the server measured between two readings; gives how many turns took longer than a tick, 0.03 s.
pub(crate) fn print_measured(before: &Metrics, after: &Metrics, cpu_s: f64, seconds: f64) -> f64 {
    let mut turns_over_tick = 0.0;
    let rise = |name: &str| rise(before, after, name);
    println!("server: {:.0} % of a core", cpu_s / seconds * 100.0);
    for name in ["framekeep_tick_seconds", "framekeep_frame_lateness_seconds", "framekeep_view_delay_seconds"]
    {
        let count = rise(&format!("{name}_count"));
        let mean = rise(&format!("{name}_sum")) / count.max(1.0);
        let mut bounds: Vec<(f64, f64)> = after
            .keys()
            .filter_map(|line| {
                let bound = line.strip_prefix(&format!("{name}_bucket{{le=\""))?.strip_suffix("\"}")?;
                Some((bound.parse().ok()?, rise(line)))
            })
            .collect();
        bounds.sort_by(|a, b| a.0.total_cmp(&b.0));
        let within = |share: f64| {
            bounds
                .iter()
                .find(|(_, at_most)| *at_most >= count * share)
                .map_or(f64::INFINITY, |(bound, _)| *bound)
        };
        let (p50, p99) = (within(0.5) * 1e3, within(0.99) * 1e3);
        println!("{name}: {count:.0} values, mean {:.2} ms, p50 <= {p50} ms, p99 <= {p99} ms", mean * 1e3);
        if name == "framekeep_tick_seconds" {
            for bound in ["0.03", "0.05"] {
                let over = count - rise(&format!("{name}_bucket{{le=\"{bound}\"}}"));
                println!("  turns over {bound} s: {over:.0}");
                turns_over_tick = over.max(turns_over_tick);
            }
        }
    }
    println!("view frames sent: {:.0}", rise("framekeep_state_views_total"));
    let sent = after.keys().filter(|line| {
        line.starts_with("framekeep_websocket_bytes_total{") && line.contains("direction=\"out\"")
    });
    println!("bytes out over WebSockets: {:.0}", sent.map(|line| rise(line)).sum::<f64>());
    turns_over_tick
}
