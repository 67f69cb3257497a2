//! `ActiveMatch`, the match that this client plays, watches or replays.

mod local;
mod online;
mod replay;
mod sketch;
mod watch;

use std::time::Duration;

use bevy_ecs::prelude::Resource;
use framekeep_journal::Replay;
use framekeep_protocol::{Epoch, MatchEnd, MatchStart, RoomId};
use framekeep_rollback::{
    EventId, EventStage, GameEvent, MatchStats, RollbackMatch, Smoothing, StartError, SyncFault, ViewTimeline,
};
use framekeep_sim::{Game, Match, Tick, View};

pub use local::{LocalBots, LocalMatch};
pub use replay::{ReplayFault, ReplayPlayer};

pub(crate) use online::OnlineMatch;
pub(crate) use sketch::{Sketch, key};
pub(crate) use watch::WatchedMatch;

use crate::ClientConfig;

/// How a match came to be here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PlayMode {
    /// There is none.
    #[default]
    Idle,
    /// On a server, with a seat.
    Online,
    /// On a server, without a seat.
    Watching,
    /// In this process alone.
    Local,
    /// From a replay file.
    Replay,
}

pub(crate) enum Source<G: Game> {
    Idle,
    Online(Box<OnlineMatch<G>>),
    Watching(Box<WatchedMatch<G>>),
    Local(Box<local::LocalPlay<G>>),
    Replay(Box<ReplayPlayer<G>>),
}

/// The match that this client plays, watches or replays; at most one at a time.
#[derive(Resource)]
pub struct ActiveMatch<G: Game> {
    pub(crate) source: Source<G>,
    pub(crate) ended: Option<MatchEnd>,
    /// Packets of the match that brought frames.
    pub(crate) packets: u64,
    /// Ticks from one such packet of the server to the next.
    pub(crate) send_every_ticks: u8,
    /// What was told as predicted and not yet settled.
    open: Vec<(EventId, Tick, G::Event)>,
    /// Added to the ids of a match's events, so that no two matches share one.
    id_base: u64,
    id_next: u64,
    pub(crate) sketch: Sketch<G>,
    /// The match on a server that is or was the last, and the tick up to which it was confirmed before a reconnection.
    of: Option<(RoomId, Epoch)>,
    pub(crate) reached: Tick,
    /// Counts the matches that were here; one that goes on after a reconnection is the same.
    pub(crate) generation: u64,
}

impl<G: Game> Default for ActiveMatch<G> {
    fn default() -> Self {
        Self {
            source: Source::Idle,
            ended: None,
            packets: 0,
            send_every_ticks: 1,
            open: Vec::new(),
            id_base: 0,
            id_next: 0,
            sketch: Sketch::default(),
            of: None,
            reached: Tick(0),
            generation: 0,
        }
    }
}

impl<G: Game> ActiveMatch<G> {
    /// How the match came to be here.
    #[must_use]
    pub fn mode(&self) -> PlayMode {
        match self.source {
            Source::Idle => PlayMode::Idle,
            Source::Online(_) => PlayMode::Online,
            Source::Watching(_) => PlayMode::Watching,
            Source::Local(_) => PlayMode::Local,
            Source::Replay(_) => PlayMode::Replay,
        }
    }

    /// The newest state there is to show: predicted, if the match is predicted. `None` before it has one.
    #[must_use]
    pub fn current(&self) -> Option<&Match<G>> {
        match &self.source {
            Source::Idle => None,
            Source::Online(online) => (!online.play.is_waiting()).then(|| online.play.predicted()),
            Source::Watching(watched) => watched.current(),
            Source::Local(local) => Some(local.current()),
            Source::Replay(replay) => Some(replay.current()),
        }
    }

    /// The newest state that is certain: for a scoreboard that never takes anything back.
    #[must_use]
    pub fn confirmed(&self) -> Option<&Match<G>> {
        match &self.source {
            Source::Online(online) => (!online.play.is_waiting()).then(|| online.play.confirmed()),
            _ => self.current(),
        }
    }

    /// The own seat, of whoever has one.
    #[must_use]
    pub fn seat(&self) -> Option<u8> {
        match &self.source {
            Source::Online(online) => online.play.seat(),
            Source::Local(local) => Some(local.seat()),
            _ => None,
        }
    }

    /// How the match ended, if it did and all of it is here; for a spectator, once the end is seen.
    #[must_use]
    pub fn ended(&self) -> Option<&MatchEnd> {
        self.ended.as_ref().filter(|_| match &self.source {
            Source::Watching(watched) => watched.is_at_end(),
            _ => self.rollback().is_none_or(RollbackMatch::is_complete),
        })
    }

    /// Figures of a match on a server.
    #[must_use]
    pub fn stats(&self) -> Option<&MatchStats> {
        self.rollback().map(RollbackMatch::stats)
    }

    /// The match on a server under this one: input status, hashes, the clock of inputs.
    #[must_use]
    pub fn rollback(&self) -> Option<&RollbackMatch<G>> {
        match &self.source {
            Source::Online(online) => Some(&online.play),
            Source::Watching(watched) => Some(&watched.play),
            _ => None,
        }
    }

    /// Whether the server says that the match stands still: it waits for somebody's input, or for its disk.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.rollback().is_some_and(RollbackMatch::is_paused)
    }

    /// The replay that is played.
    #[must_use]
    pub fn replay(&self) -> Option<&ReplayPlayer<G>> {
        if let Source::Replay(replay) = &self.source { Some(replay) } else { None }
    }

    /// The replay that is played: play, pause, seek, speed.
    pub fn replay_mut(&mut self) -> Option<&mut ReplayPlayer<G>> {
        if let Source::Replay(replay) = &mut self.source { Some(replay) } else { None }
    }

    /// What a sync test has found; the match stands still then.
    #[must_use]
    pub fn sync_fault(&self) -> Option<&SyncFault> {
        if let Source::Local(local) = &self.source { local.fault() } else { None }
    }

    /// A drill: flips a bit of the confirmed state of a match on a server, chosen by `seed`, to see the desync found,
    /// told and healed.
    pub fn flip_bit(&mut self, seed: u64) {
        if let Some(play) = self.rollback_mut() {
            play.flip_bit(seed);
        }
    }

    /// Plays in this process alone, from now on. A match on a server is left aside until its room starts another.
    pub fn play_local(&mut self, start: LocalMatch<G>) {
        self.replace(Source::Local(Box::new(local::LocalPlay::new(start))));
    }

    /// Plays a replay, from now on.
    ///
    /// # Errors
    /// [`ReplayFault`] if it is of another game, or of other rules.
    pub fn play_replay(&mut self, replay: &Replay) -> Result<(), ReplayFault> {
        replay::check_rules::<G>(replay)?;
        self.play_replay_by_any_rules(replay)
    }

    /// As [`ActiveMatch::play_replay`], also if the fingerprint of its rules is another one: what is shown may not be
    /// what was played then.
    ///
    /// # Errors
    /// [`ReplayFault`] if it is of another game, or cannot be read.
    pub fn play_replay_by_any_rules(&mut self, replay: &Replay) -> Result<(), ReplayFault> {
        let player = ReplayPlayer::new(replay)?;
        self.replace(Source::Replay(Box::new(player)));
        Ok(())
    }

    /// Plays nothing any more; what was mirrored goes.
    pub fn stop(&mut self) {
        self.replace(Source::Idle);
    }

    /// Nothing is watched any more, also if its end was not seen.
    pub(crate) fn stop_watching(&mut self) {
        if self.mode() == PlayMode::Watching {
            self.stop();
        }
    }

    /// Begins a match that the server has announced.
    pub(crate) fn begin(
        &mut self,
        start: &MatchStart,
        config: &ClientConfig,
        now: Duration,
        rtt: Duration,
    ) -> Result<(), StartError> {
        let play = RollbackMatch::new(start, config.rollback, now, rtt)?;
        let of = Some((start.room, start.epoch));
        let before = self.rollback().map_or(Tick(0), |play| play.confirmed().tick());
        self.reached = if self.of == of { self.reached.max(before) } else { Tick(0) };
        let goes_on = self.of == of && self.rollback().is_some();
        self.of = of;
        if let Source::Watching(watched) = &mut self.source
            && goes_on
            && play.seat().is_none()
        {
            watched.go_on(play);
            (self.packets, self.send_every_ticks) = (0, start.send_every_ticks.max(1));
            return Ok(());
        }
        let source = if play.seat().is_some() {
            Source::Online(Box::new(OnlineMatch::new(play)))
        } else {
            Source::Watching(Box::new(WatchedMatch::new(play)))
        };
        let generation = self.generation;
        self.replace(source);
        if goes_on {
            self.generation = generation;
        }
        self.send_every_ticks = start.send_every_ticks.max(1);
        Ok(())
    }

    /// The match on a server, to be fed.
    pub(crate) fn rollback_mut(&mut self) -> Option<&mut RollbackMatch<G>> {
        match &mut self.source {
            Source::Online(online) => Some(&mut online.play),
            Source::Watching(watched) => Some(&mut watched.play),
            _ => None,
        }
    }

    /// Lets time pass, and asks `own` once for each tick that is made; what the game tells is appended to `events`.
    pub(crate) fn advance(
        &mut self,
        now: Duration,
        own: &mut dyn FnMut() -> G::Input,
        config: &ClientConfig,
        events: &mut Vec<GameEvent<G::Event>>,
    ) {
        // What a match before this one has left open comes first.
        let first = events.len();
        match &mut self.source {
            Source::Idle => {}
            Source::Online(online) => online.advance(now, own, events),
            Source::Watching(watched) => watched.advance(now, config.spectator_delay, events),
            Source::Local(local) => local.advance(now, own, events),
            Source::Replay(replay) => replay.advance(now, events),
        }
        for told in &mut events[first..] {
            told.id = EventId(self.id_base + told.id.0);
            self.id_next = self.id_next.max(told.id.0);
            match told.stage {
                EventStage::Predicted => self.open.push((told.id, told.tick, told.event.clone())),
                EventStage::Confirmed { .. } | EventStage::Cancelled => {
                    self.open.retain(|(id, ..)| *id != told.id);
                }
            }
        }
    }

    /// How a match in this process ended, or one that is watched and now seen to its end; once.
    pub(crate) fn notice_end(&mut self) -> Option<MatchEnd> {
        match &mut self.source {
            Source::Local(local) if self.ended.is_none() => {
                self.ended = local.end();
                self.ended.clone()
            }
            Source::Watching(watched) => self.ended.clone().filter(|_| watched.notice_end()),
            _ => None,
        }
    }

    /// Whether a match that is over on the server is still shown to a spectator.
    pub(crate) fn is_seen_later(&self) -> bool {
        matches!(&self.source, Source::Watching(watched) if self.ended.is_some() && !watched.is_end_told())
    }

    /// What is to be taken back of matches that were replaced.
    pub(crate) fn take_back(&mut self, events: &mut Vec<GameEvent<G::Event>>) {
        if self.open.is_empty() {
            return;
        }
        let base = self.id_base;
        let gone = self.open.extract_if(.., |(id, ..)| id.0 <= base);
        events.extend(gone.map(|(id, tick, event)| GameEvent {
            id,
            tick,
            stage: EventStage::Cancelled,
            event,
        }));
    }

    /// Draws the moment `now`: moves `timeline` on, and fills `view` with what there is. False: nothing to draw.
    pub(crate) fn draw(
        &mut self,
        now: Duration,
        own: G::Input,
        timeline: &mut ViewTimeline<u64>,
        view: &mut View,
    ) -> Option<f32> {
        let sketch = &mut self.sketch;
        match &mut self.source {
            Source::Idle => None,
            Source::Online(online) => online.draw(now, own, sketch, timeline, view),
            Source::Watching(watched) => watched.draw(sketch, timeline, view),
            Source::Local(local) => local.draw(now, own, sketch, timeline, view),
            Source::Replay(replay) => replay.draw(sketch, timeline, view),
        }
    }

    fn replace(&mut self, source: Source<G>) {
        self.source = source;
        self.ended = None;
        self.packets = 0;
        self.generation += 1;
        self.id_base = self.id_next;
        self.sketch.forget();
    }
}

/// A timeline with these settings, for whoever mirrors.
pub(crate) fn timeline(smoothing: Smoothing) -> ViewTimeline<u64> {
    ViewTimeline::new(smoothing)
}
