//! Clients that join, are ready and leave: how quickly are they answered?

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::answers::{Answers, quantile};
use crate::node::{self, Figures, Node};
use crate::socket::{Fields, Peer, Wishes};

/// Bodies of `ServerMessage`.
const JOINED: u64 = 5;
const EVENT: u64 = 7;
const LEFT: u64 = 8;
const REFUSED: u64 = 12;

/// Bodies of `ClientMessage`.
const JOIN: u32 = 5;
const LEAVE: u32 = 6;
const READY: u32 = 8;

/// Shortest time from one operation of a client to its next: a link may say 60 messages a second.
const APART: Duration = Duration::from_millis(20);

/// What a client waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waits {
    Entry,
    Readiness,
    Exit,
}

struct Doing {
    waits: Waits,
    since: Instant,
}

pub(crate) fn run(node: &Node, clients: usize, seconds: Duration) -> Result<Figures> {
    let mut answers = Answers::new()?;
    let mut doing = Vec::new();
    for number in 0..clients {
        let ticket = node.ticket(&format!("p{number}"))?;
        answers.add(Peer::connect(node.http, &ticket, Wishes::default())?)?;
        doing.push(Doing { waits: Waits::Exit, since: Instant::now() });
    }
    // They come one after the other, spread over the time between two operations of a client, as people do who know
    // nothing of each other: in step, four hundred of them would ask in one moment and then nobody.
    let begun = Instant::now();
    let mut resting: VecDeque<(Instant, usize)> =
        (0..clients).map(|number| (begun + APART * number as u32 / clients as u32, number)).collect();
    work(&mut answers, &mut doing, &mut resting, Duration::from_secs(2), &mut Vec::new())?;
    let (before, cpu) = (node.metrics()?, node.cpu_s());
    // What came while the metrics were read was looked at late.
    work(&mut answers, &mut doing, &mut resting, Duration::from_millis(200), &mut Vec::new())?;
    let mut took_us = Vec::new();
    let begun = Instant::now();
    work(&mut answers, &mut doing, &mut resting, seconds, &mut took_us)?;
    let (elapsed, cpu) = (begun.elapsed().as_secs_f64(), node.cpu_s() - cpu);
    took_us.sort_unstable();
    let at = |share| quantile(&took_us, share) as f64 / 1e3;
    let rate = took_us.len() as f64 / elapsed;
    println!(
        "{clients} clients: {rate:.0} operations a second; p50 {:.2} ms, p99 {:.2} ms, longest {:.2} ms",
        at(0.5),
        at(0.99),
        at(1.0)
    );
    node::print_measured(&before, &node.metrics()?, cpu, elapsed);
    Ok(vec![("operations_per_s", rate), ("answer_ms_p99", at(0.99))])
}

fn work(
    answers: &mut Answers,
    doing: &mut [Doing],
    resting: &mut VecDeque<(Instant, usize)>,
    time: Duration,
    took_us: &mut Vec<u64>,
) -> Result<()> {
    let until = Instant::now() + time;
    while Instant::now() < until {
        let mut refused = None;
        let mut done = Vec::new();
        answers.hear(Duration::from_millis(1), |number, field, body| {
            let waits = doing[number].waits;
            let is_ready = field == EVENT && is_of_kind(body, b"ready");
            match field {
                JOINED if waits == Waits::Entry => done.push(number),
                LEFT if waits == Waits::Exit => done.push(number),
                REFUSED => refused = Some(format!("client {number}: {}", String::from_utf8_lossy(body))),
                _ if is_ready && waits == Waits::Readiness => done.push(number),
                _ => {}
            }
        })?;
        ensure!(refused.is_none(), "{refused:?}");
        for number in done {
            took_us.push(doing[number].since.elapsed().as_micros() as u64);
            resting.push_back((doing[number].since + APART, number));
        }
        // Whoever is answered later rests less; that the order is not quite theirs costs a moment at most.
        while let Some((_, number)) = resting.pop_front_if(|(at, _)| *at <= Instant::now()) {
            go_on(answers, &mut doing[number], number)?;
        }
    }
    Ok(())
}

fn is_of_kind(event: &[u8], wanted: &[u8]) -> bool {
    let mut is_it = false;
    crate::socket::fields(event, |field, _, body| is_it |= field == 2 && body == wanted);
    is_it
}

/// Does what comes next: joins a room of its own, is ready, leaves.
fn go_on(answers: &mut Answers, doing: &mut Doing, number: usize) -> Result<()> {
    let peer = &mut answers.peers[number];
    doing.since = Instant::now();
    match doing.waits {
        Waits::Exit => {
            let options = Fields::default().bytes(1, b"arena").number(3, 2).bytes(5, b"ready");
            // Its own, which waits for it while it is out: a player may open one room a second.
            let name = format!("op-{number}");
            peer.ask(JOIN, Fields::default().bytes(1, name.as_bytes()).message(2, options))?;
            doing.waits = Waits::Entry;
        }
        Waits::Entry => {
            peer.ask(READY, Fields::default().number(1, 1))?;
            doing.waits = Waits::Readiness;
        }
        Waits::Readiness => {
            peer.ask(LEAVE, Fields::default())?;
            doing.waits = Waits::Exit;
        }
    }
    Ok(())
}
