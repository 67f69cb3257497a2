//! Desyncs: bits of clients' states are flipped; the server names tick and field, writes a report, and heals.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use framekeep_journal::{DesyncCause, DesyncReport};
use framekeep_rollback::Injected;
use framekeep_server::{Desyncs, FaultKind};
use framekeep_sim::{GameRegistry, Tick, hash_bytes};
use framekeep_tests::{ClientKind, Scenario};

/// Networks on which desyncs are injected, one after the other.
const LINKS: [&str; 4] = ["lan", "delay=20,jitter=10", "loss=5,delay=40,jitter=10", "wifi"];
/// Bits that are flipped in one scenario, and the time between two of them.
const FLIPS: usize = 20;
const FLIP_EVERY: f64 = 0.7;

/// What a drill found: the longest times from the flip to the verdict and to the heal.
#[derive(Debug, Default)]
struct Found {
    flips: usize,
    verdict_max: Duration,
    heal_max: Duration,
}

fn scenario(seed: u64, data: &Path) -> Scenario {
    Scenario::with_config(seed, |config| {
        config.data = Some(data.to_owned());
        // So many desyncs would close a link.
        config.fault_budgets.max[FaultKind::Desync as usize] = 0;
    })
}

fn desyncs(play: &Scenario) -> &Desyncs {
    play.server.world().resource::<Desyncs>()
}

/// Flips a bit of one client's state and waits until the server has named it; gives the bit and how long that took.
fn flip(play: &mut Scenario, client: usize, seed: u64) -> (Injected, Duration) {
    play.clients[client].play.as_mut().unwrap().flip_bit(seed);
    let (until, mut injected) = (play.now() + Duration::from_secs(2), None);
    while injected.is_none() && play.now() < until {
        play.turn();
        injected = play.clients[client].play.as_mut().unwrap().take_injected();
    }
    let injected = injected.unwrap_or_else(|| panic!("seed {seed}: no bit can be flipped"));
    let since = play.now();
    let player = framekeep_server::player_id_of(&play.clients[client].name);
    let is_it = |play: &Scenario| {
        let it = |verdict: &&framekeep_server::DesyncVerdict| {
            verdict.player == player && verdict.first_bad == injected.tick
        };
        desyncs(play).recent().find(it).cloned()
    };
    while is_it(play).is_none() {
        let waited = play.now() - since;
        let recent: Vec<_> = desyncs(play).recent().collect();
        assert!(waited < Duration::from_secs(2), "seed {seed}: {injected:?} is not named: {recent:?}");
        play.turn();
    }
    let (verdict, took) = (is_it(play).unwrap(), play.now() - since);
    assert_eq!(verdict.cause, DesyncCause::StateDiffers, "seed {seed}");
    assert_eq!(verdict.field.as_ref(), injected.fields.first(), "seed {seed}");
    (injected, took)
}

/// One room of four, some of whose states are broken in turn.
fn drill(seed: u64) -> Found {
    let folder = tempfile::tempdir().unwrap();
    let link = LINKS[seed as usize % LINKS.len()];
    let mut play = scenario(seed, folder.path()).link(link).room("lab", 4);
    play.run_for(1.5);
    let (mut found, mut flipped) = (Found::default(), BTreeMap::new());
    for number in 0..FLIPS {
        let client = number % 4;
        let begun = play.now();
        let (injected, took) = flip(&mut play, client, seed * 1_000 + number as u64);
        found.verdict_max = found.verdict_max.max(took);
        let player = framekeep_server::player_id_of(&play.clients[client].name);
        flipped.insert((player.0, injected.tick), injected);
        let spent = (play.now() - begun).as_secs_f64();
        play.run_for((FLIP_EVERY - spent).max(0.0));
    }
    play.run_for(1.0);
    found.flips = flipped.len();
    found.heal_max = desyncs(&play).heal_max();
    assert_eq!(desyncs(&play).healed() as usize, FLIPS, "seed {seed}: not all are healed");
    assert_eq!(desyncs(&play).count(DesyncCause::StateDiffers) as usize, FLIPS, "seed {seed}");
    for client in &play.clients {
        let newest = *client.hashes.last().unwrap();
        let ours = play.stage("lab").unwrap().hash_at(newest.0);
        assert_eq!(ours, Some(newest.1), "seed {seed}: {} differs still", client.name);
    }
    assert_eq!(check_reports(folder.path(), &flipped), FLIPS, "seed {seed}");
    found
}

/// Every report names the bit that was flipped, and its frames make the server's state again.
fn check_reports(data: &Path, flipped: &BTreeMap<(u64, Tick), Injected>) -> usize {
    let mut seen = 0;
    for file in fs::read_dir(data.join("desyncs")).unwrap() {
        let report = DesyncReport::read(&fs::read(file.unwrap().path()).unwrap()).unwrap();
        let injected = &flipped[&(report.player, report.first_bad)];
        assert!(report.exact, "the tick before is known to be good");
        let noticed_after = report.noticed.since(report.first_bad);
        assert!(noticed_after <= u32::from(report.header.tick_rate_hz), "found within a second of play");
        assert_eq!(report.fields[..report.fields.len().min(8)], injected.fields[..]);
        let (server, client) = (&report.server.bytes, &report.client.as_ref().unwrap().bytes);
        let differing: u32 = server.iter().zip(client).map(|(a, b)| (a ^ b).count_ones()).sum();
        assert_eq!((server.len(), differing), (client.len(), 1), "one bit was flipped");
        let byte = injected.bit as usize / 8;
        assert_eq!(server[byte] ^ client[byte], 1 << (injected.bit % 8));
        assert_eq!(report.frames.len(), report.first_bad.0.min(120) as usize);
        play_again(&report);
        seen += 1;
    }
    seen
}

/// The base and the frames of a report give the server's state.
fn play_again(report: &DesyncReport) {
    let games: GameRegistry = framekeep_games::registry();
    let header = &report.header;
    let game = games.get(&header.game).unwrap();
    let mut play = game.start(&header.content, header.seed, header.seats).unwrap();
    play.restore(report.base.tick, &report.base.bytes).unwrap();
    report.frames.iter().for_each(|frame| play.step(frame));
    assert_eq!(play.hash(&mut Vec::new()), hash_bytes(&report.server.bytes));
}

#[test]
fn a_flipped_bit_is_named_and_healed_within_a_second() {
    for seed in 0..2 {
        let found = drill(seed);
        eprintln!("{}: {found:?}", LINKS[seed as usize % LINKS.len()]);
        assert!(found.heal_max <= Duration::from_secs(1), "{found:?}");
    }
}

/// `cargo test --release -p framekeep_tests -- --ignored a_thousand_flipped_bits --nocapture`
#[test]
#[ignore = "a minute: the short form runs with every test"]
fn a_thousand_flipped_bits_are_named_and_healed() {
    let (mut total, mut verdict_max, mut heal_max) = (0, Duration::ZERO, Duration::ZERO);
    for seed in 0..1_000 / FLIPS as u64 {
        let found = drill(seed);
        total += found.flips;
        verdict_max = verdict_max.max(found.verdict_max);
        heal_max = heal_max.max(found.heal_max);
    }
    eprintln!(
        "{total} flipped, named and healed; named after {verdict_max:?}, healed after {heal_max:?} at most"
    );
    assert_eq!(total, 1_000);
    assert!(heal_max <= Duration::from_secs(1));
}

#[test]
fn a_client_that_gives_nothing_is_healed_and_asked_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut play = scenario(7, folder.path()).link("lan").room("lab", 4);
    play.run_for(1.5);
    play.clients[2].kind = ClientKind::Mute;
    play.clients[2].play.as_mut().unwrap().flip_bit(3);
    play.run_for(5.0);
    assert_eq!((desyncs(&play).count(DesyncCause::Silent), desyncs(&play).healed()), (1, 1));
    assert_eq!(fs::read_dir(folder.path().join("desyncs")).unwrap().count(), 0);
}

#[test]
fn a_client_that_differs_all_the_time_costs_a_few_reports_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut play = scenario(8, folder.path()).link("lan").room("lab", 4);
    play.run_for(1.5);
    for number in 0..200 {
        if let Some(play) = play.clients[1].play.as_mut() {
            play.flip_bit(number);
        }
        play.run_for(0.1);
    }
    let reports = fs::read_dir(folder.path().join("desyncs")).unwrap().count();
    assert!((4..=6).contains(&reports), "{reports} reports in 20 s");
    assert!(desyncs(&play).count(DesyncCause::NotAsked) >= 1);
    for client in [0, 2, 3] {
        assert_eq!(play.clients[client].desyncs, 0, "client {client}");
    }
}
