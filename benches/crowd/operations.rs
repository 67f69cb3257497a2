//! Clients that join, are ready and leave: how quickly are they answered?

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::answers::{Answers, quantile};
use crate::node::{self, Node};
use crate::socket::{Fields, Peer};

/// Bodies of `ServerMessage`.
const JOINED: u64 = 5;
const EVENT: u64 = 7;
const LEFT: u64 = 8;
const REFUSED: u64 = 12;

/// Bodies of `ClientMessage`.
const JOIN: u32 = 5;
const LEAVE: u32 = 6;
const READY: u32 = 8;

/// What a client waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waits {
    ToBeIn,
    ToBeReady,
    ToBeOut,
}

struct Doing {
    waits: Waits,
    since: Instant,
    rounds: u64,
}

pub(crate) fn run(node: &Node, clients: usize, seconds: Duration) -> Result<()> {
    let mut answers = Answers::new()?;
    let mut doing = Vec::new();
    for number in 0..clients {
        let ticket = node.ticket(&format!("p{number}"))?;
        answers.add(Peer::connect(node.http, &ticket, 0)?)?;
        doing.push(Doing { waits: Waits::ToBeOut, since: Instant::now(), rounds: 0 });
    }
    for number in 0..clients {
        go_on(&mut answers, &mut doing[number], number)?;
    }
    work(&mut answers, &mut doing, Duration::from_secs(2), &mut Vec::new())?;
    let (before, cpu) = (node.metrics()?, node.cpu_s());
    let mut took_us = Vec::new();
    let begun = Instant::now();
    work(&mut answers, &mut doing, seconds, &mut took_us)?;
    let (elapsed, cpu) = (begun.elapsed().as_secs_f64(), node.cpu_s() - cpu);
    took_us.sort_unstable();
    let at = |share| quantile(&took_us, share) as f64 / 1e3;
    println!(
        "{clients} clients: {:.0} operations a second; p50 {:.2} ms, p99 {:.2} ms, longest {:.2} ms",
        took_us.len() as f64 / elapsed,
        at(0.5),
        at(0.99),
        at(1.0)
    );
    node::print_measured(&before, &node.metrics()?, cpu, elapsed);
    Ok(())
}

fn work(answers: &mut Answers, doing: &mut [Doing], time: Duration, took_us: &mut Vec<u64>) -> Result<()> {
    let until = Instant::now() + time;
    while Instant::now() < until {
        let mut refused = None;
        let mut done = Vec::new();
        answers.hear(Duration::from_millis(5), |number, field, body| {
            let waits = doing[number].waits;
            let is_ready = field == EVENT && is_of_kind(body, b"ready");
            match field {
                JOINED if waits == Waits::ToBeIn => done.push(number),
                LEFT if waits == Waits::ToBeOut => done.push(number),
                REFUSED => refused = Some(format!("client {number}: {}", String::from_utf8_lossy(body))),
                _ if is_ready && waits == Waits::ToBeReady => done.push(number),
                _ => {}
            }
        })?;
        ensure!(refused.is_none(), "{refused:?}");
        for number in done {
            took_us.push(doing[number].since.elapsed().as_micros() as u64);
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
        Waits::ToBeOut => {
            doing.rounds += 1;
            let options = Fields::default().bytes(1, b"arena").number(3, 2).bytes(5, b"ready");
            // A room of its own in each round: the name of one that was left stays taken for a while.
            let name = format!("op-{number}-{}", doing.rounds % 16);
            peer.ask(JOIN, Fields::default().bytes(1, name.as_bytes()).message(2, options))?;
            doing.waits = Waits::ToBeIn;
        }
        Waits::ToBeIn => {
            peer.ask(READY, Fields::default().number(1, 1))?;
            doing.waits = Waits::ToBeReady;
        }
        Waits::ToBeReady => {
            peer.ask(LEAVE, Fields::default())?;
            doing.waits = Waits::ToBeOut;
        }
    }
    Ok(())
}
