//! Durability: frames wait for the disk, a tick at most; disks that are slow, full or broken are told of and heal.

mod disks;
mod ends;
#[cfg(target_os = "linux")]
mod megabyte;

use std::path::Path;
use std::time::Duration;

use framekeep_protocol::RoomEventKind;
use framekeep_server::{Disk, Durability, Recorder, ServerConfig, drill};
use framekeep_tests::Scenario;

use disks::{DevFull, Gate};

/// A server on a disk behind a gate, with two players in a match.
///
/// The disk is as quick as virtual time wants: unless it is shut, every turn waits for it.
struct Drill {
    play: Scenario,
    gate: Gate,
}

impl Drill {
    fn playing(folder: &Path, seed: u64, durability: Durability) -> Self {
        let gate = Gate::default();
        Self::playing_on(folder, seed, durability, gate.clone(), Box::new(gate))
    }

    fn playing_on(folder: &Path, seed: u64, durability: Durability, gate: Gate, disk: Box<dyn Disk>) -> Self {
        let recorder = Recorder::open_on(folder, seed, durability, disk).unwrap();
        let data = Some(folder.to_owned());
        let leaderboard_every = Duration::from_secs(1);
        let config =
            ServerConfig { threads: 1, data, durability, leaderboard_every, ..ServerConfig::default() };
        let play = Scenario::on(seed, framekeep_games::registry(), config, recorder).room("duel", 2);
        let mut drill = Self { play, gate };
        drill.run_until("it plays", |play| newest(play) > 30 && recorder_of(play).undurable_rooms() == 0);
        drill
    }

    fn turn(&mut self) {
        self.play.turn();
        if !self.gate.is_shut() {
            drill::settle(self.play.server.world_mut());
        }
    }

    fn run_for(&mut self, ms: u64) {
        (0..ms / 2).for_each(|_| self.turn());
    }

    fn run_until(&mut self, what: &str, holds: impl Fn(&Scenario) -> bool) {
        let until = self.play.now() + Duration::from_secs(120);
        while !holds(&self.play) {
            assert!(self.play.now() < until, "within two minutes of virtual time, not so: {what}");
            self.turn();
        }
    }

    /// Runs for so long; players see every tick at the latest when the next one is made.
    fn run_without_delay(&mut self, ms: u64) {
        let (begun, from) = (self.play.now(), self.tick());
        for _ in 0..ms / 2 {
            self.turn();
            let (tick, seen) = (self.tick(), newest(&self.play));
            assert!(seen + 2 >= tick, "of {tick} ticks {seen} are seen");
        }
        let due = ((self.play.now() - begun).as_millis() * 30 / 1_000) as u32;
        assert!(self.tick() + 1 >= from + due, "{} of {due} ticks", self.tick() - from);
    }

    fn tick(&self) -> u32 {
        self.play.stage("duel").unwrap().tick().0
    }
}

fn newest(play: &Scenario) -> u32 {
    let newest = |client: &framekeep_tests::Client| client.hashes.last().map_or(0, |(tick, _)| tick.0);
    play.clients.iter().map(newest).max().unwrap_or(0)
}

fn recorder_of(play: &Scenario) -> &Recorder {
    play.server.world().resource::<Recorder>()
}

/// Leaderboards that the first player was shown.
fn boards(play: &Scenario) -> usize {
    let events = play.clients[0].events.iter();
    events.filter(|event| matches!(event.kind, RoomEventKind::Leaderboard(_))).count()
}

#[test]
fn no_frame_is_sent_before_it_is_durable_and_none_is_held_for_longer_than_a_tick() {
    let folder = tempfile::tempdir().unwrap();
    let mut drill = Drill::playing(folder.path(), 91, Durability::Tick);
    drill.gate.set_shut(true);
    let begun = drill.tick();
    drill.run_for(30);
    assert!(newest(&drill.play) <= begun, "frames from {begun} on wait for the disk");
    drill.run_without_delay(2_000);
    let ticks = drill.tick();
    assert_eq!(recorder_of(&drill.play).undurable_rooms(), 1);
    assert_eq!(drill.play.counters().rooms_behind, 1, "it waits for the disk once");
    drill.gate.set_shut(false);
    drill.run_until("the room is durable again", |play| recorder_of(play).undurable_rooms() == 0);
    drill.play.assert_all_agree();
    assert!(drill.tick() >= ticks);
    let ticks = drill.tick();
    drill.play.restart();
    assert_eq!(drill.tick(), ticks, "nothing was lost");
}

#[test]
fn scores_and_leaderboards_wait_for_the_disk_as_frames_do() {
    let folder = tempfile::tempdir().unwrap();
    let mut drill = Drill::playing(folder.path(), 93, Durability::Tick);
    drill.run_until("a board is due next", |play| play.stage("duel").unwrap().tick().0 % 30 == 29);
    drill.gate.set_shut(true);
    let shown = boards(&drill.play);
    drill.run_until("the tick of a board", |play| play.stage("duel").unwrap().tick().0 % 30 == 0);
    drill.run_for(28);
    assert_eq!(boards(&drill.play), shown, "its frame is not durable");
    drill.run_for(10);
    assert_eq!(boards(&drill.play), shown + 1, "a tick is the longest that anything waits");
    drill.gate.set_shut(false);
    drill.run_for(3_000);
    assert_eq!(boards(&drill.play), shown + 4);
}

#[test]
fn a_disk_that_takes_two_seconds_for_every_sync_delays_no_tick_and_heals() {
    let folder = tempfile::tempdir().unwrap();
    let mut drill = Drill::playing(folder.path(), 94, Durability::Tick);
    drill.gate.set_shut(true);
    drill.run_without_delay(1_000);
    assert!(recorder_of(&drill.play).is_undurable(), "it is said within a second");
    assert_eq!(recorder_of(&drill.play).undurable_rooms(), 1);
    for _ in 0..10 {
        drill.gate.let_one_through();
        drill.run_without_delay(2_000);
        assert!(recorder_of(&drill.play).is_undurable(), "two seconds are not durable");
    }
    drill.gate.set_shut(false);
    drill.run_until("the room is durable again", |play| !recorder_of(play).is_undurable());
    assert_eq!(recorder_of(&drill.play).failures(), 0, "nothing was lost");
    drill.play.assert_all_agree();
    let ticks = drill.tick();
    drill.play.restart();
    assert_eq!(drill.tick(), ticks);
}

#[test]
fn a_slow_disk_is_told_of_with_durability_of_a_second_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut drill = Drill::playing(folder.path(), 95, Durability::Second);
    drill.gate.set_shut(true);
    drill.run_without_delay(900);
    assert!(!recorder_of(&drill.play).is_undurable(), "a second may be lost");
    drill.run_without_delay(140);
    assert!(recorder_of(&drill.play).is_undurable(), "and no more without a word");
    drill.gate.set_shut(false);
    drill.run_until("the room is durable again", |play| !recorder_of(play).is_undurable());
}

/// The disk is full for three seconds: it is told of, the game goes on, and all is durable when there is space.
fn fill_up(drill: &mut Drill, durability: Durability) {
    drill.gate.set_full(true);
    let began = drill.play.now();
    drill.run_until("it is told of", |play| recorder_of(play).undurable_rooms() == 1);
    assert!((drill.play.now() - began).as_millis() <= 1_000, "{durability:?}");
    drill.run_without_delay(3_000);
    let recorder = recorder_of(&drill.play);
    assert!(recorder.failures() > 0 && recorder.is_undurable() && recorder.refuses());
    drill.gate.set_full(false);
    drill.run_until("durable again", |play| !recorder_of(play).is_undurable());
    assert_eq!(recorder_of(&drill.play).undurable_rooms(), 0);
    drill.run_for(1_000);
    drill.play.assert_all_agree();
    let ticks = drill.tick();
    drill.play.restart();
    assert_eq!(drill.tick(), ticks, "{durability:?}: the room was told once more");
}

#[test]
fn a_full_disk_is_told_of_within_a_second_and_heals_when_there_is_space() {
    for durability in [Durability::Tick, Durability::Second, Durability::Off] {
        let folder = tempfile::tempdir().unwrap();
        fill_up(&mut Drill::playing(folder.path(), 92, durability), durability);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_device_that_is_always_full_is_told_of_and_heals_as_well() {
    for durability in [Durability::Tick, Durability::Second] {
        let (folder, gate) = (tempfile::tempdir().unwrap(), Gate::default());
        let disk = Box::new(DevFull(gate.clone()));
        fill_up(&mut Drill::playing_on(folder.path(), 96, durability, gate, disk), durability);
    }
}
