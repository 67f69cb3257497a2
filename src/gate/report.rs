//! `Report`, how the node is, as the server says once a second.

use std::sync::Arc;

use crate::{KindBytes, MemberRow};

/// How the node is, as the server says once a second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// When it was made, in milliseconds since the Unix epoch; 0 before the first.
    pub unix_ms: u64,
    /// When the server started, in milliseconds since the Unix epoch.
    pub started_unix_ms: u64,
    /// The name of the node.
    pub name: String,
    /// Whether the node lets nobody open rooms any more and is about to stop.
    pub draining: bool,
    /// Rooms in which a match runs.
    pub playing: u64,
    /// Links of any kind.
    pub links: u64,
    /// Links that came through the front door.
    pub web_links: u64,
    /// Players the node knows, without those who watch.
    pub players: u64,
    /// Who watches a room.
    pub watchers: u64,
    /// Most rooms that the node takes; 0 if it does not say.
    pub rooms_max: u64,
    /// Most players that the node takes; 0 if it does not say.
    pub players_max: u64,
    /// The rooms by name, as they were within the last seconds.
    pub rooms: Arc<Vec<RoomRow>>,
    /// The rooms on their way from or to the node, the first few hundred.
    pub moves: Vec<MoveRow>,
    /// What is measured.
    pub samples: Vec<Sample>,
    /// How durations are distributed.
    pub histograms: Vec<HistogramSample>,
    /// What cleanup has done and still has to do: names and numbers.
    pub cleanup: Vec<(String, u64)>,
    /// The games and their contents.
    pub games: Vec<(String, Vec<String>)>,
}

/// A room on its way from node to node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveRow {
    /// Its name.
    pub room: String,
    /// The node that has it.
    pub from: String,
    /// The node that it goes to.
    pub to: String,
    /// How far it is, one of a few words: at the node that has it `queued`, `waits`, `offered`, `approaches`,
    /// `stands_still`, `decided` or `handed_over`, at the other `offered`, `taken` or `waits_for_decision`.
    pub step: &'static str,
    /// For how long it has been so far; at the other node, since it was offered.
    pub for_ms: u64,
}

/// Whether a number only rises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleKind {
    /// It only rises, from the start of the node.
    Counter,
    /// It is what it is now.
    Gauge,
}

/// One number with its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// `framekeep_...`, in base units.
    pub name: &'static str,
    /// What it is, in a sentence without a full stop.
    pub help: &'static str,
    /// Whether it only rises.
    pub kind: SampleKind,
    /// Names, each with one of a few values.
    pub labels: Vec<(&'static str, &'static str)>,
    /// The number.
    pub value: f64,
}

/// How a duration is distributed.
#[derive(Clone, Debug, PartialEq)]
pub struct HistogramSample {
    /// `framekeep_..._seconds`.
    pub name: &'static str,
    /// What it is, in a sentence without a full stop.
    pub help: &'static str,
    /// How many values were at most so many seconds, for rising bounds.
    pub buckets: Vec<(f64, u64)>,
    /// How many values there were.
    pub count: u64,
    /// All values together, in seconds.
    pub sum: f64,
    /// The largest value since the last report, in seconds.
    pub recent_max: f64,
    /// The mean of the values since the last report, in seconds.
    pub recent_mean: f64,
}

/// One thing that holds a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// What it is, in words.
    pub what: String,
    /// Until when, in milliseconds since the Unix epoch; without one it holds as long as it is there.
    pub until_unix_ms: Option<u64>,
}

/// A room as operators see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomRow {
    /// The name players join by.
    pub name: String,
    /// Its id, 16 hexadecimal digits.
    pub id: String,
    /// The game it plays.
    pub game: String,
    /// What it plays on; empty for the game's default.
    pub content: String,
    /// Its phase.
    pub phase: String,
    /// How many seats it has.
    pub seats: u32,
    /// Seats that are taken or held.
    pub taken: u32,
    /// The numbers of the seats that are neither taken nor kept for somebody, the lowest first.
    pub free_seats: Vec<u8>,
    /// Seats and places of watchers whose player is connected.
    pub connected: u32,
    /// How many watch.
    pub spectators: u32,
    /// Whether one needs a code to join.
    pub private: bool,
    /// Whether nobody else is let in.
    pub locked: bool,
    /// Ticks a second.
    pub tick_rate_hz: u32,
    /// The tick of the match, while there is one.
    pub tick: Option<u32>,
    /// When that match started, in seconds since 1970, and its number in the room modulo 16.
    pub plays: Option<(u64, u8)>,
    /// How long its last step took, in microseconds.
    pub step_us: u64,
    /// Bytes of memory it takes, about.
    pub bytes: u64,
    /// When something about it is decided next, in milliseconds since the Unix epoch.
    pub next_deadline_unix_ms: Option<u64>,
    /// What holds it.
    pub holds: Vec<Hold>,
    /// Who is in it; only where one room is asked for.
    pub members: Vec<MemberRow>,
    /// What the links of those who are in it have carried; only where one room is asked for.
    pub traffic: Vec<KindBytes>,
}

impl Report {
    /// The number of a name and label value, if there is one.
    #[must_use]
    pub fn value(&self, name: &str, label: Option<&str>) -> Option<f64> {
        let found = self.samples.iter().find(|sample| {
            sample.name == name
                && label.is_none_or(|label| sample.labels.iter().any(|(_, value)| *value == label))
        });
        found.map(|sample| sample.value)
    }

    /// The sum over all labels of a name.
    #[must_use]
    pub fn total(&self, name: &str) -> f64 {
        self.samples.iter().filter(|sample| sample.name == name).map(|sample| sample.value).sum()
    }

    /// The histogram of a name, if there is one.
    #[must_use]
    pub fn histogram(&self, name: &str) -> Option<&HistogramSample> {
        self.histograms.iter().find(|histogram| histogram.name == name)
    }
}
