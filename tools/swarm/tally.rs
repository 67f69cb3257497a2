//! What is counted.

use framekeep_rollback::{Histogram, MatchStats};

use crate::crowd::CrowdReport;
use crate::flips::{Flip, FlipReport};
use crate::loss::LossTally;

/// Datagrams and their UDP payload bytes in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
}

impl Traffic {
    pub(crate) fn add(&mut self, bytes: usize) {
        self.packets += 1;
        self.bytes += bytes as u64;
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
    }
}

/// What went wrong, or right, over the whole run of one bot; never cleared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// The server or the bot found that states differ.
    pub(crate) desyncs: u64,
    /// Frames of a match that never came.
    pub(crate) frames_missing: u64,
    /// Matches that ended with every frame here and, if simulated, the server's hash.
    pub(crate) matches_verified: u64,
    /// Snapshots taken over.
    pub(crate) snapshots: u64,
    /// Links that ended by themselves, fell silent, or whose match or room was ended by the server.
    pub(crate) disconnects: u64,
    /// Datagrams and payloads that the link refused.
    pub(crate) refused: u64,
    /// How often rooms went on at another node, and their bots with them; each bot counts.
    pub(crate) moves: u64,
}

impl Findings {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.desyncs += other.desyncs;
        self.frames_missing += other.frames_missing;
        self.matches_verified += other.matches_verified;
        self.snapshots += other.snapshots;
        self.disconnects += other.disconnects;
        self.refused += other.refused;
        self.moves += other.moves;
    }
}

/// What all bots together saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// Length of the measured window; zero if it never began.
    pub(crate) window_s: f64,
    pub(crate) connected: u64,
    pub(crate) failed_joins: u64,
    /// Bots to which the server has said anything.
    pub(crate) answered: u64,
    /// Bots that had heard nothing of the server for seconds when they were to leave.
    pub(crate) silent: u64,
    /// Why joins failed and links were lost, with counts, most frequent first.
    pub(crate) reasons: Vec<(String, u64)>,
    pub(crate) findings: Findings,
    /// Links that were lost on purpose.
    pub(crate) losses: LossTally,
    /// What the crowd was told, if there was one.
    pub(crate) crowd: Option<CrowdReport>,
    /// Rooms that played as many matches to their end as were wanted.
    pub(crate) rooms_finished: u32,
    /// Bits that were flipped on purpose, and what became of them.
    pub(crate) flips: Vec<Flip>,
    /// See `flips`.
    pub(crate) flip_report: FlipReport,
    pub(crate) stats: MatchStats,
    pub(crate) up: Traffic,
    pub(crate) down: Traffic,
    /// How late the swarm's own timers fired, in microseconds.
    pub(crate) lag_us: Histogram,
    pub(crate) server_cpu_s: Option<f64>,
    pub(crate) own_cpu_s: Option<f64>,
}
