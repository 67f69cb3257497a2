//! `Swarm`, all bots in one thread: epoll, timers, and the phases of a run.

mod drills;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use framekeep_rollback::Histogram;
use indicatif::{ProgressBar, ProgressStyle};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::args::Args;
use crate::bot::Bot;
use crate::line::Line;
use crate::loss::LossPlan;
use crate::member::Member;
use crate::names::Names;
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

/// All bots of a run.
pub(crate) struct Swarm<'a> {
    args: &'a Args,
    mint: Mint,
    epoll: Epoll,
    /// The bots of the rooms, room by room, then those of the crowd.
    members: Vec<Member>,
    /// How many of them are of the rooms.
    players: usize,
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
    losses: LossPlan,
    lines_lost: u64,
    flips_asked: u64,
    flipped_at: Duration,
    outcome: Outcome,
    bar: ProgressBar,
}

impl<'a> Swarm<'a> {
    /// Opens a socket for each bot; nothing is sent yet.
    pub(crate) fn new(args: &'a Args, mint: Mint) -> anyhow::Result<Self> {
        let players = args.rooms as usize * usize::from(args.seats);
        let count = players + args.drills.crowd.unwrap_or(0) as usize;
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
            if index >= players {
                members.push(Member::new(line, names.crowd(index - players, seed)?, Duration::MAX));
                continue;
            }
            let timer_at = began_at + Duration::from_secs(args.ramp.into()) * index as u32 / players as u32;
            timers.push(Reverse((timer_at, index)));
            members.push(Member::new(line, names.orders(index, seed)?, timer_at));
        }
        let ramp = Duration::from_secs(args.ramp.into());
        Ok(Self {
            args,
            mint,
            epoll,
            members,
            players,
            timers,
            began: Instant::now(),
            began_at,
            phase: Phase::Joining { until: began_at + ramp + JOIN_PATIENCE },
            oversight_at: began_at,
            buffer: vec![0; 2_048],
            server_pid: args.server_pid.or_else(|| find_server(args.addr)),
            cpu_before: (None, None),
            lag_us: Histogram::default(),
            losses: LossPlan::new(
                args.drills.link_losses.unwrap_or(0),
                Duration::from_secs(args.seconds.into()),
                args.seed,
            ),
            lines_lost: 0,
            flips_asked: 0,
            flipped_at: Duration::ZERO,
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
                self.oversee(now)?;
                self.find_the_abandoned()?;
                self.oversight_at = self.next_oversight(now);
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
        self.watch_new_line(index);
        self.arm(index, wake_at);
    }

    /// A bot that has followed its room has another socket.
    fn watch_new_line(&mut self, index: usize) {
        let member = &mut self.members[index];
        if std::mem::take(&mut member.is_new_line) {
            // A socket that is not watched is looked at with every turn's timer only: slower, and not wrong.
            let event = EpollEvent::new(EpollFlags::EPOLLIN, index as u64);
            let _ = self.epoll.add(&member.line.socket, event);
        }
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
            if self.members[index].is_due(now) {
                self.connect(index, now);
            }
            let wake_at = self.members[index].turn(now);
            self.watch_new_line(index);
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
        let connected =
            ticket.and_then(|ticket| member.connect(&ticket, now).map_err(|error| error.to_string()));
        if let Err(error) = connected {
            add_reason(&mut self.outcome.reasons, error);
        }
    }

    /// Moves the run from phase to phase.
    fn oversee(&mut self, now: Duration) -> anyhow::Result<()> {
        match self.phase {
            Phase::Joining { until } => self.oversee_joins(now, until),
            Phase::Settling { until } if now >= until => self.begin_window(now),
            Phase::Measuring { since, until } => {
                self.show((now - since).as_secs(), self.args.seconds.into(), "seconds measured");
                self.lose_links(now)?;
                self.flip_bits(since, now);
                if now >= until && self.drills_are_over(since, now) {
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
        Ok(())
    }

    /// The next look at the phase of the run: soon, and when a link is to be lost.
    fn next_oversight(&self, now: Duration) -> Duration {
        let soon = now + OVERSIGHT;
        let is_measuring = matches!(self.phase, Phase::Measuring { .. });
        let loss = self.losses.next().filter(|at| is_measuring && *at > now);
        loss.map_or(soon, |at| at.min(soon))
    }

    fn oversee_joins(&mut self, now: Duration, until: Duration) {
        let (playing, lost) = (self.count(Bot::is_playing), self.count(Bot::is_gone));
        self.show(playing as u64, self.players as u64, "playing");
        if playing + lost == self.players || now >= until {
            self.note_joins(playing as u64);
            self.phase = Phase::Settling { until: now + SETTLE };
            if playing == 0 {
                self.phase = Phase::Leaving { until: now };
            }
        }
    }

    fn note_joins(&mut self, playing: u64) {
        self.outcome.connected = playing;
        self.outcome.answered = self.count(Bot::is_answered) as u64;
        self.outcome.failed_joins = self.players as u64 - playing;
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
        self.begin_drills(now);
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
        self.outcome.crowd = self.crowd_report();
        self.outcome.rooms_finished = self.rooms_finished(self.args.songs_wanted().unwrap_or(0));
        for member in &self.members[..self.players] {
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
        for room in self.members[..self.players].chunks(self.args.seats.into()) {
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
            self.outcome.losses.merge(&bot.losses);
            self.outcome.flips.extend_from_slice(bot.flips.done());
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
