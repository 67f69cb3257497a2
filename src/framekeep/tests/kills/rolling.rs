//! Three built servers, one restarted after the other while everybody plays on.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::time::Duration;

use crate::fleet::{self, Fleet, LONG, LONGEST};
use crate::players::{Player, Players};
use crate::redis::RedisServer;

const NODES: usize = 3;
const SEATS: usize = 2;
/// Rooms whose players come at one time.
const ENTER_AT_ONCE: usize = 15;
/// A tick of the rooms.
const TICK: Duration = Duration::from_nanos(1_000_000_000 / 30);

/// Pauses beyond the tick that there always is, in ticks.
pub(crate) struct Pauses {
    ticks: Vec<f64>,
    /// The longest time in which the players' own thread did not look.
    unseen: f64,
}

impl Pauses {
    /// Takes what players have seen since this was asked last.
    pub(crate) fn take(players: &mut Players, counts: impl Fn(&Player) -> bool) -> Self {
        let mut ticks = Vec::new();
        for player in &mut players.all {
            let pause = std::mem::take(&mut player.longest_pause);
            if counts(player) {
                ticks.push(pause.saturating_sub(TICK).as_secs_f64() / TICK.as_secs_f64());
            }
        }
        let unseen = std::mem::take(&mut players.longest_turn).as_secs_f64() / TICK.as_secs_f64();
        Self { unseen, ..Self::of(ticks) }
    }

    /// Those, in ticks.
    pub(crate) fn of(mut ticks: Vec<f64>) -> Self {
        ticks.sort_by(f64::total_cmp);
        Self { ticks, unseen: 0.0 }
    }

    /// What a share of all does not exceed.
    pub(crate) fn at(&self, percent: usize) -> f64 {
        self.ticks.get(self.ticks.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        let [middle, most_of, most] = [50, 99, 100].map(|percent| self.at(percent));
        format!(
            "p50 {middle:.1}, p99 {most_of:.1}, most {most:.1} ticks of {}; players late by {:.1} at most",
            self.ticks.len(),
            self.unseen
        )
    }
}

pub(crate) fn play(players: &mut Players, ticks: u32) {
    let until: Vec<u32> = players.all.iter().map(|player| player.newest() + ticks).collect();
    let all_are = |all: &[Player]| all.iter().zip(&until).all(|(player, until)| player.newest() >= *until);
    assert!(players.play_until(LONGEST, all_are), "all matches go on");
}

/// Drains a node by moving, waits for its end, starts it again; gives what players saw meanwhile.
fn restart(fleet: &mut Fleet, players: &mut Players, nth: usize, within: Duration) -> Pauses {
    let before: Vec<u32> = players.all.iter().map(|player| player.moves).collect();
    let draining = RefCell::new(fleet.drain_to_others(nth, within.as_secs()));
    let is_heard = |_: &[Player]| draining.borrow_mut().try_wait().expect("a child").is_some();
    assert!(players.play_until(LONGEST, is_heard), "the node hears of it");
    assert!(draining.borrow_mut().wait().expect("a child").success(), "{}", fleet.logs());
    let node = RefCell::new(fleet.nodes[nth].take().expect("it is up"));
    let ended = RefCell::new(None);
    let has_ended = |_: &[Player]| {
        *ended.borrow_mut() = node.borrow_mut().has_ended();
        ended.borrow().is_some()
    };
    assert!(players.play_until(within + LONGEST, has_ended), "it ends: {}", fleet.logs());
    assert_eq!(*ended.borrow(), Some(true), "{}", fleet.logs());
    let (seed, others) = (fleet.seed(nth), fleet.fronts());
    // On another thread, so that players are not kept waiting.
    let starting = std::thread::spawn(move || {
        let node = seed.start();
        while others.iter().chain([&node.at("http")]).any(|front| fleet::sees(*front) != NODES) {
            std::thread::park_timeout(fleet::LOOK_EVERY);
        }
        node
    });
    assert!(players.play_until(LONGEST, |_| starting.is_finished()), "it is back: {}", fleet.logs());
    fleet.nodes[nth] = Some(starting.join().expect("it starts"));
    play(players, 30);
    let all = players.all.iter().zip(&before);
    let moved = all.filter(|(player, before)| player.moves > **before).map(|(player, _)| player.id());
    let moved: BTreeSet<String> = moved.collect();
    Pauses::take(players, |player| moved.contains(&player.id()))
}

/// Restarts every node in turn while so many rooms are played in.
fn roll(rooms: usize, drain_within: Duration) {
    let Some(redis) = RedisServer::start() else { return };
    let mut fleet = Fleet::start(&redis, NODES, "second", Vec::new());
    let mut players = Players::crowd(31, rooms, SEATS);
    // A few at a time, as players come.
    for first in (0..rooms).step_by(ENTER_AT_ONCE) {
        players.enter(first..first + ENTER_AT_ONCE, |room| fleet.udp(room % NODES), LONG);
        let are_in = |player: &Player| player.room >= first + ENTER_AT_ONCE || player.newest() > 5;
        assert!(players.play_until(LONGEST, |all| all.iter().all(are_in)), "{}", fleet.logs());
    }
    play(&mut players, 60);
    Pauses::take(&mut players, |_| true);
    play(&mut players, 150);
    let mut report = format!("{rooms} rooms, {} players\n", players.all.len());
    report += &format!("  nothing moves:   {}\n", Pauses::take(&mut players, |_| true).text());
    for nth in 0..NODES {
        let pauses = restart(&mut fleet, &mut players, nth, drain_within);
        report += &format!("  eu{nth} restarted:  {}\n", pauses.text());
    }
    // Past what the test harness keeps to itself of a test that passes.
    write!(io::stderr(), "{report}").expect("standard error");
    for player in &players.all {
        assert_eq!((player.desyncs, player.starts), (0, 1), "{} of room {}", player.id(), player.room);
        assert!(player.moves > 0, "{} never moved", player.id());
    }
    let is_single = |_: &[Player]| {
        let found = fleet.rooms();
        found.len() == rooms && found.values().all(|nodes| nodes.len() == 1)
    };
    assert!(players.play_until(LONGEST, is_single), "rooms {:?}\n{}", fleet.rooms(), fleet.logs());
}

#[test]
fn no_match_ends_when_three_nodes_are_restarted_in_turn() {
    roll(12, Duration::from_secs(60));
}

#[test]
#[ignore = "takes minutes; 300 rooms"]
fn no_match_of_three_hundred_ends_when_three_nodes_are_restarted_in_turn() {
    roll(300, Duration::from_secs(240));
}
