//! A queue of 100,000 tickets: rounds in which everybody finds a match and rounds in which nobody does, and 10,000
//! tickets a second for as long as one likes; of a few plain modes, and mixed as games have it. Rounds are measured by
//! the time that the thread works: others may use the machine.

#[path = "matchmaking/mixed.rs"]
mod mixed;

use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use framekeep_benches::timing::busy;
use framekeep_matchmaking::{Event, Matcher, Mode, PartyMember, RegionLatency, Ticket, TicketId, Widening};
use framekeep_protocol::PlayerId;
use framekeep_sim::Pcg32;

use self::mixed::Mixed;

const TICKETS: u64 = 100_000;
const TICKETS_PER_S: u64 = 10_000;
const ROUND_EVERY_MS: u64 = 100;
const MODES: [(&str, u8, u8); 3] = [("duel", 2, 1), ("fives", 2, 5), ("brawl", 1, 16)];

fn matcher() -> Matcher {
    let mode = |(name, teams, seats): (&str, u8, u8)| Mode {
        contents: vec!["pit".to_owned(), "ring".to_owned()],
        rating: Widening { start: 50, per_s: 25, max: 400 },
        latency_ms: Widening { start: 80, per_s: 10, max: 200 },
        ..Mode::new("arena", name, teams, seats)
    };
    let mut modes = MODES.map(mode).to_vec();
    let rating = Widening { start: 1, per_s: 1, max: 9 };
    modes.push(Mode { rating, ..mode(("elite", 2, 5)) });
    Matcher::new(modes).expect("the modes can be played")
}

/// The ticket of that number: one in five is of a party of two or three, most reach two regions.
fn ticket(number: u64, rng: &mut Pcg32, rating_max: u32) -> Ticket {
    let (mode, ..) = MODES[rng.below(3) as usize];
    let size = if mode == "duel" || rng.below(5) > 0 { 1 } else { 2 + rng.below(2) };
    let rating = rng.below(rating_max).cast_signed();
    let first = PlayerId(number * 8);
    let mut ticket = Ticket::solo(TicketId(number.into()), "arena", mode, first, rating);
    ticket.party = (0..u64::from(size))
        .map(|nth| PartyMember { player: PlayerId(first.0 + nth), rating, roles: Vec::new() })
        .collect();
    let home = rng.below(3) as usize;
    let region = |nth: usize, latency_ms| RegionLatency {
        region: ["eu", "us", "asia"][nth % 3].to_owned(),
        latency_ms,
    };
    ticket.regions = vec![region(home, 30), region(home + 1, 60 + rng.below(120))];
    if rng.below(2) == 0 {
        ticket.contents = vec!["pit".to_owned()];
    }
    ticket
}

/// A queue of tickets that came at the same time.
fn queue(ticket: impl Fn(u64, &mut Pcg32) -> Ticket) -> Matcher {
    let (mut matcher, mut rng) = (matcher(), Pcg32::new(7, 11));
    for number in 1..=TICKETS {
        matcher.submit(0, ticket(number, &mut rng)).expect("the ticket is good");
    }
    matcher
}

/// Nobody is near anybody.
fn far_apart(number: u64, rng: &mut Pcg32) -> Ticket {
    let mut ticket = ticket(number, rng, 1);
    ticket.mode = "elite".to_owned();
    ticket.party.iter_mut().for_each(|member| member.rating = (number as i32 - 50_000) * 20);
    ticket
}

/// Everybody is near, and two parties of three are no team of five.
fn of_three(number: u64, rng: &mut Pcg32) -> Ticket {
    let mut ticket = ticket(number, rng, 3_000);
    ticket.mode = "fives".to_owned();
    let first = ticket.party[0].clone();
    ticket.party =
        (0..3).map(|nth| PartyMember { player: PlayerId(number * 8 + nth), ..first.clone() }).collect();
    ticket
}

fn matched(matcher: &mut Matcher) -> usize {
    let mut players = 0;
    while let Some(event) = matcher.poll() {
        if let Event::Formed(of) = event {
            players += of.tickets().count();
        }
    }
    players
}

/// A round of what is set up, by the time that it works.
fn rounds<T>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    set_up: impl Fn() -> T,
    round: impl Fn(&mut T),
) {
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|times| {
            let one = |_| {
                let mut of = set_up();
                busy(|| round(&mut of))
            };
            (0..times).map(one).sum()
        });
    });
}

fn one_round(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("matchmaking_100000_tickets");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    let full = queue(|number, rng| ticket(number, rng, 3_000));
    let mut after = full.clone();
    after.round(ROUND_EVERY_MS);
    let first = matched(&mut after);
    assert!(first > TICKETS as usize / 2, "more than half of them find a match in the first round: {first}");
    let mut probe = after.clone();
    probe.round(2 * ROUND_EVERY_MS);
    let both = first + matched(&mut probe);
    assert!(both > TICKETS as usize * 98 / 100, "nearly everybody finds a match in two rounds: {both}");
    let mut of = |name: &str, queue: &Matcher, at_ms: u64| {
        rounds(&mut group, name, || queue.clone(), |matcher: &mut Matcher| matcher.round(at_ms));
    };
    of("first_round_of_those_who_all_find_a_match", &full, ROUND_EVERY_MS);
    of("second_round_of_those_who_all_find_a_match", &after, 2 * ROUND_EVERY_MS);
    for (what, mut queue) in [("is_near", queue(far_apart)), ("fits", queue(of_three))] {
        // All are tried, in as many rounds as it takes.
        (0..10).for_each(|_| queue.round(ROUND_EVERY_MS));
        assert_eq!(matched(&mut queue), 0);
        of(&format!("round_in_which_nobody_{what}_and_all_widen"), &queue, 1_000);
        of(&format!("round_in_which_nobody_{what}_and_nothing_is_new"), &queue, ROUND_EVERY_MS + 1);
    }
    group.finish();
}

/// 100,000 tickets at once, of all kinds.
fn mixed_rounds(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("matchmaking_100000_mixed_tickets");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    let mut queue = Mixed::new();
    queue.submit(0, TICKETS);
    let (mut found, mut now_ms) = (0, 0);
    for nth in ["first", "second", "third"] {
        now_ms += ROUND_EVERY_MS;
        rounds(
            &mut group,
            &format!("{nth}_round"),
            || queue.clone(),
            |queue: &mut Mixed| queue.matcher.round(now_ms),
        );
        found += queue.round(now_ms);
    }
    assert!(found > TICKETS as usize * 93 / 100, "{found} have a match after three rounds");
    // Those who are left widen, all in one moment.
    while now_ms < 900 {
        now_ms += ROUND_EVERY_MS;
        queue.round(now_ms);
    }
    rounds(
        &mut group,
        "round_in_which_those_left_widen",
        || queue.clone(),
        |queue| queue.matcher.round(1_000),
    );
    group.finish();
}

/// A second of tickets on top of what is there, with a round every 100 ms.
fn second(matcher: &mut Matcher, from_ms: u64, number: &mut u64, rng: &mut Pcg32) -> usize {
    let per_round = TICKETS_PER_S * ROUND_EVERY_MS / 1_000;
    let mut found = 0;
    for round in 1..=1_000 / ROUND_EVERY_MS {
        let now_ms = from_ms + round * ROUND_EVERY_MS;
        for _ in 0..per_round {
            *number += 1;
            matcher.submit(now_ms, ticket(*number, rng, 3_000)).expect("the ticket is good");
        }
        matcher.round(now_ms);
        found += matched(matcher);
    }
    found
}

fn sustained(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("matchmaking_sustained");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(5))
        .throughput(Throughput::Elements(TICKETS_PER_S));
    let (mut matcher, mut rng, mut number, mut now_ms) = (matcher(), Pcg32::new(7, 11), 0, 0);
    let mut found = 0;
    group.bench_function("one_second_of_10000_tickets", |bencher| {
        bencher.iter(|| {
            found += second(&mut matcher, now_ms, &mut number, &mut rng);
            now_ms += 1_000;
        });
    });
    assert!(found as u64 + 2_000 > number, "{found} of {number} tickets found a match");
    group.finish();
}

/// 10,000 tickets of all kinds a second, with a round every 100 ms; half a minute at least, so that those wait of whom
/// there are too many.
fn mixed_sustained(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("matchmaking_mixed_sustained");
    group.sample_size(30).warm_up_time(Duration::from_millis(1)).measurement_time(Duration::from_secs(5));
    for (name, crowd) in [("round", 0), ("round_after_100000_at_once", TICKETS)] {
        let (mut queue, mut now_ms, mut found, mut times) = (Mixed::new(), 0, 0, Vec::new());
        queue.submit(0, crowd);
        let mut round = || {
            now_ms += ROUND_EVERY_MS;
            queue.submit(now_ms, TICKETS_PER_S * ROUND_EVERY_MS / 1_000);
            let time = busy(|| queue.matcher.round(now_ms));
            found += queue.found();
            times.push(time);
            time
        };
        (0..300).for_each(|_| {
            round();
        });
        group.bench_function(name, |bencher| bencher.iter_custom(|times| (0..times).map(|_| round()).sum()));
        let mean = times.iter().sum::<Duration>() / times.len() as u32;
        let most = times.iter().max().copied().unwrap_or_default();
        let waiting = queue.matcher.queues().map(|queue| queue.tickets).sum::<u64>();
        println!("{name}: {} rounds, mean {mean:.1?}, most {most:.1?}, {waiting} wait", times.len());
        let number = crowd as usize + times.len() * 1_000;
        assert!(found > number * 9 / 10, "{found} of {number} tickets found a match");
    }
    group.finish();
}

criterion_group!(benches, one_round, mixed_rounds, sustained, mixed_sustained);
criterion_main!(benches);
