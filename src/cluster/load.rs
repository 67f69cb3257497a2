//! `LoadMeter`, how busy this node is, by what the server reports.

use framekeep_gate::Report;

use crate::Load;

/// Reports after which the durations of turns are counted anew.
const REPORTS_PER_WINDOW: u32 = 30;

const PAGE_BYTES: u64 = 4_096;

const MOVED: &str = "framekeep_rooms_moved_total";

const HISTOGRAM: &str = "framekeep_tick_seconds";

/// How busy this node is.
#[derive(Debug, Default)]
pub(crate) struct LoadMeter {
    region: String,
    /// How many turns there had been by bound when the window began.
    before: Vec<u64>,
    reports: u32,
    tick_us_p99: u32,
}

impl LoadMeter {
    pub(crate) fn new(region: String) -> Self {
        Self { region, ..Self::default() }
    }

    /// How busy the node is by that report.
    pub(crate) fn measure(&mut self, report: &Report) -> Load {
        if let Some(histogram) = report.histogram(HISTOGRAM) {
            let now: Vec<u64> = histogram.buckets.iter().map(|(_, count)| *count).collect();
            let before = |nth: usize| self.before.get(nth).copied().unwrap_or(0);
            let all = now.last().map_or(0, |last| last - before(now.len() - 1).min(*last));
            let enough = |nth: &usize| now[*nth].saturating_sub(before(*nth)) * 100 >= all * 99;
            let p99 = (0..now.len()).find(enough).and_then(|nth| histogram.buckets.get(nth));
            self.tick_us_p99 = p99.filter(|_| all > 0).map_or(0, |(bound, _)| (bound * 1e6) as u32);
            self.reports += 1;
            if self.reports.is_multiple_of(REPORTS_PER_WINDOW) {
                self.before = now;
            }
        }
        let open = report.rooms.iter().filter(|row| row.phase != "closed").count();
        Load {
            // Who watches takes a place as well, of which there are `players_max`.
            players: u32::try_from(report.players + report.watchers).unwrap_or(u32::MAX),
            rooms: u32::try_from(open).unwrap_or(u32::MAX),
            tick_us_p99: self.tick_us_p99,
            memory_mib: resident_mib(),
            rooms_max: u32::try_from(report.rooms_max).unwrap_or(u32::MAX),
            players_max: u32::try_from(report.players_max).unwrap_or(u32::MAX),
            region: self.region.clone(),
            draining: report.draining,
            moved_in: moved(report, "in"),
            moved_out: moved(report, "out"),
        }
    }
}

/// Rooms that came or went.
fn moved(report: &Report, direction: &str) -> u64 {
    let samples = report.samples.iter().filter(|sample| sample.name == MOVED);
    let wanted = samples.filter(|sample| sample.labels.iter().any(|(_, value)| *value == direction));
    wanted.map(|sample| sample.value as u64).sum()
}

/// Memory that the process has; 0 where the system does not say.
fn resident_mib() -> u32 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    u32::try_from((pages.unwrap_or(0) * PAGE_BYTES) >> 20).unwrap_or(u32::MAX)
}
