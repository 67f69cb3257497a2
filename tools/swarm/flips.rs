//! Bits of bots' states that are flipped on purpose: when, whose, and whether the server named and healed them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use framekeep_journal::DesyncReport;
use framekeep_protocol::PlayerId;
use framekeep_rollback::{Histogram, Injected};
use framekeep_sim::Tick;
use serde::Serialize;

/// A bot's state is broken so often in a row, and once in this time after that: the server asks no oftener.
const BURST: usize = 3;
/// See [`BURST`].
const EVERY: Duration = Duration::from_secs(12);
/// From the flip to the snapshot that heals it.
const HEAL_MAX: Duration = Duration::from_secs(1);
/// A hash that differs so many ticks after a flip is of that flip; a client tells the server no more of them.
const OWN_TICKS: u32 = 128;

/// A bit that was flipped, and what came of it.
#[derive(Clone, Debug)]
pub(crate) struct Flip {
    pub(crate) player: PlayerId,
    pub(crate) tick_rate_hz: u16,
    injected: Injected,
    at: Duration,
    /// How long it took until a snapshot was there.
    healed: Option<Duration>,
}

/// The flips of one bot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flips {
    done: Vec<Flip>,
    /// When the last ones were asked for.
    asked: Vec<Duration>,
    is_armed: bool,
}

impl Flips {
    /// Whether a bit may be flipped now.
    pub(crate) fn may_flip(&self, now: Duration) -> bool {
        let lately = self.asked.iter().filter(|at| **at + EVERY * BURST as u32 > now).count();
        !self.is_armed && lately < BURST && self.done.last().is_none_or(|flip| flip.healed.is_some())
    }

    /// A bit is to be flipped.
    pub(crate) fn arm(&mut self, now: Duration) {
        self.asked.push(now);
        self.is_armed = true;
    }

    /// The match in which it was to be flipped is gone.
    pub(crate) fn disarm(&mut self) {
        self.is_armed = false;
    }

    /// A bit was flipped.
    pub(crate) fn note(&mut self, player: PlayerId, tick_rate_hz: u16, injected: Injected, at: Duration) {
        self.is_armed = false;
        self.done.push(Flip { player, tick_rate_hz, injected, at, healed: None });
    }

    /// A snapshot was taken over.
    pub(crate) fn note_snapshot(&mut self, now: Duration) {
        if let Some(flip) = self.done.last_mut().filter(|flip| flip.healed.is_none()) {
            flip.healed = Some(now.saturating_sub(flip.at));
        }
    }

    /// Whether a hash that differs at `tick` is what was to be expected.
    pub(crate) fn explain(&self, tick: Tick) -> bool {
        self.done
            .last()
            .is_some_and(|flip| tick >= flip.injected.tick && tick.since(flip.injected.tick) <= OWN_TICKS)
    }

    /// How many were flipped or are about to be.
    pub(crate) fn count(&self) -> usize {
        self.done.len() + usize::from(self.is_armed)
    }

    /// Whether one is not flipped, or not healed and not given up.
    pub(crate) fn is_waiting(&self, now: Duration) -> bool {
        self.is_armed || self.done.last().is_some_and(|flip| now < flip.at + HEAL_MAX)
    }

    pub(crate) fn done(&self) -> &[Flip] {
        &self.done
    }
}

/// What the drill has shown.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct FlipReport {
    wanted: u64,
    injected: u64,
    /// Flips of which the server wrote a report with the right tick and the right field.
    named: u64,
    /// Flips of which it wrote a report with another field.
    named_wrong: u64,
    healed: u64,
    heal_ms_p50: f64,
    heal_ms_max: f64,
    /// From the flip to the hash by which the server noticed it, at most, in ticks of the match.
    noticed_ticks_max: u32,
    /// How many were noticed later than within a second of play.
    noticed_late: u64,
}

impl FlipReport {
    /// Looks for each flip's report in the server's data folder.
    pub(crate) fn new(wanted: u32, flips: &[Flip], data: &Path) -> io::Result<Self> {
        let mut report = Self { wanted: wanted.into(), injected: flips.len() as u64, ..Self::default() };
        let files = report_files(&data.join("desyncs"))?;
        let mut heal_us = Histogram::default();
        for flip in flips {
            if let Some(healed) = flip.healed {
                report.healed += 1;
                heal_us.record(healed.as_micros() as u64);
            }
            let Some(path) = files.get(&(flip.player.0, flip.injected.tick.0)) else { continue };
            let Ok(found) = DesyncReport::read(&fs::read(path)?) else { continue };
            let is_right = found.exact && found.field() == flip.injected.fields.first();
            report.named += u64::from(is_right);
            report.named_wrong += u64::from(!is_right);
            let ticks = found.noticed.since(flip.injected.tick);
            report.noticed_ticks_max = report.noticed_ticks_max.max(ticks);
            report.noticed_late += u64::from(ticks > u32::from(flip.tick_rate_hz));
        }
        let ms = |us: u64| (us as f64 / 10.0).round() / 100.0;
        (report.heal_ms_p50, report.heal_ms_max) = (ms(heal_us.quantile(500)), ms(heal_us.max()));
        Ok(report)
    }

    /// What went wrong, if something did.
    pub(crate) fn complaint(&self) -> Option<String> {
        let Self { wanted, injected, named, named_wrong, healed, .. } = self;
        if injected < wanted {
            return Some(format!("{injected} of {wanted} bits were flipped"));
        }
        if named < injected {
            return Some(format!(
                "of {injected} flipped bits the server named {named} rightly and {named_wrong} wrongly"
            ));
        }
        if healed < injected || self.heal_ms_max > HEAL_MAX.as_millis() as f64 {
            return Some(format!(
                "of {injected} clients {healed} were healed, after {} ms at most",
                self.heal_ms_max
            ));
        }
        let late = self.noticed_late;
        (late > 0).then(|| format!("{late} flipped bits were noticed later than within a second of play"))
    }

    pub(crate) fn row(&self) -> (&'static str, String) {
        let Self { wanted, named, healed, heal_ms_max, .. } = self;
        ("desyncs named / healed of, max ms", format!("{named} / {healed} of {wanted}, {heal_ms_max}"))
    }
}

/// The reports of a folder by player and first bad tick, which their names end with; newer ones replace older ones.
fn report_files(folder: &Path) -> io::Result<BTreeMap<(u64, u32), PathBuf>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if let Some(key) = path.file_stem().and_then(|stem| key_of(stem.to_str()?)) {
            files.insert(key, path);
        }
    }
    Ok(files)
}

/// Player and tick of a name like `<room>-<started>-<epoch>-t<tick>-s<seat>-p<player>`.
fn key_of(stem: &str) -> Option<(u64, u32)> {
    let mut parts = stem.rsplit('-');
    let player = u64::from_str_radix(parts.next()?.strip_prefix('p')?, 16).ok()?;
    let tick = parts.nth(1)?.strip_prefix('t')?.parse().ok()?;
    Some((player, tick))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bot_is_broken_no_oftener_than_the_server_asks() {
        let (mut flips, second) = (Flips::default(), Duration::from_secs(1));
        let injected = |tick| Injected { tick: Tick(tick), bit: 0, fields: Vec::new() };
        let mut done = 0;
        for now in 100..200 {
            if flips.may_flip(second * now) {
                flips.arm(second * now);
                assert!(!flips.may_flip(second * now));
                flips.note(PlayerId(1), 30, injected(now), second * now);
                assert!(!flips.may_flip(second * now), "not healed yet");
                flips.note_snapshot(second * now);
                done += 1;
            }
        }
        assert!((8..=11).contains(&done), "{done}");
        assert!(!flips.is_waiting(second * 300));
    }

    #[test]
    fn only_hashes_after_a_flip_are_explained_by_it() {
        let mut flips = Flips::default();
        assert!(!flips.explain(Tick(50)));
        let injected = Injected { tick: Tick(50), bit: 0, fields: Vec::new() };
        flips.note(PlayerId(1), 30, injected, Duration::ZERO);
        assert!(!flips.explain(Tick(49)) && flips.explain(Tick(50)) && !flips.explain(Tick(179)));
    }

    #[test]
    fn a_report_is_found_by_its_name() {
        assert_eq!(key_of("00000000000000ff-1800000000-3-t220-s1-p00000000000000aa"), Some((0xaa, 220)));
        assert_eq!(key_of("notes"), None);
    }
}
