//! `Report`, what a run has shown: a table, a JSON object, goals.

use std::fmt::Write;

use serde::Serialize;

use crate::args::Args;
use crate::crowd::CrowdReport;
use crate::driver::TURN;
use crate::flips::FlipReport;
use crate::loss::LossReport;
use crate::songs::SongReport;
use crate::tally::Outcome;

/// Raised when a field changes its meaning or goes away.
const SCHEMA_VERSION: u32 = 1;

/// What a run has shown. Rates are per room and second of the measured window; "wire" is whole UDP payloads, counted
/// where they meet the server's socket.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Report {
    schema_version: u32,
    rooms: u32,
    seats_per_room: u8,
    seconds: f64,
    game: &'static str,
    link: String,
    thin: bool,
    seed: u64,
    /// Bots that were in a running match when the window began.
    connected: u64,
    failed_joins: u64,
    /// Bots whose link, room or match ended against their will.
    disconnects: u64,
    /// Bots that heard nothing more of the server at the end of the window.
    silent: u64,
    desyncs: u64,
    frames_confirmed: u64,
    frames_missing: u64,
    /// Frames of which a bot got the state after them by snapshot instead.
    frames_skipped: u64,
    inputs_late: u64,
    confirm_ms_p50: f64,
    confirm_ms_p99: f64,
    rollback_ticks_p99: u64,
    rollback_ticks_max: u64,
    rollbacks: u64,
    stalls: u64,
    snapshots: u64,
    moves: u64,
    matches_verified: u64,
    packets_refused: u64,
    wire_bytes_down_per_room_s: f64,
    wire_bytes_up_per_room_s: f64,
    packets_down_per_room_s: f64,
    packets_up_per_room_s: f64,
    /// The server's processor time, user and system, per bot and committed frame; null if its process is not known.
    server_cpu_us_per_client_tick: Option<f64>,
    server_cpu_cores: Option<f64>,
    swarm_cpu_cores: Option<f64>,
    /// How late the swarm's own timers fired: if this is not small, the swarm is the bottleneck.
    swarm_lag_ms_p99: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    songs: Option<SongReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crowd: Option<CrowdReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link_losses: Option<LossReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inject_desync: Option<FlipReport>,
    failures: Vec<Failure>,
    goals_missed: Vec<String>,
    /// Bots to which the server has said anything, were it a refusal.
    #[serde(skip)]
    pub(crate) answered: u64,
}

/// Why joins failed and links were lost, and how many.
#[derive(Clone, Debug, Serialize)]
struct Failure {
    reason: String,
    count: u64,
}

impl Report {
    pub(crate) fn new(args: &Args, outcome: &Outcome) -> Self {
        let seconds = outcome.window_s;
        let per_room_s = |count: u64| {
            if seconds > 0.0 { rounded(count as f64 / seconds / f64::from(args.rooms)) } else { 0.0 }
        };
        let cores =
            |cpu_s: Option<f64>| cpu_s.filter(|_| seconds > 0.0).map(|cpu_s| rounded(cpu_s / seconds));
        let ms = |us: u64| rounded(us as f64 / 1_000.0);
        let (stats, findings) = (&outcome.stats, &outcome.findings);
        let frames = stats.frames;
        let mut report = Self {
            schema_version: SCHEMA_VERSION,
            rooms: args.rooms,
            seats_per_room: args.seats,
            seconds: rounded(seconds),
            game: args.game.name(),
            link: args.link.to_string(),
            thin: args.thin,
            seed: args.seed,
            connected: outcome.connected,
            failed_joins: outcome.failed_joins,
            disconnects: findings.disconnects,
            silent: outcome.silent,
            desyncs: findings.desyncs,
            frames_confirmed: frames,
            frames_missing: findings.frames_missing,
            frames_skipped: stats.frames_skipped,
            inputs_late: stats.inputs_late,
            confirm_ms_p50: ms(stats.confirm_us.quantile(500)),
            confirm_ms_p99: ms(stats.confirm_us.quantile(990)),
            rollback_ticks_p99: stats.rollback_ticks.quantile(990),
            rollback_ticks_max: stats.rollback_ticks.max(),
            rollbacks: stats.rollback_ticks.count(),
            stalls: stats.stalls,
            snapshots: findings.snapshots,
            moves: findings.moves,
            matches_verified: findings.matches_verified,
            packets_refused: findings.refused,
            wire_bytes_down_per_room_s: per_room_s(outcome.down.bytes),
            wire_bytes_up_per_room_s: per_room_s(outcome.up.bytes),
            packets_down_per_room_s: per_room_s(outcome.down.packets),
            packets_up_per_room_s: per_room_s(outcome.up.packets),
            server_cpu_us_per_client_tick: outcome
                .server_cpu_s
                .filter(|_| frames > 0)
                .map(|cpu_s| rounded(cpu_s * 1e6 / frames as f64)),
            server_cpu_cores: cores(outcome.server_cpu_s),
            swarm_cpu_cores: cores(outcome.own_cpu_s),
            swarm_lag_ms_p99: ms(outcome.lag_us.quantile(990)),
            songs: args
                .songs_wanted()
                .map(|songs| SongReport::new(songs, args.rooms, outcome.rooms_finished)),
            crowd: args.drills.crowd.map(|_| outcome.crowd.unwrap_or_default()),
            link_losses: (args.drills.link_losses.is_some() || outcome.losses.any())
                .then(|| LossReport::new(args.drills.link_losses.unwrap_or(0), &outcome.losses)),
            inject_desync: args.drills.inject_desync.map(|_| outcome.flip_report.clone()),
            failures: Vec::new(),
            goals_missed: Vec::new(),
            answered: outcome.answered,
        };
        let failure = |(reason, count): &(String, u64)| Failure { reason: reason.clone(), count: *count };
        report.failures = outcome.reasons.iter().map(failure).collect();
        report.goals_missed = report.missed(args);
        report
    }

    /// Whether nothing went wrong and every goal was met.
    pub(crate) fn is_good(&self) -> bool {
        let went_well = self.desyncs == 0 && self.failed_joins == 0 && !self.has_vanished();
        went_well && self.goals_missed.is_empty() && self.drill_complaints().next().is_none()
    }

    fn drill_complaints(&self) -> impl Iterator<Item = String> {
        let songs = self.songs.as_ref().and_then(SongReport::complaint);
        let crowd = self.crowd.as_ref().and_then(CrowdReport::complaint);
        let losses = self.link_losses.as_ref().and_then(LossReport::complaint);
        let flips = self.inject_desync.as_ref().and_then(FlipReport::complaint);
        [songs, crowd, losses, flips].into_iter().flatten()
    }

    /// Whether no bot heard anything of the server at the end.
    fn has_vanished(&self) -> bool {
        self.silent > 0 && self.silent >= self.connected
    }

    /// Everything that makes the run a failure, one line each.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.desyncs > 0 {
            lines.push(format!("{} desyncs: states differed between server and bots", self.desyncs));
        }
        if self.has_vanished() {
            lines.push(format!("the server vanished: all {} bots heard nothing more of it", self.silent));
        }
        if self.failed_joins > 0 {
            lines.push(format!("{} bots did not get into a match", self.failed_joins));
        }
        lines.extend(self.failures.iter().map(|failure| format!("  {}x {}", failure.count, failure.reason)));
        lines.extend(self.drill_complaints());
        lines.extend(self.goals_missed.iter().map(|goal| format!("goal missed: {goal}")));
        lines
    }

    pub(crate) fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.rows().into_iter().chain(self.drill_rows()) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name:<36} {value:>16}");
        }
        text
    }

    fn drill_rows(&self) -> impl Iterator<Item = (&'static str, String)> {
        let songs = self.songs.as_ref().map(SongReport::row);
        let crowd = self.crowd.as_ref().map(CrowdReport::row);
        let losses = self.link_losses.as_ref().map(LossReport::row);
        let flips = self.inject_desync.as_ref().map(FlipReport::row);
        [songs, crowd, losses, flips].into_iter().flatten()
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let or_unknown =
            |value: Option<f64>| value.map_or_else(|| "unknown".to_owned(), |value| value.to_string());
        let both = |down: f64, up: f64| rounded(down + up).to_string();
        vec![
            ("rooms x seats", format!("{} x {}", self.rooms, self.seats_per_room)),
            ("link", self.link.clone()),
            ("bots", if self.thin { "thin".to_owned() } else { "simulating".to_owned() }),
            ("measured, s", self.seconds.to_string()),
            ("connected", self.connected.to_string()),
            ("failed joins", self.failed_joins.to_string()),
            ("disconnects", self.disconnects.to_string()),
            ("desyncs", self.desyncs.to_string()),
            ("frames confirmed", self.frames_confirmed.to_string()),
            ("frames missing", self.frames_missing.to_string()),
            ("inputs late", self.inputs_late.to_string()),
            ("input to frame p50 / p99, ms", format!("{} / {}", self.confirm_ms_p50, self.confirm_ms_p99)),
            (
                "rollback p99 / max, ticks",
                format!("{} / {}", self.rollback_ticks_p99, self.rollback_ticks_max),
            ),
            ("snapshots", self.snapshots.to_string()),
            ("moves followed", self.moves.to_string()),
            ("matches verified at their end", self.matches_verified.to_string()),
            ("bytes down / room / s", self.wire_bytes_down_per_room_s.to_string()),
            ("bytes up / room / s", self.wire_bytes_up_per_room_s.to_string()),
            ("bytes both / room / s", both(self.wire_bytes_down_per_room_s, self.wire_bytes_up_per_room_s)),
            ("packets both / room / s", both(self.packets_down_per_room_s, self.packets_up_per_room_s)),
            ("server CPU / client-tick, us", or_unknown(self.server_cpu_us_per_client_tick)),
            ("server CPU, cores", or_unknown(self.server_cpu_cores)),
            ("swarm CPU, cores", or_unknown(self.swarm_cpu_cores)),
            ("swarm timer lag p99, ms", self.swarm_lag_ms_p99.to_string()),
            ("sockets looked at every, ms (--help)", TURN.as_millis().to_string()),
        ]
    }

    fn missed(&self, args: &Args) -> Vec<String> {
        let goals = &args.goals;
        let count = |value: u64| value as f64;
        // Nothing may be lost unless somebody says how much.
        let none_unless = |goal: Option<u64>| Some(count(goal.unwrap_or(0)));
        let bytes = self.wire_bytes_down_per_room_s + self.wire_bytes_up_per_room_s;
        let packets = self.packets_down_per_room_s + self.packets_up_per_room_s;
        let cpu = self.server_cpu_us_per_client_tick.unwrap_or(f64::INFINITY);
        let checks = [
            ("confirm_ms_p99", self.confirm_ms_p99, goals.max_confirm_ms_p99),
            ("confirm_ms_p50", self.confirm_ms_p50, goals.max_confirm_ms_p50),
            ("frames_missing", count(self.frames_missing), none_unless(goals.max_frames_missing)),
            ("inputs_late", count(self.inputs_late), goals.max_inputs_late.map(count)),
            ("disconnects", count(self.disconnects), none_unless(goals.max_disconnects)),
            ("rollback_ticks_p99", count(self.rollback_ticks_p99), goals.max_rollback_ticks_p99.map(count)),
            ("bytes per room and second", bytes, goals.max_bytes_per_room_s),
            ("packets per room and second", packets, goals.max_packets_per_room_s),
            ("server_cpu_us_per_client_tick", cpu, goals.max_server_cpu_us),
        ];
        let missed = |(name, value, goal): (&str, f64, Option<f64>)| {
            let goal = goal.filter(|&goal| value > goal)?;
            Some(format!("{name} is {}, at most {goal} was wanted", rounded(value)))
        };
        checks.into_iter().filter_map(missed).collect()
    }
}

/// Two places are enough for people and for comparisons.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::Report;
    use crate::args::Args;
    use crate::tally::Outcome;

    fn outcome() -> Outcome {
        let mut outcome = Outcome { window_s: 10.0, connected: 8, answered: 8, ..Outcome::default() };
        outcome.stats.frames = 2_400;
        (1..=100).for_each(|ms| outcome.stats.confirm_us.record(ms * 1_000));
        (outcome.down.packets, outcome.down.bytes) = (2_400, 60_000);
        (outcome.up.packets, outcome.up.bytes) = (2_400, 48_000);
        outcome.server_cpu_s = Some(0.024);
        outcome
    }

    fn args(more: &[&str]) -> Args {
        Args::parse_from(["framekeep-swarm", "--rooms", "2"].iter().chain(more))
    }

    #[test]
    fn the_object_has_every_field_that_was_promised() {
        let json: serde_json::Value =
            serde_json::from_str(&Report::new(&args(&[]), &outcome()).json()).unwrap();
        let promised = "schema_version, rooms, seats_per_room, seconds, connected, failed_joins, disconnects, desyncs, \
             frames_confirmed, frames_missing, inputs_late, confirm_ms_p50, confirm_ms_p99, rollback_ticks_p99, \
             wire_bytes_down_per_room_s, wire_bytes_up_per_room_s, packets_down_per_room_s, packets_up_per_room_s, \
             server_cpu_us_per_client_tick";
        for field in promised.split(", ") {
            assert!(json[field].is_number(), "{field} is {}", json[field]);
        }
        assert_eq!(json["wire_bytes_down_per_room_s"], 3_000.0);
        assert_eq!(json["packets_up_per_room_s"], 120.0);
        assert_eq!(json["server_cpu_us_per_client_tick"], 10.0);
    }

    #[test]
    fn a_missed_goal_is_named_with_what_was_wanted() {
        let report =
            Report::new(&args(&["--max-confirm-ms-p99", "50", "--max-bytes-per-room-s", "9000"]), &outcome());
        assert!(!report.is_good());
        assert_eq!(report.complaints().len(), 1, "{:?}", report.complaints());
        assert!(report.complaints()[0].ends_with("at most 50 was wanted"), "{:?}", report.complaints());
        assert!(Report::new(&args(&["--max-frames-missing", "0"]), &outcome()).is_good());
    }

    #[test]
    fn drills_have_their_fields_and_can_fail_a_run() {
        let wanted = ["--crowd", "500", "--link-losses", "1000", "--game", "rhythm", "--songs", "2"];
        let report = Report::new(&args(&wanted), &outcome());
        let json: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
        for field in "seated refused_full slowest_refusal_ms".split(' ') {
            assert!(json["crowd"][field].is_number(), "{field}");
        }
        for field in "losses resumed resumed_permille resume_ms_p50 resume_ms_p99".split(' ') {
            assert!(json["link_losses"][field].is_number(), "{field}");
        }
        assert_eq!(json["songs"]["per_room"], 2);
        assert!(!report.is_good());
        assert_eq!(report.complaints().len(), 3, "{:?}", report.complaints());
        let quiet: serde_json::Value =
            serde_json::from_str(&Report::new(&args(&[]), &outcome()).json()).unwrap();
        assert!(quiet["songs"].is_null() && quiet["crowd"].is_null() && quiet["link_losses"].is_null());
    }

    #[test]
    fn a_desync_and_a_failed_join_are_failures() {
        let mut bad = outcome();
        bad.findings.desyncs = 1;
        assert!(!Report::new(&args(&[]), &bad).is_good());
        let bad = Outcome { failed_joins: 1, reasons: vec![("full".into(), 1)], ..outcome() };
        let report = Report::new(&args(&[]), &bad);
        assert!(!report.is_good());
        assert_eq!(report.complaints()[1], "  1x full");
    }

    #[test]
    fn lost_links_and_frames_are_failures_unless_they_were_allowed() {
        let mut bad = outcome();
        (bad.findings.disconnects, bad.findings.frames_missing) = (1, 40);
        let report = Report::new(&args(&[]), &bad);
        assert!(!report.is_good());
        assert_eq!(report.complaints().len(), 2, "{:?}", report.complaints());
        assert!(!Report::new(&args(&["--max-disconnects", "1"]), &bad).is_good());
        assert!(
            Report::new(&args(&["--max-disconnects", "1", "--max-frames-missing", "40"]), &bad).is_good()
        );
    }

    #[test]
    fn a_server_that_vanished_is_a_failure_whatever_was_allowed() {
        let mut bad = Outcome { silent: 8, ..outcome() };
        bad.findings.disconnects = 8;
        let report = Report::new(&args(&["--max-disconnects", "8"]), &bad);
        assert!(!report.is_good());
        assert_eq!(report.complaints(), ["the server vanished: all 8 bots heard nothing more of it"]);
    }

    #[test]
    fn a_run_without_a_window_has_rates_of_zero() {
        let report = Report::new(&args(&[]), &Outcome::default());
        assert!(report.json().contains("\"packets_up_per_room_s\":0.0"));
        assert!(report.table().contains("unknown"));
    }
}
