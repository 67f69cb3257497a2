//! `Swarm`, all bots in one thread: epoll, timers, and the phases of a run.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use framekeep_client::ClientHello;
use framekeep_games::arena::Arena;
use framekeep_protocol::{GameRules, PlayerName, RoomName, RoomOptions};
use framekeep_rollback::Histogram;
use framekeep_sim::{Game, fingerprint};
use indicatif::{ProgressBar, ProgressStyle};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::args::Args;
use crate::bot::{Bot, Orders};
use crate::line::Line;
use crate::play::Play;
use crate::server_cpu::{cpu_seconds, find_server};
use crate::tally::Outcome;
use crate::tickets::Mint;

/// How long after the ramp everybody may take to be in a running match.
const JOIN_PATIENCE: Duration = Duration::from_secs(20);
/// Between the last bot's first frame and the measured window: clocks find their lead.
const SETTLE: Duration = Duration::from_secs(1);
/// After the window matches go on, so that the server compares the last hashes.
const LAST_HASHES: Duration = Duration::from_millis(500);
/// From the good-byes to the end.
const LEAVE: Duration = Duration::from_millis(500);
/// How long a datagram may lie before it is looked at, a millisecond. Being woken by each datagram would be more exact,
/// but on loopback the kernel charges the waking to the process that sends: the server's processor time would include
/// what players elsewhere never cost it. Round trips come out up to a millisecond longer for that.
pub(crate) const TURN: Duration = Duration::from_millis(1);
/// How often the phase of the run is looked at.
const OVERSIGHT: Duration = Duration::from_millis(50);
/// A bot that is this many ticks behind the others of its room at the end of the window lacks those frames.
const BEHIND_TICKS: u32 = 64;
const EVENTS_MAX: usize = 1_024;
/// Descriptors the program needs besides a socket for each bot.
const FILES_SPARE: u64 = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Joining { until: Duration },
    Settling { until: Duration },
    Measuring { since: Duration, until: Duration },
    Hashing { until: Duration },
    Leaving { until: Duration },
    Over,
}

/// One bot, its socket and its timer.
struct Member {
    line: Line,
    bot: Option<Bot>,
    orders: Orders,
    timer_at: Duration,
}

/// All bots of a run.
pub(crate) struct Swarm<'a> {
    args: &'a Args,
    mint: Mint,
    epoll: Epoll,
    members: Vec<Member>,
    /// When which member is to be looked after; entries that are not the member's `timer_at` are stale.
    timers: BinaryHeap<Reverse<(Duration, usize)>>,
    began: Instant,
    began_at: Duration,
    phase: Phase,
    oversight_at: Duration,
    buffer: Vec<u8>,
    server_pid: Option<u32>,
    cpu_before: (Option<f64>, Option<f64>),
    lag_us: Histogram,
    outcome: Outcome,
    bar: ProgressBar,
}

impl<'a> Swarm<'a> {
    /// Opens a socket for each bot; nothing is sent yet.
    pub(crate) fn new(args: &'a Args, mint: Mint) -> anyhow::Result<Self> {
        let count = args.rooms as usize * usize::from(args.seats);
        allow_files(count as u64 + FILES_SPARE)?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).context("cannot make an epoll descriptor")?;
        let began_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let names = Names::new(args, began_at);
        let mut members = Vec::with_capacity(count);
        let mut timers = BinaryHeap::with_capacity(count * 2);
        for index in 0..count {
            let seed = args.seed.wrapping_mul(1_000_003).wrapping_add(index as u64);
            let line = Line::open(args.addr, args.link, seed).context("cannot open a socket")?;
            let event = EpollEvent::new(EpollFlags::EPOLLIN, index as u64);
            epoll.add(&line.socket, event).context("cannot watch a socket")?;
            let timer_at = began_at + Duration::from_secs(args.ramp.into()) * index as u32 / count as u32;
            timers.push(Reverse((timer_at, index)));
            members.push(Member { line, bot: None, orders: names.orders(index, seed)?, timer_at });
        }
        let ramp = Duration::from_secs(args.ramp.into());
        Ok(Self {
            args,
            mint,
            epoll,
            members,
            timers,
            began: Instant::now(),
            began_at,
            phase: Phase::Joining { until: began_at + ramp + JOIN_PATIENCE },
            oversight_at: began_at,
            buffer: vec![0; 2_048],
            server_pid: args.server_pid.or_else(|| find_server(args.addr)),
            cpu_before: (None, None),
            lag_us: Histogram::default(),
            outcome: Outcome::default(),
            bar: progress_bar(),
        })
    }

    /// Plays from the first connection to the last good-bye.
    pub(crate) fn run(mut self) -> anyhow::Result<Outcome> {
        let mut events = vec![EpollEvent::empty(); EVENTS_MAX];
        while self.phase != Phase::Over {
            let wake_at = self.timers.peek().map_or(self.oversight_at, |Reverse((at, _))| *at);
            let wait = wake_at.min(self.oversight_at).saturating_sub(self.now());
            // Sleeping and then looking, instead of waiting in epoll: see `TURN`.
            std::thread::sleep(wait.min(TURN));
            let count = match self.epoll.wait(&mut events, EpollTimeout::ZERO) {
                Ok(count) => count,
                Err(nix::errno::Errno::EINTR) => 0,
                Err(error) => return Err(error).context("cannot wait for sockets"),
            };
            for event in &events[..count] {
                self.receive(event.data() as usize);
            }
            self.run_timers();
            let now = self.now();
            if now >= self.oversight_at {
                self.oversight_at = now + OVERSIGHT;
                self.oversee(now);
            }
        }
        self.bar.finish_and_clear();
        Ok(self.outcome)
    }

    /// Time since 1970, as tokens have it, that never goes back.
    fn now(&self) -> Duration {
        self.began_at + self.began.elapsed()
    }

    fn receive(&mut self, index: usize) {
        let now = self.now();
        let Some(member) = self.members.get_mut(index) else { return };
        // An error of the socket shows in the link: it will hear nothing more.
        if let Ok(Some(length)) = member.line.receive(now, &mut self.buffer)
            && let Some(bot) = &mut member.bot
        {
            bot.handle_datagram(now, &mut self.buffer[..length]);
        }
        let wake_at = member.turn(now);
        self.arm(index, wake_at);
    }

    fn run_timers(&mut self) {
        let now = self.now();
        while let Some(&Reverse((at, index))) = self.timers.peek().filter(|Reverse((at, _))| *at <= now) {
            self.timers.pop();
            if self.members[index].timer_at != at {
                continue;
            }
            self.lag_us.record((now - at).as_micros() as u64);
            self.members[index].timer_at = Duration::MAX;
            if self.members[index].bot.is_none() {
                self.connect(index, now);
            }
            let wake_at = self.members[index].turn(now);
            self.arm(index, wake_at);
        }
    }

    /// A timer is only ever moved forward in time by its own firing, so at most a few stale entries exist.
    fn arm(&mut self, index: usize, wake_at: Duration) {
        let member = &mut self.members[index];
        if wake_at < member.timer_at {
            member.timer_at = wake_at;
            self.timers.push(Reverse((wake_at, index)));
        }
    }

    fn connect(&mut self, index: usize, now: Duration) {
        let member = &mut self.members[index];
        let ticket = self.mint.ticket(&member.orders.hello.name, now).map_err(|error| error.to_string());
        let bot = ticket.and_then(|ticket| {
            Bot::new(member.orders.clone(), &ticket, now).map_err(|error| error.to_string())
        });
        match bot {
            Ok(bot) => member.bot = Some(bot),
            Err(error) => add_reason(&mut self.outcome.reasons, error),
        }
    }

    /// Moves the run from phase to phase.
    fn oversee(&mut self, now: Duration) {
        let playing = self.count(Bot::is_playing);
        match self.phase {
            Phase::Joining { until } => {
                self.show(playing as u64, self.members.len() as u64, "playing");
                let lost = self.count(Bot::is_gone);
                if playing + lost == self.members.len() || now >= until {
                    self.note_joins(playing as u64);
                    self.phase = Phase::Settling { until: now + SETTLE };
                    if playing == 0 {
                        self.phase = Phase::Leaving { until: now };
                    }
                }
            }
            Phase::Settling { until } if now >= until => self.begin_window(now),
            Phase::Measuring { since, until } => {
                self.show((now - since).as_secs(), self.args.seconds.into(), "seconds measured");
                if now >= until {
                    self.end_window(now, now - since);
                    self.phase = Phase::Hashing { until: now + LAST_HASHES };
                }
            }
            Phase::Hashing { until } if now >= until => {
                self.outcome.silent = self.bots().map(|bot| u64::from(bot.notice_silence(now))).sum();
                self.bots().for_each(Bot::leave);
                self.phase = Phase::Leaving { until: now + LEAVE };
            }
            Phase::Leaving { until } if now >= until => self.close(now),
            _ => {}
        }
    }

    fn note_joins(&mut self, playing: u64) {
        self.outcome.connected = playing;
        self.outcome.answered = self.count(Bot::is_answered) as u64;
        self.outcome.failed_joins = self.members.len() as u64 - playing;
        for member in &self.members {
            let Some(bot) = member.bot.as_ref().filter(|bot| !bot.is_playing()) else { continue };
            let reason = bot.complaint.clone().unwrap_or_else(|| "no match began in time".to_owned());
            add_reason(&mut self.outcome.reasons, reason);
        }
        self.outcome.reasons.sort_by_key(|(_, count)| Reverse(*count));
    }

    fn begin_window(&mut self, now: Duration) {
        for member in &mut self.members {
            member.line.clear();
            member.bot.iter_mut().for_each(|bot| bot.clear_stats(now));
        }
        self.lag_us.clear();
        self.cpu_before = self.cpu();
        self.phase =
            Phase::Measuring { since: now, until: now + Duration::from_secs(self.args.seconds.into()) };
    }

    fn end_window(&mut self, now: Duration, length: Duration) {
        let (server, own) = self.cpu();
        let since =
            |after: Option<f64>, before: Option<f64>| after.zip(before).map(|(after, before)| after - before);
        self.outcome.server_cpu_s = since(server, self.cpu_before.0);
        self.outcome.own_cpu_s = since(own, self.cpu_before.1);
        self.outcome.window_s = length.as_secs_f64();
        self.outcome.lag_us = std::mem::take(&mut self.lag_us);
        self.outcome.findings.frames_missing += self.missing(now, length);
        for bot in self.bots() {
            let _ = bot.notice_silence(now);
        }
        for member in &self.members {
            self.outcome.up.merge(member.line.up);
            self.outcome.down.merge(member.line.down);
            if let Some(bot) = &member.bot {
                bot.collect_stats(&mut self.outcome.stats);
            }
        }
    }

    /// Frames that bots lack at the end of the window: which others of their room have long had, in matches that are
    /// running, or which the clock says should have come.
    fn missing(&self, now: Duration, window: Duration) -> u64 {
        let mut missing = 0;
        for room in self.members.chunks(self.args.seats.into()) {
            let next = |bot: &Bot| bot.play().filter(|play| !play.is_over()).map(Play::next);
            let bots = || room.iter().filter_map(|member| member.bot.as_ref());
            let newest = bots().filter_map(next).max().unwrap_or_default();
            for bot in bots() {
                let behind = next(bot).map_or(0, |next| newest.since(next));
                let behind = if behind > BEHIND_TICKS { behind.into() } else { 0 };
                let short = bot.watch(now, window).map_or(0, |watch| watch.frames_short());
                missing += short.max(behind);
            }
        }
        missing
    }

    fn close(&mut self, now: Duration) {
        for member in &mut self.members {
            let Member { line, bot: Some(bot), .. } = member else { continue };
            bot.count_missing();
            bot.close(|datagram| line.send(now, datagram));
            // What the bad network still holds is let go at once.
            line.flush(Duration::MAX);
            if bot.findings.disconnects > 0 {
                let reason = bot.complaint.clone().unwrap_or_default();
                add_reason(&mut self.outcome.reasons, reason);
            }
            self.outcome.findings.merge(&bot.findings);
        }
        self.outcome.reasons.sort_by_key(|(_, count)| Reverse(*count));
        self.phase = Phase::Over;
    }

    fn cpu(&self) -> (Option<f64>, Option<f64>) {
        (self.server_pid.and_then(cpu_seconds), cpu_seconds(std::process::id()))
    }

    fn bots(&mut self) -> impl Iterator<Item = &mut Bot> {
        self.members.iter_mut().filter_map(|member| member.bot.as_mut())
    }

    fn count(&self, is: impl Fn(&Bot) -> bool) -> usize {
        self.members.iter().filter_map(|member| member.bot.as_ref()).filter(|bot| is(bot)).count()
    }

    fn show(&self, position: u64, length: u64, what: &'static str) {
        self.bar.set_length(length);
        self.bar.set_position(position);
        self.bar.set_message(what);
    }
}

impl Member {
    /// Lets through what is due, both ways, and gives the time of the next turn.
    fn turn(&mut self, now: Duration) -> Duration {
        let Self { line, bot: Some(bot), .. } = self else { return Duration::MAX };
        while let Some(mut datagram) = line.arrived(now) {
            bot.handle_datagram(now, &mut datagram);
        }
        let wake_at = bot.turn(now, |datagram| line.send(now, datagram));
        line.flush(now);
        line.next_due().map_or(wake_at, |due| due.min(wake_at))
    }
}

/// What everybody and everything is called. Names are new in each run: the rooms of an earlier one may still be there.
struct Names {
    run: String,
    seats: usize,
    options: RoomOptions,
    games: Vec<GameRules>,
    thin: bool,
}

impl Names {
    fn new(args: &Args, now: Duration) -> Self {
        let run = format!("{}-{:x}", args.seed, now.as_millis() & 0xff_ffff_ffff);
        let rules = || GameRules { name: Arena::NAME.to_owned(), fingerprint: fingerprint::<Arena>() };
        let options = RoomOptions {
            game: Arena::NAME.to_owned(),
            content: args.arena.clone(),
            seats: args.seats,
            tick_rate_hz: args.tick_rate,
            send_every_ticks: args.send_every,
        };
        let games = if args.thin { Vec::new() } else { vec![rules()] };
        Self { run, seats: args.seats.into(), options, games, thin: args.thin }
    }

    fn orders(&self, index: usize, seed: u64) -> anyhow::Result<Orders> {
        let (room, seat) = (index / self.seats, index % self.seats);
        let hello = ClientHello {
            name: PlayerName::try_from(format!("b{room}.{seat}-{}", self.run))?,
            games: self.games.clone(),
        };
        let room = RoomName::try_from(format!("swarm-{}-{room}", self.run))?;
        Ok(Orders { hello, room, options: self.options.clone(), thin: self.thin, seed })
    }
}

fn add_reason(reasons: &mut Vec<(String, u64)>, reason: String) {
    let mut counts: BTreeMap<String, u64> = reasons.drain(..).collect();
    *counts.entry(reason).or_default() += 1;
    reasons.extend(counts);
}

/// Raises the limit of open files as far as it may be raised.
fn allow_files(count: u64) -> anyhow::Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).context("cannot read the limit of open files")?;
    anyhow::ensure!(
        count <= hard,
        "{count} open files are needed, the limit is {hard}: raise it with ulimit -n"
    );
    if count > soft {
        setrlimit(Resource::RLIMIT_NOFILE, count, hard).context("cannot raise the limit of open files")?;
    }
    Ok(())
}

/// On standard error, and only if that is a terminal.
fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{elapsed:>4} {bar:40} {pos}/{len} {msg}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
