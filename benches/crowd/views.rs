//! Clients that play: how late are they shown their matches?

use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};

use crate::answers::{Answers, quantile};
use crate::node::{self, Figures, Node};
use crate::socket::{Fields, Peer, Wishes, fields};

/// Bodies of `ServerMessage`.
const JOINED: u64 = 5;
const STARTED: u64 = 9;
const VIEW: u64 = 11;
const REFUSED: u64 = 12;

/// Bodies of `ClientMessage`.
const JOIN: u32 = 5;
const INPUT: u32 = 7;
const READY: u32 = 8;

/// Views after which a client changes its controls.
const VIEWS_PER_INPUT: u64 = 8;

/// In a view, when its tick had ended.
const ENDED_UNIX_US: u64 = 12;

/// How long everybody may take to come.
const COME_WITHIN: Duration = Duration::from_secs(120);

/// What clients do while nothing is there for them.
#[derive(Clone, Copy)]
pub(crate) enum Pace {
    /// They sleep until something comes: who sends it wakes them, on its own time.
    Rest,
    /// They look again at once, as clients on other machines cost their server no wake-ups either.
    Look,
}

impl Pace {
    fn wait(self) -> Duration {
        match self {
            Self::Rest => Duration::from_millis(5),
            Self::Look => Duration::ZERO,
        }
    }
}

/// How long nothing is measured after the server was asked for its metrics.
const CATCH_UP: Duration = Duration::from_secs(2);

/// What is known of a client.
#[derive(Clone, Default)]
struct Seen {
    seated: bool,
    playing: bool,
    views: u64,
    /// When the last one came.
    last: Option<Instant>,
}

pub(crate) fn run(
    node: &Node,
    clients: usize,
    seats: usize,
    (wishes, pace): (Wishes, Pace),
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
                let mut peer = Peer::connect(node.http, &ticket, wishes)?;
                peer.ask(JOIN, join(&format!("room-{}", number / seats), seats))?;
                if send.send(peer).is_err() {
                    break;
                }
            }
            Ok(())
        });
        gather(&mut answers, &mut seen, &come)
    })?;
    // A match lasts a minute: they begin together, however long it took until everybody was there.
    for peer in &mut answers.peers {
        peer.ask(READY, Fields::default().number(1, 1))?;
        peer.receive(&mut [0; 16 << 10])?;
    }
    let until = Instant::now() + COME_WITHIN;
    while !seen.iter().all(|seen| seen.playing) {
        ensure!(Instant::now() < until, "only {} play", seen.iter().filter(|seen| seen.playing).count());
        hear(&mut answers, &mut seen, Pace::Rest, None)?;
    }
    println!("{clients} clients in {} rooms play after {:?}", clients / seats, begun.elapsed());
    // What came while others came is no measure.
    look(&mut answers, &mut seen, Duration::from_secs(3), pace, None)?;
    let (before, cpu, since) = (node.metrics()?, node.cpu_s(), Instant::now());
    // What came while the metrics were read was looked at late; and it takes a server that has little time to spare
    // a while to make up for the time in which it wrote them.
    look(&mut answers, &mut seen, CATCH_UP, pace, None)?;
    answers.peers.iter_mut().for_each(|peer| peer.bytes = 0);
    let mut times = Times::default();
    look(&mut answers, &mut seen, seconds, pace, Some(&mut times))?;
    let (cpu_s, took_s) = (node.cpu_s() - cpu, since.elapsed().as_secs_f64());
    let after = node.metrics()?;
    let bytes: u64 = answers.peers.iter().map(|peer| peer.bytes).sum();
    let expected = clients as u64 * u64::from(wishes.views_hz) * seconds.as_secs();
    let seen = times.delays_us.len() as u64;
    let share = seen as f64 / expected.max(1) as f64 * 100.0;
    println!("{seen} of {expected} views, {} bytes each with everything around them", bytes / seen.max(1));
    println!("server: {} MiB", node.memory_mib());
    let [delay_ms_p50, delay_ms_p99] = times.report();
    let turns_over_tick = node::print_measured(&before, &after, cpu_s, took_s);
    let sent = node::rise(&before, &after, "framekeep_state_views_total");
    let cpu_us_per_view = cpu_s / sent.max(1.0) * 1e6;
    println!(
        "server: {cpu_us_per_view:.2} us of a core for each view sent, everything else it does included"
    );
    Ok(vec![
        ("seen_percent", share),
        ("delay_ms_p50", delay_ms_p50),
        ("delay_ms_p99", delay_ms_p99),
        ("turns_over_tick", turns_over_tick),
        ("cpu_us_per_view", cpu_us_per_view),
    ])
}

/// How views came, in microseconds.
#[derive(Default)]
struct Times {
    /// From the end of the tick in the server to the view in the client: both read the clock of the same machine.
    delays_us: Vec<u64>,
    /// From the view before of the same client.
    gaps_us: Vec<u64>,
}

fn join(room: &str, seats: usize) -> Fields {
    let options = Fields::default().bytes(1, b"arena").number(3, seats as u64).bytes(5, b"ready");
    Fields::default().bytes(1, room.as_bytes()).message(2, options)
}

/// Takes clients as they come until all have seats.
fn gather(answers: &mut Answers, seen: &mut [Seen], come: &Receiver<Peer>) -> Result<()> {
    let until = Instant::now() + COME_WITHIN;
    while !seen.iter().all(|seen| seen.seated) {
        ensure!(Instant::now() < until, "only {} came", seen.iter().filter(|seen| seen.seated).count());
        for peer in come.try_iter() {
            answers.add(peer)?;
        }
        hear(answers, seen, Pace::Rest, None)?;
    }
    Ok(())
}

fn look(
    answers: &mut Answers,
    seen: &mut [Seen],
    time: Duration,
    pace: Pace,
    mut times: Option<&mut Times>,
) -> Result<()> {
    let until = Instant::now() + time;
    while Instant::now() < until {
        hear(answers, seen, pace, times.as_deref_mut())?;
    }
    Ok(())
}

fn hear(answers: &mut Answers, seen: &mut [Seen], pace: Pace, mut times: Option<&mut Times>) -> Result<()> {
    let mut refused = None;
    let mut acts = Vec::new();
    answers.hear(pace.wait(), |number, field, body| match field {
        JOINED => seen[number].seated = true,
        STARTED => seen[number].playing = true,
        REFUSED => refused = Some(format!("client {number}: {}", String::from_utf8_lossy(body))),
        VIEW => {
            let now = Instant::now();
            let seen = &mut seen[number];
            seen.views += 1;
            if (seen.views + number as u64).is_multiple_of(VIEWS_PER_INPUT) {
                acts.push(number);
            }
            if let Some(times) = times.as_deref_mut() {
                times.gaps_us.extend(seen.last.map(|last| (now - last).as_micros() as u64));
                times.delays_us.extend(ended_unix_us(body).map(|ended| unix_us().saturating_sub(ended)));
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

fn unix_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as u64
}

fn ended_unix_us(view: &[u8]) -> Option<u64> {
    let mut ended = None;
    fields(view, |field, value, _| {
        if field == ENDED_UNIX_US {
            ended = value;
        }
    });
    ended
}

impl Times {
    /// Prints how late views were; gives the median and the 99th percentile in milliseconds.
    fn report(mut self) -> [f64; 2] {
        let rows = [("tick's end to client", &mut self.delays_us), ("between two views", &mut self.gaps_us)];
        for (what, values) in rows {
            values.sort_unstable();
            let [p50, p99, p999, longest] = [0.5, 0.99, 0.999, 1.0].map(|share| ms(values, share));
            println!("{what}: p50 {p50:.2} ms, p99 {p99:.2} ms, p99.9 {p999:.2} ms, longest {longest:.2} ms");
        }
        [0.5, 0.99].map(|share| ms(&self.delays_us, share))
    }
}

fn ms(sorted_us: &[u64], share: f64) -> f64 {
    quantile(sorted_us, share) as f64 / 1e3
}
