//! `Story`, one match and the kills in it.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use framekeep_journal::{Replay, SegmentEnd, Verifier};
use framekeep_sim::Pcg32;
use tempfile::TempDir;

use crate::node::{Node, said};
use crate::players::{Player, Players};
use crate::told::{Told, files};

const PLAYERS: usize = 8;
/// Ticks of a second of the match.
const TICKS_PER_S: u32 = 30;
/// Nothing that is waited for takes longer.
const LONGEST: Duration = Duration::from_secs(20);
/// From the kill to everybody playing on.
const PLAYABLE_MAX: Duration = Duration::from_secs(3);

/// One match on one data folder.
pub(crate) struct Story {
    durability: &'static str,
    seed: u64,
    folder: TempDir,
}

/// How long kills took, and what they cost.
#[derive(Default)]
pub(crate) struct Times {
    ready: Vec<Duration>,
    playing: Vec<Duration>,
    lost: Vec<u32>,
    /// Ticks lost with servers that had said that their disk is too slow; none of them were shown before that.
    undurable: Vec<u32>,
    torn: usize,
}

impl Story {
    pub(crate) fn new(durability: &'static str, seed: u64) -> Self {
        Self { durability, seed, folder: tempfile::tempdir().expect("a folder") }
    }

    /// Plays on through so many kills, and checks the whole match at its end.
    pub(crate) fn play(&self, kills: u32, times: &mut Times) {
        let folder = self.folder.path();
        let mut node = Node::start(folder, self.durability, ([127, 0, 0, 1], 0).into());
        let mut players = Players::new(self.seed, PLAYERS);
        players.connect(node.address);
        players.join("arena");
        assert!(
            players.play_until(LONGEST, |all| all.iter().all(|player| player.newest() > 5)),
            "{}",
            self.at()
        );
        let mut chance = Pcg32::new(self.seed, 5);
        // Ticks and hashes that players were shown, as far as the journal has them.
        let mut shown: Vec<(u32, u64)> = Vec::new();
        for _ in 0..kills {
            let moment = Duration::from_millis(u64::from(100 + chance.below(250)));
            players.play_until(moment, |_| false);
            node = self.kill(node, &mut players, &mut shown, times);
        }
        players.play_until(Duration::from_millis(200), |_| false);
        self.keep(&players, u32::MAX, &mut shown);
        node.stop();
        self.verify(folder, &shown);
    }

    fn at(&self) -> String {
        format!("seed {} with durability {}:\n{}", self.seed, self.durability, said(self.folder.path()))
    }

    fn kill(
        &self,
        node: Node,
        players: &mut Players,
        shown: &mut Vec<(u32, u64)>,
        times: &mut Times,
    ) -> Node {
        let (folder, address) = (self.folder.path(), node.address);
        let killed = Instant::now();
        let log = node.kill(folder);
        let told = Told::read(folder);
        let newest = players.all.iter().map(Player::newest).max().unwrap_or(0);
        let lost = newest.saturating_sub(told.ticks);
        let undurable_from = undurable_from(&log).filter(|_| self.durability == "tick");
        if let Some(tick) = undurable_from {
            assert!(told.ticks >= tick, "{} ticks of {tick} that were durable, {}", told.ticks, self.at());
            times.undurable.push(lost);
        } else {
            times.lost.push(lost);
        }
        times.torn += usize::from(matches!(told.end, SegmentEnd::Torn { .. }));
        self.check_told(players, &told);
        self.keep(players, told.ticks, shown);
        let reading = killed.elapsed();
        let node = Node::start(folder, self.durability, address);
        times.ready.push(killed.elapsed() - reading);
        self.check_taken_over(folder, &told);
        players.connect(address);
        let on = |all: &[Player]| all.iter().all(|player| player.newest() > told.ticks);
        assert!(players.play_until(LONGEST, on), "{}", self.at());
        times.playing.push(killed.elapsed() - reading);
        let first = players.all.iter().filter_map(|player| player.entered).min();
        assert_eq!(first, Some(told.ticks), "{}", self.at());
        node
    }

    /// What players were shown is what the journal says, as far as it goes.
    fn check_told(&self, players: &Players, told: &Told) {
        assert_eq!(told.last, Some((told.ticks, told.hashes[told.ticks as usize])), "{}", self.at());
        for player in &players.all {
            assert_eq!(player.desyncs, 0, "{}", self.at());
            for (&tick, &hash) in player.confirmed.range(..=told.ticks) {
                assert_eq!(hash as u32, told.hashes[tick as usize] as u32, "tick {tick}, {}", self.at());
            }
        }
    }

    /// The new server's own state is that of the last durable tick.
    fn check_taken_over(&self, folder: &Path, told: &Told) {
        let after = Told::read(folder);
        assert!(after.ticks >= told.ticks, "{}", self.at());
        assert_eq!(after.hashes[told.ticks as usize] as u32, told.hashes[told.ticks as usize] as u32);
        assert_eq!(after.last, told.last, "{}", self.at());
        assert_eq!(files(folder, "journal", "fkj").len(), 1, "the segments before are not needed");
    }

    fn keep(&self, players: &Players, until: u32, shown: &mut Vec<(u32, u64)>) {
        for player in &players.all {
            let known = player.confirmed.range(..=until).map(|(tick, hash)| (*tick, *hash));
            shown.extend(known);
        }
    }

    /// The match is one file, plays again, and is what everybody was shown.
    fn verify(&self, folder: &Path, shown: &[(u32, u64)]) {
        let replays = files(folder, "replays", "fkr");
        assert_eq!(replays.len(), 1, "{}", self.at());
        let replay = Replay::read(std::fs::read(&replays[0]).expect("a file")).expect("a whole replay");
        let mut verifier = Verifier::new(framekeep_games::registry());
        let verified = verifier.verify(&replay, &mut |_, _| {}).expect("it agrees with itself");
        let mut hashes = vec![None; verified.ticks.0 as usize + 1];
        let mut frames = replay.frames();
        while let Some((frame, hash)) = frames.next_frame() {
            hashes[frame.tick.0 as usize + 1] = Some(hash.low());
        }
        for &(tick, hash) in shown {
            let sealed = hashes.get(tick as usize).copied().flatten();
            assert!(
                tick == 0 || sealed == Some(hash as u32),
                "tick {tick} was shown otherwise, {}",
                self.at()
            );
        }
    }
}

/// The tick from which frames were sent that were not durable, if the last thing that a server's log says of durability
/// is that the disk is slower than a tick. All that was shown before was durable then, and all is if it says nothing.
fn undurable_from(log: &str) -> Option<u32> {
    let is_said =
        |line: &&str| line.contains("without being durable") || line.contains("all rooms are durable");
    let last: serde_json::Value = serde_json::from_str(log.lines().rfind(is_said)?).expect("lines of JSON");
    let tick = last.get("tick")?;
    Some(tick.as_u64().and_then(|tick| u32::try_from(tick).ok()).expect("a tick"))
}

impl Times {
    pub(crate) fn table(&self, durability: &str) -> String {
        let mut out = format!("{} kills with durability {durability}\n", self.ready.len());
        let mut row = |name: &str, values: &[Duration]| {
            let mut sorted = values.to_vec();
            sorted.sort();
            let at = |permille: usize| {
                sorted.get((sorted.len() - 1) * permille / 1_000).map_or(0, |time| time.as_millis())
            };
            let (p50, p99, max) = (at(500), at(990), at(1_000));
            let _ = writeln!(out, "  {name:<28} p50 {p50:>5} ms  p99 {p99:>5} ms  max {max:>5} ms");
        };
        row("start to banner", &self.ready);
        row("start to everybody playing", &self.playing);
        let (lost, torn) = (self.lost.iter().max().unwrap_or(&0), self.torn);
        let _ = writeln!(out, "  shown ticks lost, at most    {lost}; {torn} journals torn in a record");
        let (kills, ticks) = (self.undurable.len(), self.undurable.iter().max().unwrap_or(&0));
        let _ = writeln!(
            out,
            "  while the disk was too slow: {kills} kills, {ticks} ticks at most, all shown after it was said"
        );
        out
    }

    pub(crate) fn check(&self, durability: &str) {
        let lost_max = if durability == "tick" { 0 } else { TICKS_PER_S };
        assert!(self.lost.iter().all(|lost| *lost <= lost_max), "{:?}", self.lost);
        assert!(self.playing.iter().all(|time| *time <= PLAYABLE_MAX), "{:?}", self.playing);
    }
}
