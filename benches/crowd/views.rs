//! Clients that play: how late are they shown their matches?

use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::answers::{Answers, quantile};
use crate::node::{self, Figures, Node};
use crate::socket::{Fields, Peer, fields};

/// Bodies of `ServerMessage`.
const STARTED: u64 = 9;
const VIEW: u64 = 11;
const REFUSED: u64 = 12;

/// Bodies of `ClientMessage`.
const JOIN: u32 = 5;
const INPUT: u32 = 7;

/// Views after which a client changes its controls.
const VIEWS_PER_INPUT: u64 = 8;

/// Ticks a second, of the server's default.
const TICKS_PER_S: i64 = 30;

/// How long everybody may take to come.
const COME_WITHIN: Duration = Duration::from_secs(120);

/// What is known of a client.
#[derive(Clone, Default)]
struct Seen {
    playing: bool,
    views: u64,
    /// Of each view, its time less that of its tick, in microseconds.
    offsets_us: Vec<i64>,
    /// When the one before came.
    last: Option<Instant>,
}

pub(crate) fn run(
    node: &Node,
    clients: usize,
    seats: usize,
    views_hz: u32,
    seconds: Duration,
) -> Result<Figures> {
    let mut answers = Answers::new()?;
    let mut seen = vec![Seen::default(); clients];
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let (send, come) = mpsc::channel();
        scope.spawn(move || -> Result<()> {
            for number in 0..clients {
                let ticket = node.ticket(&format!("p{number}"))?;
                let mut peer = Peer::connect(node.http, &ticket, views_hz)?;
                peer.ask(JOIN, join(&format!("room-{}", number / seats), seats))?;
                if send.send(peer).is_err() {
                    break;
                }
            }
            Ok(())
        });
        gather(&mut answers, &mut seen, &come)
    })?;
    println!("{clients} clients in {} rooms play after {:?}", clients / seats, begun.elapsed());
    // What came while others came is no measure.
    look(&mut answers, &mut seen, Duration::from_secs(3), None)?;
    let (before, cpu) = (node.metrics()?, node.cpu_s());
    let mut gaps_us = Vec::new();
    look(&mut answers, &mut seen, seconds, Some(&mut gaps_us))?;
    let (after, cpu) = (node.metrics()?, node.cpu_s() - cpu);
    let delay_ms_p99 = report(&seen, gaps_us);
    let turns_over_tick = node::print_measured(&before, &after, cpu, seconds.as_secs_f64());
    Ok(vec![("delay_ms_p99", delay_ms_p99), ("turns_over_tick", turns_over_tick)])
}

fn join(room: &str, seats: usize) -> Fields {
    let options = Fields::default().bytes(1, b"arena").number(3, seats as u64);
    Fields::default().bytes(1, room.as_bytes()).message(2, options)
}

/// Takes clients as they come until all play.
fn gather(answers: &mut Answers, seen: &mut [Seen], come: &Receiver<Peer>) -> Result<()> {
    let until = Instant::now() + COME_WITHIN;
    while !seen.iter().all(|seen| seen.playing) {
        ensure!(Instant::now() < until, "only {} play", seen.iter().filter(|seen| seen.playing).count());
        for peer in come.try_iter() {
            answers.add(peer)?;
        }
        hear(answers, seen, None)?;
    }
    Ok(())
}

fn look(
    answers: &mut Answers,
    seen: &mut [Seen],
    time: Duration,
    mut gaps_us: Option<&mut Vec<u64>>,
) -> Result<()> {
    let until = Instant::now() + time;
    while Instant::now() < until {
        hear(answers, seen, gaps_us.as_deref_mut())?;
    }
    Ok(())
}

fn hear(answers: &mut Answers, seen: &mut [Seen], mut gaps_us: Option<&mut Vec<u64>>) -> Result<()> {
    let mut refused = None;
    let mut acts = Vec::new();
    answers.hear(Duration::from_millis(5), |number, field, body| match field {
        STARTED => seen[number].playing = true,
        REFUSED => refused = Some(format!("client {number}: {}", String::from_utf8_lossy(body))),
        VIEW => {
            let now = Instant::now();
            let seen = &mut seen[number];
            seen.views += 1;
            if (seen.views + number as u64).is_multiple_of(VIEWS_PER_INPUT) {
                acts.push(number);
            }
            if let Some(gaps_us) = gaps_us.as_deref_mut() {
                if let Some(last) = seen.last {
                    gaps_us.push((now - last).as_micros() as u64);
                }
                seen.offsets_us.push(now_us() - tick_of(body) * 1_000_000 / TICKS_PER_S);
            }
            seen.last = Some(now);
        }
        _ => {}
    })?;
    ensure!(refused.is_none(), "{refused:?}");
    for number in acts {
        let bits = 1 + seen[number].views / VIEWS_PER_INPUT % 8;
        answers.peers[number].say(Fields::default().message(INPUT, Fields::default().number(1, bits)))?;
    }
    Ok(())
}

/// Since the program began.
fn now_us() -> i64 {
    static BEGUN: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    BEGUN.elapsed().as_micros() as i64
}

fn tick_of(view: &[u8]) -> i64 {
    let mut tick = 0;
    fields(view, |field, value, _| {
        if field == 2 {
            tick = value.unwrap_or_default() as i64;
        }
    });
    tick
}

/// Prints how late views were; gives the 99th percentile in milliseconds.
fn report(seen: &[Seen], mut gaps_us: Vec<u64>) -> f64 {
    let mut late_us = Vec::new();
    for seen in seen {
        let quickest = seen.offsets_us.iter().min().copied().unwrap_or_default();
        late_us.extend(seen.offsets_us.iter().map(|offset| (offset - quickest) as u64));
    }
    late_us.sort_unstable();
    gaps_us.sort_unstable();
    let at = |sorted: &[u64], share| quantile(sorted, share) as f64 / 1e3;
    println!("{} views were seen", late_us.len());
    for (what, sorted) in [("later than the client's quickest", &late_us), ("between two views", &gaps_us)] {
        println!(
            "{what}: p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, longest {:.2} ms",
            at(sorted, 0.5),
            at(sorted, 0.99),
            at(sorted, 0.999),
            at(sorted, 1.0)
        );
    }
    at(&late_us, 0.99)
}
