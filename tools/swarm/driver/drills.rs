//! What the swarm does to a server besides playing: links lost on purpose, a crowd, songs played to their end.

use std::cmp::Reverse;
use std::time::Duration;

use anyhow::Context;
use nix::sys::epoll::{EpollEvent, EpollFlags};

use framekeep_rollback::MatchStats;

use super::{BEHIND_TICKS, Swarm};
use crate::bot::Bot;
use crate::crowd::{CROWD_COMES, CrowdReport};
use crate::line::Line;
use crate::play::Play;

/// From the start of the window to the first of the crowd.
const CROWD_AFTER: Duration = Duration::from_millis(500);
/// What the crowd has to hear is heard by then, from the start of the window, or not at all.
const CROWD_OVER: Duration = Duration::from_secs(4);
/// The longest a song, a match, may take.
const SONG_MAX: Duration = Duration::from_secs(300);
/// The longest a window is kept open for bits that are still to be flipped.
const FLIPS_MAX: Duration = Duration::from_secs(600);
/// From one flipped bit to the next: the server asks about no more of them.
const FLIP_EVERY: Duration = Duration::from_millis(150);
/// The longest a window is kept open for players who are not back yet.
const RETURNS_MAX: Duration = Duration::from_secs(32);

impl Swarm<'_> {
    /// Plans what happens in a window that begins now.
    pub(super) fn begin_drills(&mut self, now: Duration) {
        self.losses.begin(now);
        let count = (self.members.len() - self.players) as u32;
        for index in self.players..self.members.len() {
            let turn = CROWD_COMES * (index - self.players) as u32 / count.max(1);
            self.members[index].timer_at = now + CROWD_AFTER + turn;
            self.timers.push(Reverse((now + CROWD_AFTER + turn, index)));
        }
    }

    /// Whether the window may end: everything is done, or has taken too long.
    pub(super) fn drills_are_over(&self, since: Duration, now: Duration) -> bool {
        let passed = now - since;
        let seconds = Duration::from_secs(self.args.seconds.into());
        let songs = self.args.songs_wanted().unwrap_or(0);
        let songs_over = self.rooms_finished(songs) == self.args.rooms || passed >= SONG_MAX * songs;
        let is_out = |bot: &Bot| bot.is_coming_back();
        let losses_over = self.losses.next().is_none() && self.count(is_out) == 0;
        let flips_wanted = self.args.drills.inject_desync.unwrap_or(0) as usize;
        let is_waiting = |bot: &Bot| bot.flips.is_waiting(now);
        let flips_over = self.flips() >= flips_wanted && self.count(is_waiting) == 0;
        (flips_over || passed >= seconds + FLIPS_MAX)
            && (self.args.drills.crowd.is_none() || passed >= CROWD_OVER)
            && songs_over
            && (losses_over || passed >= seconds + RETURNS_MAX)
    }

    /// How many rooms have played so many matches to their end.
    pub(super) fn rooms_finished(&self, songs: u32) -> u32 {
        let rooms = self.members[..self.players].chunks(self.args.seats.into());
        let finished = rooms.filter(|room| {
            let bots = room.iter().filter_map(|member| member.bot.as_ref());
            bots.map(Bot::songs).max().unwrap_or(0) >= songs
        });
        finished.count() as u32
    }

    /// Loses the links whose time has come; waits if nobody is in a match.
    pub(super) fn lose_links(&mut self, now: Duration) -> anyhow::Result<()> {
        while self.losses.next().is_some_and(|at| at <= now) {
            let can = |index: &usize| self.members[*index].bot.as_ref().is_some_and(Bot::can_lose_link);
            let playing: Vec<usize> = (0..self.players).filter(can).collect();
            if playing.is_empty() {
                return Ok(());
            }
            let (chosen, away) = self.losses.take(playing.len() as u32);
            self.lose_link(playing[chosen as usize], now, away)?;
        }
        Ok(())
    }

    /// Flips a bit of the bot whose state was broken least often, if not all are flipped that should be by now.
    pub(super) fn flip_bits(&mut self, since: Duration, now: Duration) {
        let Some(wanted) = self.args.drills.inject_desync else { return };
        let passed = (now - since).as_secs_f64() / f64::from(self.args.seconds.max(1));
        let due = (f64::from(wanted) * passed).ceil().min(wanted.into()) as usize;
        if self.flips() >= due || now < self.flipped_at + FLIP_EVERY {
            return;
        }
        let players = self.members[..self.players].iter_mut().filter_map(|member| member.bot.as_mut());
        let least = players.filter(|bot| bot.may_flip(now)).min_by_key(|bot| bot.flips.count());
        if let Some(bot) = least {
            self.flipped_at = now;
            self.flips_asked += 1;
            bot.flip_bit(now, self.args.seed.wrapping_mul(1_000_003).wrapping_add(self.flips_asked));
        }
    }

    fn flips(&self) -> usize {
        self.members.iter().filter_map(|member| member.bot.as_ref()).map(|bot| bot.flips.count()).sum()
    }

    /// Bots of which the server hears nothing more, nor they of it, connect again at once: it was perhaps restarted.
    pub(super) fn find_the_abandoned(&mut self) -> anyhow::Result<()> {
        let now = self.now();
        let is_abandoned =
            |index: &usize| self.members[*index].bot.as_ref().is_some_and(|bot| bot.is_abandoned(now));
        let abandoned: Vec<usize> = (0..self.players).filter(is_abandoned).collect();
        abandoned.into_iter().try_for_each(|index| self.lose_link(index, now, Duration::ZERO))
    }

    /// The bot says nothing to anybody; its socket is closed and another opened.
    fn lose_link(&mut self, index: usize, now: Duration, away: Duration) -> anyhow::Result<()> {
        self.lines_lost += 1;
        let seed = self.args.seed.wrapping_mul(7_919).wrapping_add(self.lines_lost) & u64::from(u32::MAX);
        let line = Line::open(self.args.addr, self.args.link, seed).context("cannot open a socket")?;
        let member = &mut self.members[index];
        let _ = self.epoll.delete(&member.line.socket);
        self.epoll
            .add(&line.socket, EpollEvent::new(EpollFlags::EPOLLIN, index as u64))
            .context("cannot watch a socket")?;
        member.line.replace(line);
        member.back_at = Some(now + away);
        member.bot.iter_mut().for_each(|bot| bot.lose_link(now));
        self.arm(index, now + away);
        Ok(())
    }

    /// What the crowd was told.
    pub(super) fn crowd_report(&self) -> Option<CrowdReport> {
        self.args.drills.crowd?;
        let crowd = &self.members[self.players..];
        let answers = crowd.iter().map(|member| member.bot.as_ref().and_then(Bot::answer));
        let seated =
            || crowd.iter().filter_map(|member| member.bot.as_ref()?.play().zip(member.bot.as_ref()));
        let newest = seated().map(|(play, _)| play.next()).max().unwrap_or_default();
        let behind = |play: &Play| u64::from(newest.since(play.next()));
        let missing =
            seated().map(|(play, _)| behind(play)).filter(|behind| *behind > u64::from(BEHIND_TICKS)).sum();
        let mut stats = MatchStats::default();
        seated().for_each(|(_, bot)| bot.collect_stats(&mut stats));
        Some(CrowdReport::new(self.args.seats, answers).with_room(&stats, missing))
    }
}
