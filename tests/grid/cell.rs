//! `Cell`, one network of the grid, and what a match over it is like.

use std::fmt;

use framekeep_rollback::MatchStats;
use framekeep_sim::Tick;
use framekeep_tests::Scenario;

/// Virtual seconds until a match is measured, and how long it is.
const SETTLE_S: f64 = 5.0;

/// One network of the grid: percent and milliseconds, each way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) loss: u32,
    pub(crate) delay: u32,
    pub(crate) jitter: u32,
    pub(crate) reorder: u32,
    pub(crate) duplicate: u32,
}

/// What a match over a network was like.
pub(crate) struct Report {
    pub(crate) cell: Cell,
    /// What differed, if anything did.
    pub(crate) fault: Option<String>,
    pub(crate) stats: MatchStats,
    pub(crate) ticks: u32,
    pub(crate) snapshots: u32,
}

impl Cell {
    /// Every combination.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let networks = [0, 1, 5, 10, 20, 30].into_iter().flat_map(|loss| {
            [0, 25, 50, 150].into_iter().flat_map(move |delay| {
                [0, 30].map(|jitter| Self { loss, delay, jitter, reorder: 0, duplicate: 0 })
            })
        });
        networks.flat_map(|cell| {
            [(0, 0), (0, 5), (10, 0), (10, 5)].map(|(reorder, duplicate)| Self { reorder, duplicate, ..cell })
        })
    }

    fn text(self) -> String {
        let Self { loss, delay, jitter, reorder, duplicate } = self;
        format!("loss={loss},delay={delay},jitter={jitter},reorder={reorder},dup={duplicate}")
    }

    /// Plays a match of two for so many virtual seconds, and compares all logs.
    pub(crate) fn play(self, seed: u64, seconds: f64) -> Report {
        let mut play = Scenario::new(seed).link(&self.text());
        play.watch("cell");
        let mut play = play.room("cell", 2);
        play.run_for(SETTLE_S);
        let first = play.stage("cell").map_or(Tick(0), |stage| stage.tick());
        for client in &mut play.clients {
            client.play.iter_mut().for_each(|play| play.stats_mut().clear());
        }
        play.run_for(seconds);
        let mut stats = MatchStats::default();
        play.clients
            .iter()
            .filter_map(|client| client.play.as_ref())
            .for_each(|play| stats.merge(play.stats()));
        let last = play.stage("cell").map_or(Tick(0), |stage| stage.tick());
        let fault = compare(&mut play, last).err();
        let snapshots = play.clients.iter().map(|client| client.snapshots).sum();
        Report { cell: self, fault, stats, ticks: last.since(first), snapshots }
    }
}

/// Lets everybody come to a tick over the same network, and compares hashes and frames of all ticks before it.
fn compare(play: &mut Scenario, last: Tick) -> Result<(), String> {
    let is_there = |client: &framekeep_tests::Client| {
        client.play.as_ref().is_some_and(|play| play.confirmed().tick() >= last)
    };
    let mut patience = 2_500;
    while !play.clients.iter().all(is_there) {
        play.turn();
        patience -= 1;
        if patience == 0 {
            return Err(format!("not all have come to tick {last} within 5 s"));
        }
    }
    play.assert_all_agree();
    for (number, client) in play.clients.iter().enumerate() {
        for &(tick, digest) in &client.frames {
            if play.log.get(&tick).is_some_and(|logged| logged.0 != digest) {
                return Err(format!("client {number} has another frame {tick}"));
            }
        }
        for &(tick, hash) in client.hashes.iter().filter(|(tick, _)| *tick > Tick(0)) {
            if play.log.get(&tick.earlier(1)).is_some_and(|logged| logged.1 != hash) {
                return Err(format!("client {number} has another state before tick {tick}"));
            }
        }
        let skipped = client.play.as_ref().map_or(0, |play| play.stats().frames_skipped) as usize;
        if client.frames.len() + skipped < last.0 as usize {
            return Err(format!("client {number} has {} of {last} frames", client.frames.len()));
        }
    }
    if play.log.len() < last.0 as usize {
        return Err(format!("{} of {last} frames were logged", play.log.len()));
    }
    Ok(())
}

/// The heads of the columns of a report.
pub(crate) const HEADS: &str = "loss delay jitter reord dup | agree  confirm ms p50   p99 | late %  \
    depth p50 p99 max | stalls snapshots";

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cell, stats, .. } = self;
        let ms = |permille| stats.confirm_us.quantile(permille) as f64 / 1e3;
        let late = stats.inputs_late as f64 * 100.0 / f64::from(self.ticks.max(1) * 2);
        write!(
            f,
            "{:3}% {:5} {:6} {:4}% {:2}% | ",
            cell.loss, cell.delay, cell.jitter, cell.reorder, cell.duplicate
        )?;
        write!(
            f,
            "{:5}  {:14.1} {:5.1} | ",
            if self.fault.is_none() { "yes" } else { "NO" },
            ms(500),
            ms(990)
        )?;
        let depth = &stats.rollback_ticks;
        write!(f, "{late:6.2}  {:9} {:3} {:3} | ", depth.quantile(500), depth.quantile(990), depth.max())?;
        write!(f, "{:6} {:9}", stats.stalls, self.snapshots)
    }
}
