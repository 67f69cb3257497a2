//! A bad room or client harms nobody else.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use framekeep_journal::{Replay, Verifier};
use framekeep_protocol::{
    ClosedReason, EndReason, JoinRoom, Refusal, RoomEventKind, RoomName, RoomOptions, RoomPhase, ToServer,
};
use framekeep_server::{FailureCause, FaultKind, Games, Phase, Rooms, ServerConfig, StepTimer, Timings};
use framekeep_sim::{Frame, Game, GameRegistry, Input, Outcome, SeatScore};
use framekeep_tests::Scenario;

/// A game that behaves until a tick, and then in the way its content says.
struct Trial;

/// What the game does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// It cannot even start.
    Start,
    /// It starts, but takes long.
    LongStart,
    /// Its step panics, always.
    Step,
    /// Its step panics once in the life of the process.
    StepOnce,
    /// Its outcome panics.
    Outcome,
    /// Its scores panic.
    Scores,
    /// Its scores panic once in the life of the process.
    ScoresOnce,
    /// Its state grows without end.
    Growth,
    /// A step takes too long.
    LongStep,
    /// Every step takes somewhat too long.
    LongSteps,
    /// Every step takes 60 ms of the machine's own time.
    Spin,
}

impl Fault {
    const ALL: [(&'static str, Self); 12] = [
        ("none", Self::None),
        ("start", Self::Start),
        ("long-start", Self::LongStart),
        ("step", Self::Step),
        ("once", Self::StepOnce),
        ("outcome", Self::Outcome),
        ("scores", Self::Scores),
        ("scores-once", Self::ScoresOnce),
        ("growth", Self::Growth),
        ("long-step", Self::LongStep),
        ("long-steps", Self::LongSteps),
        ("spin", Self::Spin),
    ];

    fn of(content: (u8, u32), ticks: u32) -> Self {
        if ticks < content.1 { Self::None } else { Self::ALL[usize::from(content.0)].1 }
    }
}

/// Whether [`Fault::StepOnce`] is still to come: a state that no rule set should have.
static ONCE: AtomicBool = AtomicBool::new(true);
/// The same for [`Fault::ScoresOnce`].
static SCORES_ONCE: AtomicBool = AtomicBool::new(true);

thread_local! {
    /// The time that steps have taken on this thread.
    static SPENT: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

fn spend(ms: u64) {
    SPENT.set(SPENT.get() + Duration::from_millis(ms));
}

/// How long a step takes that really does.
const SPIN: Duration = Duration::from_millis(60);

fn spin(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        std::hint::spin_loop();
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Nothing;

impl Input for Nothing {
    const BITS: u32 = 1;

    fn pack(self) -> u64 {
        0
    }

    fn unpack(_bits: u64) -> Self {
        Self
    }
}

impl Game for Trial {
    const NAME: &'static str = "trial";
    const VERSION: u32 = 1;
    const SEATS: core::ops::RangeInclusive<u8> = 1..=4;
    /// Which fault, and the tick at which it shows.
    type Config = (u8, u32);
    type Input = Nothing;
    /// The ticks, and ballast.
    type State = (u32, Vec<u8>);
    type Event = ();

    fn default_content() -> (u8, u32) {
        (0, 0)
    }

    fn parse_content(text: &str) -> Result<(u8, u32), framekeep_sim::ContentError> {
        let (fault, at) = text.split_once(' ').unwrap();
        let number = Fault::ALL.iter().position(|(name, _)| *name == fault).unwrap();
        Ok((number as u8, at.parse().unwrap()))
    }

    fn start(content: &(u8, u32), _seed: u64, _seats: u8) -> (u32, Vec<u8>) {
        match Fault::of(*content, u32::MAX) {
            Fault::Start => panic!("this game does not start"),
            Fault::LongStart => spend(251),
            _ => {}
        }
        (0, vec![7; 16])
    }

    fn step(content: &(u8, u32), state: &mut (u32, Vec<u8>), _frame: &Frame, _events: &mut Vec<()>) {
        state.0 += 1;
        match Fault::of(*content, state.0) {
            Fault::Step => panic!("this game is fragile"),
            Fault::StepOnce => assert!(!ONCE.swap(false, Ordering::Relaxed), "only this once"),
            Fault::Growth => state.1.extend([1; 5_000]),
            Fault::LongStep => spend(251),
            Fault::LongSteps => spend(40),
            Fault::Spin => spin(SPIN),
            Fault::None
            | Fault::Start
            | Fault::LongStart
            | Fault::Outcome
            | Fault::Scores
            | Fault::ScoresOnce => {}
        }
    }

    fn outcome(content: &(u8, u32), state: &(u32, Vec<u8>)) -> Option<Outcome> {
        assert_ne!(Fault::of(*content, state.0), Fault::Outcome, "nobody knows who won");
        None
    }

    fn scores(content: &(u8, u32), state: &(u32, Vec<u8>), _out: &mut Vec<SeatScore>) {
        let fault = Fault::of(*content, state.0);
        assert_ne!(fault, Fault::Scores, "nobody can count");
        let miscounts = fault == Fault::ScoresOnce && SCORES_ONCE.swap(false, Ordering::Relaxed);
        assert!(!miscounts, "who counted was distracted");
    }
}

/// A server of the trial game, on which steps take the time that they say.
fn trial(seed: u64, change: impl FnOnce(&mut ServerConfig)) -> Scenario {
    let mut play = Scenario::with_games(seed, framekeep_games::registry().with::<Trial>(), change);
    play.server.world_mut().insert_resource(StepTimer::new(|| SPENT.get()));
    play
}

/// A client alone in a room whose game does `fault`, a text such as `step 100`.
fn open(play: &mut Scenario, room: &str, fault: &str) -> usize {
    let mut games = play.server.world_mut().resource_mut::<Games>();
    games.add_content("trial", &fault.replace(' ', "-"), fault).unwrap();
    let client = play.come(room);
    play.run_until("connected", |play| play.clients[client].is_connected());
    let options = RoomOptions { content: fault.replace(' ', "-"), ..RoomOptions::new("trial", 1) };
    let room = RoomName::try_from(room.to_owned()).unwrap();
    play.clients[client].say(&ToServer::Join(JoinRoom::seat(room, Some(options))));
    client
}

fn phase_of(play: &Scenario, room: &str) -> RoomPhase {
    let world = play.server.world();
    let room = world.resource::<Rooms>().get(&RoomName::try_from(room.to_owned()).unwrap()).unwrap();
    world.get::<Phase>(room).unwrap().0
}

#[test]
fn a_game_that_panics_ends_its_own_match_and_no_other() {
    let mut play = trial(41, |_| {}).room("brawl", 2);
    let loner = open(&mut play, "glass", "step 100");
    play.run_for(8.0);
    let end = play.clients[loner].last_end.clone().unwrap();
    assert_eq!(
        (end.reason, end.ticks.0),
        (EndReason::Failed, 99),
        "the frame that panicked is not part of it"
    );
    assert_ne!(end.hash, 0);
    assert_eq!((play.counters().matches_failed, play.counters().matches_rebuilt), (1, 0));
    assert_eq!(play.counters().failures.0, [1, 0, 0]);
    assert!(play.stage("glass").is_none());
    assert!(play.stage("brawl").is_some_and(|stage| stage.tick().0 > 200));
    play.assert_all_agree();
    assert_eq!(phase_of(&play, "glass"), RoomPhase::Finished, "its host may play again");
}

#[test]
fn every_way_to_fail_ends_the_match_with_its_cause() {
    for (fault, cause, ticks) in [
        ("start 0", FailureCause::Panicked, 0),
        ("outcome 40", FailureCause::Panicked, 39),
        ("scores 40", FailureCause::Panicked, 60),
        ("growth 40", FailureCause::TooLarge, 48),
        ("long-start 0", FailureCause::OverBudget, 1),
        ("long-step 40", FailureCause::OverBudget, 40),
        ("long-steps 40", FailureCause::OverBudget, 46),
    ] {
        let mut play = trial(44, |config| config.state_bytes_max = 50_000);
        let (loner, healthy) = (open(&mut play, "glass", fault), open(&mut play, "steel", "none 0"));
        play.run_for(5.0);
        let end = play.clients[loner].last_end.clone().unwrap();
        assert_eq!((end.reason, end.ticks.0), (EndReason::Failed, ticks), "{fault}");
        let causes = FailureCause::ALL.map(|each| u64::from(each == cause));
        assert_eq!((play.counters().matches_failed, play.counters().failures.0), (1, causes), "{fault}");
        assert_eq!(phase_of(&play, "glass"), RoomPhase::Finished, "{fault}");
        assert!(play.clients[healthy].last_end.is_none() && play.stage("steel").unwrap().tick().0 > 130);
    }
}

/// A slow room and a quick one under the machine's own time for three seconds; the ticks of the quick one beside those
/// it should have, and the play. The slow one is given so much over its share.
fn beside_a_slow_room(budget: Duration) -> (u32, u32, Scenario) {
    let mut play = trial(49, |config| {
        (config.step_budget, config.start_delay, config.threads) = (budget, Duration::ZERO, 2);
    });
    play.server.world_mut().insert_resource(StepTimer::system());
    for (room, fault) in [("steel", "none 0"), ("tar", "spin 1")] {
        open(&mut play, room, fault);
        play.run_until("playing", |play| play.stage(room).is_some());
    }
    let (from, before) = (play.now(), play.stage("steel").unwrap().tick().0);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3) {
        play.server.pump_at(from + began.elapsed());
    }
    let until = from + began.elapsed();
    // What is due by now is caught up: one frame a pump.
    for _ in 0..30 {
        play.server.pump_at(until);
    }
    let ticks = play.stage("steel").unwrap().tick().0 - before;
    ((until - from).as_millis() as u32 * 30 / 1_000, ticks, play)
}

#[test]
fn a_room_that_is_really_slow_is_ended_and_another_misses_no_tick() {
    let (expected, ticks, play) = beside_a_slow_room(ServerConfig::default().step_budget);
    assert!(ticks.abs_diff(expected) <= 2, "{ticks} of {expected} ticks");
    let counters = play.counters();
    let by_cause = FailureCause::ALL.map(|cause| u64::from(cause == FailureCause::OverBudget));
    assert_eq!((counters.matches_failed, counters.failures.0), (1, by_cause));
    assert!(counters.matches_slowed >= 1, "it was slowed before it was ended");
}

#[test]
fn a_room_that_is_slow_and_may_be_is_slowed_itself_and_another_misses_no_tick() {
    let (expected, ticks, play) = beside_a_slow_room(Duration::ZERO);
    assert!(ticks.abs_diff(expected) <= 2, "{ticks} of {expected} ticks");
    let slow = play.stage("tar").unwrap().tick().0;
    let at_most = 3_000 / (2 * SPIN.as_millis() as u32) + 2;
    assert!((2..=at_most).contains(&slow), "{slow} ticks, at most every second moment is its own");
}

#[test]
fn a_room_whose_matches_fail_again_and_again_is_closed_and_its_name_kept() {
    let mut play = trial(48, |config| config.fault_budgets.max = [2; FaultKind::ALL.len()]).room("brawl", 2);
    let loner = open(&mut play, "glass", "step 3");
    for _ in 0..6 {
        play.run_for(5.0);
        play.clients[loner].say(&ToServer::PlayAgain);
    }
    let counters = play.counters();
    let escalations = FaultKind::ALL.map(|kind| u64::from(kind == FaultKind::Game));
    assert_eq!((counters.matches_failed, counters.rooms_closed, counters.escalations.0), (3, 1, escalations));
    let closed = RoomEventKind::Closed(ClosedReason::Failing);
    assert_eq!(play.clients[loner].events.last().map(|event| &event.kind), Some(&closed));
    assert!(play.clients[loner].is_connected(), "it is the room that goes, not its players");
    open(&mut play, "glass2", "none 0");
    play.clients[loner].join("glass", 2);
    play.run_for(0.5);
    let told = play.clients[loner].refusals.last().unwrap();
    assert!(matches!(told, Refusal::RoomClosed { reason: ClosedReason::Failing, .. }), "{told}");
    assert!(play.stage("brawl").is_some_and(|stage| stage.tick().0 > 850));
    assert!(play.room_of("glass2").is_some());
    play.assert_all_agree();
}

#[test]
fn a_panic_that_does_not_come_again_costs_nothing() {
    let mut play = trial(45, |_| {});
    let (flaky, calm) = (open(&mut play, "flaky", "once 60"), open(&mut play, "calm", "none 0"));
    play.run_for(5.0);
    assert_eq!((play.counters().matches_rebuilt, play.counters().matches_failed), (1, 0));
    assert!(play.clients[flaky].last_end.is_none() && play.clients[calm].last_end.is_none());
    let (flaky, calm) = (play.stage("flaky").unwrap(), play.stage("calm").unwrap());
    assert!(flaky.tick().0 > 130);
    for tick in 0..130 {
        let tick = framekeep_sim::Tick(tick);
        assert_eq!(flaky.hash_at(tick), calm.hash_at(tick), "the same state as if nothing had happened");
    }
}

#[test]
fn a_panic_between_two_steps_that_does_not_come_again_costs_nothing() {
    let mut play = trial(50, |_| {});
    let flaky = open(&mut play, "flaky", "scores-once 40");
    play.run_for(5.0);
    assert_eq!((play.counters().matches_rebuilt, play.counters().matches_failed), (1, 0));
    assert!(play.clients[flaky].last_end.is_none() && play.stage("flaky").unwrap().tick().0 > 130);
    play.assert_all_agree();
}

#[test]
fn a_failed_match_leaves_a_replay_that_verifies_up_to_its_last_good_frame() {
    let folder = tempfile::tempdir().unwrap();
    for fault in ["step 600", "growth 505"] {
        let data = folder.path().join(fault);
        let mut play = trial(46, |config| {
            config.data = Some(data.clone());
            config.state_bytes_max = 50_000;
        });
        let loner = open(&mut play, "glass", fault);
        play.run_for(25.0);
        let end = play.clients[loner].last_end.clone().unwrap();
        drop(play);
        let replays: Vec<_> = std::fs::read_dir(data.join("replays")).unwrap().collect();
        assert_eq!(replays.len(), 1, "{fault}");
        let file = std::fs::read(replays[0].as_ref().unwrap().path()).unwrap();
        let replay = Replay::read(file).unwrap();
        assert_eq!((replay.end().ticks, replay.end().hash), (end.ticks, end.hash), "{fault}");
        let mut verifier = Verifier::new(GameRegistry::new().with::<Trial>());
        verifier.verify(&replay, &mut |_, _| {}).unwrap();
    }
}

/// `count` rooms that nobody watches, of which one panics in each of `seconds` seconds.
fn storm(count: usize, seconds: usize) {
    let mut play = trial(47, |config| {
        (config.reconnect_grace, config.start_delay) = (Duration::from_secs(3_600), Duration::ZERO);
    });
    let name = |number: usize| format!("room-{number}");
    // Those that fail come last, so that the others play all the while.
    for number in (0..count).rev() {
        let fault =
            if number < seconds { format!("step {}", 300 + number * 30) } else { "none 0".to_owned() };
        let client = open(&mut play, &name(number), &fault);
        play.run_until("playing", |play| play.stage(&name(number)).is_some());
        play.clients[client].vanish();
    }
    let before: Vec<_> = (seconds..count).map(|room| play.stage(&name(room)).unwrap().tick().0).collect();
    assert_eq!(play.counters().matches_failed, 0, "none has failed before they are watched");
    let (mut calm_us, mut storm_us) = (Vec::new(), Vec::new());
    let until = play.now() + Duration::from_secs(seconds as u64 + 12);
    while play.now() < until {
        let began = Instant::now();
        play.turn();
        let took_us = began.elapsed().as_micros() as u64;
        let calm = play.counters().matches_failed == 0;
        if calm { calm_us.push(took_us) } else { storm_us.push(took_us) }
    }
    for (calm, turns) in [("before the first", &mut calm_us), ("while rooms panic", &mut storm_us)] {
        turns.sort_unstable();
        // Told, not judged: how long things take is the machine's affair.
        let at = |permille: usize| turns.get(turns.len() * permille / 1_000).copied().unwrap_or_default();
        println!("turns {calm}: p50 {} us, p99 {} us of {}", at(500), at(990), turns.len());
    }
    for (room, before) in (seconds..count).zip(before) {
        let ticks = play.stage(&name(room)).unwrap().tick().0 - before;
        assert!(ticks.abs_diff(30 * (seconds as u32 + 12)) <= 1, "room {room} had {ticks} ticks");
    }
    for room in 0..seconds {
        assert_eq!(phase_of(&play, &name(room)), RoomPhase::Finished);
        assert!(play.stage(&name(room)).is_none());
    }
    let counters = play.counters();
    let failed = seconds as u64;
    assert_eq!((counters.matches_failed, counters.failures.0), (failed, [failed, 0, 0]));
    let late = play.server.world().resource::<Timings>().frame_us.max();
    assert!(late <= 2_500, "a frame came {late} us after its time, and the clock moves by 2 ms");
}

#[test]
fn rooms_miss_no_tick_while_one_panics_each_second() {
    storm(24, 8);
}

#[test]
#[ignore = "takes a minute"]
fn a_thousand_rooms_miss_no_tick_while_one_panics_each_second() {
    storm(1_000, 60);
}

#[test]
fn a_seat_whose_new_link_never_says_hello_is_freed_in_time() {
    let mut play = Scenario::new(42).room("duel", 2);
    play.run_for(2.0);
    let name = play.clients[0].name.as_str().to_owned();
    let second = play.come(&name);
    // Its connection is made, and then it is never heard of again.
    play.run_until("greeted", |play| play.counters().links_opened == 3);
    play.clients[second].vanish();
    play.run_for(50.0);
    assert_eq!(play.room_of("duel").unwrap().roster().taken(), 1);
    assert!(play.clients[1].is_connected());
}

#[test]
fn joining_ones_own_room_again_and_again_costs_nobody_anything() {
    let mut play = Scenario::new(43).room("duel", 2);
    play.run_for(2.0);
    let before = play.counters().snapshots;
    for _ in 0..300 {
        play.clients[0].join("duel", 2);
        play.turn();
    }
    play.run_for(2.0);
    assert_eq!(play.counters().snapshots, before);
    play.assert_all_agree();
}
