//! `Reading`, how a server says it is.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use serde::Deserialize;

use crate::http;

/// Rooms that are asked for.
const ROOMS_PATH: &str = "/api/v1/rooms?limit=1000";

/// How a server says it is.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) at: Instant,
    pub(super) node: Node,
    pub(super) rooms: Vec<Room>,
    pub(super) alerts: Vec<Alert>,
    /// `/metrics`, each line by what stands before its number.
    metrics: HashMap<String, f64>,
}

/// What is shown of the node.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) started_unix_ms: u64,
    pub(super) as_of_unix_ms: u64,
    pub(super) draining: bool,
    pub(super) rooms: u64,
    pub(super) playing: u64,
    pub(super) players: u64,
    pub(super) links: u64,
    pub(super) websocket_links: u64,
    pub(super) tick_mean_s: f64,
    pub(super) tick_max_s: f64,
}

/// What is shown of a room.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Room {
    pub(super) name: String,
    pub(super) game: String,
    pub(super) phase: String,
    pub(super) seats: u32,
    pub(super) connected: u32,
    pub(super) spectators: u32,
    pub(super) tick: Option<u32>,
    pub(super) step_us: u64,
    pub(super) bytes: u64,
}

/// What is shown of an alert.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Alert {
    pub(super) name: String,
    pub(super) severity: String,
    pub(super) text: String,
    pub(super) value: f64,
}

#[derive(Deserialize)]
struct Rooms {
    rooms: Vec<Room>,
}

impl Reading {
    /// Asks a server how it is.
    pub(super) fn take(address: SocketAddr) -> io::Result<Self> {
        let rooms: Rooms = json(address, ROOMS_PATH)?;
        Ok(Self {
            at: Instant::now(),
            node: json(address, "/api/v1/node")?,
            rooms: rooms.rooms,
            alerts: json(address, "/api/v1/alerts")?,
            metrics: numbers(&ask(address, "/metrics")?),
        })
    }

    /// A number of `/metrics`, 0 if it is not there.
    pub(super) fn number(&self, line: &str) -> f64 {
        self.metrics.get(line).copied().unwrap_or_default()
    }

    /// The sum over all labels of a name.
    pub(super) fn total(&self, name: &str) -> f64 {
        let of_name = |line: &str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{'));
        self.metrics.iter().filter(|(line, _)| of_name(line) || *line == name).map(|(_, number)| number).sum()
    }

    /// The lines that begin so.
    pub(super) fn lines(&self, begin: &str) -> impl Iterator<Item = &str> {
        self.metrics.keys().map(String::as_str).filter(move |line| line.starts_with(begin))
    }

    /// By how much a number rises in a second, since an earlier reading.
    pub(super) fn rate(&self, before: &Self, line: &str) -> f64 {
        let seconds = self.at.duration_since(before.at).as_secs_f64();
        if seconds > 0.0 { (self.number(line) - before.number(line)).max(0.0) / seconds } else { 0.0 }
    }

    /// The mean of a histogram since an earlier reading, in its unit.
    pub(super) fn mean(&self, before: Option<&Self>, name: &str) -> Option<f64> {
        let since = |line: String| self.number(&line) - before.map_or(0.0, |before| before.number(&line));
        let (sum, count) = (since(format!("{name}_sum")), since(format!("{name}_count")));
        (count > 0.0).then(|| sum / count)
    }

    /// A server with so many rooms, for tests.
    #[cfg(test)]
    pub(super) fn sample(rooms: usize) -> Self {
        let room = |number| Room {
            name: format!("room-{number}"),
            game: "arena".to_owned(),
            phase: "playing".to_owned(),
            seats: 4,
            connected: 3,
            tick: Some(900),
            step_us: number as u64,
            bytes: 2_048,
            ..Room::default()
        };
        let alert = Alert {
            name: "tick_spike".to_owned(),
            severity: "critical".to_owned(),
            text: "a turn took very long".to_owned(),
            value: 0.062,
        };
        let node = Node { name: "test".to_owned(), rooms: rooms as u64, ..Node::default() };
        let metrics = numbers("framekeep_links{transport=\"udp\"} 7\n");
        Self { at: Instant::now(), node, rooms: (0..rooms).map(room).collect(), alerts: vec![alert], metrics }
    }
}

fn ask(address: SocketAddr, path: &str) -> io::Result<String> {
    let answer = http::get(address, path)?;
    if !answer.is_success() {
        return Err(io::Error::other(format!("{path} says {}", answer.status)));
    }
    Ok(answer.body)
}

fn json<T: for<'a> Deserialize<'a>>(address: SocketAddr, path: &str) -> io::Result<T> {
    let body = ask(address, path)?;
    serde_json::from_str(&body).map_err(|error| io::Error::other(format!("{path}: {error}")))
}

/// The numbers of the text format of Prometheus, as Framekeep writes it: no time at the end of a line.
fn numbers(text: &str) -> HashMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let (name, number) = line.rsplit_once(' ')?;
            Some((name.to_owned(), number.parse().ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn numbers_rates_totals_and_means_are_read() {
        let reading = |text: &str| Reading { metrics: numbers(text), ..Reading::sample(0) };
        let before = reading("# HELP a b\na_total{x=\"in\"} 5\na_total{x=\"out\"} 7\nt_sum 1\nt_count 2\n");
        let mut after = reading("a_total{x=\"in\"} 9\na_total{x=\"out\"} 7\nt_sum 4\nt_count 4\n");
        after.at = before.at + Duration::from_secs(2);
        assert_eq!((before.number("a_total{x=\"out\"}"), before.total("a_total")), (7.0, 12.0));
        assert!((after.rate(&before, "a_total{x=\"in\"}") - 2.0).abs() < 1e-9);
        assert_eq!((after.mean(Some(&before), "t"), before.mean(None, "t")), (Some(1.5), Some(0.5)));
        assert_eq!(after.mean(Some(&after), "t"), None);
    }
}
