//! `Bot`, one player without a socket: its link, its room, its match.

mod comeback;
mod crossing;
mod room;

use std::time::Duration;

use framekeep_client::{ClientHello, ClientLink, LinkState, TokenError};
use framekeep_protocol::{
    CloseReason, DesyncAsk, EndReason, JoinRoom, MatchEnd, MatchStart, PlayerId, Redirect, Refusal, RoomName,
    RoomOptions, RoomPhase, ToClient, ToServer, peek_epoch,
};
use framekeep_rollback::MatchStats;

use crate::crowd::Answer;
use crate::flips::Flips;
use crate::loss::{LossTally, Return};
use crate::play::Play;
use crate::player::GameChoice;
use crate::tally::Findings;
use crate::watch::{Watch, is_lost, is_silent};

/// How often a link is looked after while no match runs.
const IDLE_TURN: Duration = Duration::from_millis(20);
/// The same while its room moves.
const CROSSING_TURN: Duration = Duration::from_millis(2);
/// What is taken for the round trip while none is measured.
const RTT_UNKNOWN: Duration = Duration::from_millis(50);

/// What a bot is to do.
#[derive(Clone, Debug)]
pub(crate) struct Orders {
    pub(crate) hello: ClientHello,
    pub(crate) room: RoomName,
    pub(crate) game: GameChoice,
    pub(crate) options: RoomOptions,
    pub(crate) thin: bool,
    pub(crate) seed: u64,
}

/// One player: joins its room, plays every match of it, checks what it is told.
pub(crate) struct Bot {
    link: ClientLink,
    /// The link to where its room goes.
    crossing: Option<ClientLink>,
    /// Where that is, until the link is opened.
    redirect: Option<Redirect>,
    orders: Orders,
    play: Option<Play>,
    /// Whether the last match was found equal to the server's, or not.
    judged: bool,
    /// Whether its host has asked for another match since the last one began.
    asked_again: bool,
    player: Option<PlayerId>,
    is_host: bool,
    phase: RoomPhase,
    seat: u8,
    is_seated: bool,
    /// When it set out.
    born_at: Duration,
    /// What it was told when it asked for a seat.
    answer: Option<Answer>,
    is_leaving: bool,
    is_gone: bool,
    is_answered: bool,
    /// When it heard something of the server last.
    heard_at: Duration,
    /// Ticks a second of its last match; zero before the first.
    tick_rate_hz: u16,
    /// When the first frame of its last match is due.
    due_at: Duration,
    /// Since when no match runs, after one has ended.
    resting_since: Option<Duration>,
    /// How long no match ran, of what is counted; without the time since `resting_since`.
    rested: Duration,
    /// Whether it was in a match when counting began.
    is_watched: bool,
    /// Its way back, after its link was lost on purpose.
    coming_back: Option<Return>,
    /// Matches that it saw played to their end.
    songs: u32,
    pub(crate) losses: LossTally,
    pub(crate) flips: Flips,
    pub(crate) findings: Findings,
    /// Why it does not play.
    pub(crate) complaint: Option<String>,
    /// Figures of matches that are put away.
    stats: MatchStats,
    packet: Vec<u8>,
}

impl Bot {
    /// A bot that begins to connect at its first turn.
    pub(crate) fn new(orders: Orders, ticket: &[u8], now: Duration) -> Result<Self, TokenError> {
        let mut link = ClientLink::new(ticket, orders.hello.clone(), now)?;
        let join = JoinRoom::seat(orders.room.clone(), Some(orders.options.clone()));
        // It waits in the link until the server has admitted the bot; nothing else waits there yet.
        let _ = link.send_control(&ToServer::Join(join));
        Ok(Self {
            link,
            crossing: None,
            redirect: None,
            orders,
            play: None,
            judged: false,
            asked_again: false,
            player: None,
            is_host: false,
            phase: RoomPhase::Waiting,
            seat: 0,
            is_seated: false,
            born_at: now,
            answer: None,
            is_leaving: false,
            is_gone: false,
            is_answered: false,
            heard_at: now,
            tick_rate_hz: 0,
            due_at: now,
            resting_since: None,
            rested: Duration::ZERO,
            is_watched: false,
            coming_back: None,
            songs: 0,
            losses: LossTally::default(),
            flips: Flips::default(),
            findings: Findings::default(),
            complaint: None,
            stats: MatchStats::default(),
            packet: Vec::new(),
        })
    }

    /// Takes a datagram from the server.
    pub(crate) fn handle_datagram(&mut self, now: Duration, datagram: &mut [u8]) {
        self.heard_at = now;
        self.link.handle_datagram(now, datagram);
        while let Some(payload) = self.link.poll_hot() {
            if let Some(play) = self.play.as_mut().filter(|play| peek_epoch(payload) == Some(play.epoch())) {
                play.handle_frames(now, payload);
            }
        }
    }

    /// Does what is due; gives the time of the next turn.
    pub(crate) fn turn(
        &mut self,
        now: Duration,
        mut send: impl FnMut(&[u8]),
        mut send_across: impl FnMut(&[u8]),
    ) -> Duration {
        while let Some(message) = self.link.poll_control() {
            self.is_answered = true;
            self.hear(now, message);
        }
        // Another lane: a snapshot may arrive before it is said which match it is of. Until then it waits in the link.
        if let Some(play) = &mut self.play {
            while let Some(snapshot) = self.link.poll_snapshot() {
                if play.handle_snapshot(now, &snapshot) {
                    self.findings.snapshots += 1;
                    self.flips.note_snapshot(now);
                }
            }
        }
        let mut wake_at = now + IDLE_TURN;
        if let Some(play) = &mut self.play {
            if play.advance(now) {
                let _ = self.link.send_control(&ToServer::NeedSnapshot { epoch: play.epoch() });
            }
            self.packet.clear();
            if play.poll_transmit(now, &mut self.packet) {
                self.link.send_hot(&self.packet, &mut send);
                if let Some(crossing) = &mut self.crossing {
                    crossing.send_hot(&self.packet, &mut send_across);
                }
            }
            if let Some((injected, player)) = play.take_injected().zip(self.player) {
                self.flips.note(player, self.tick_rate_hz, injected, now);
            }
            wake_at = play.wake_at().max(now + Duration::from_micros(500));
        }
        self.judge();
        self.settle_return(now);
        self.link.transmit(now, send);
        if let Some(crossing) = &mut self.crossing {
            crossing.transmit(now, send_across);
            wake_at = wake_at.min(now + CROSSING_TURN);
        }
        self.notice_end();
        wake_at
    }

    /// Whether a bit of its state may be flipped now.
    pub(crate) fn may_flip(&self, now: Duration) -> bool {
        self.can_lose_link() && self.flips.may_flip(now)
    }

    /// Has a bit of its state flipped, chosen by `seed`.
    pub(crate) fn flip_bit(&mut self, now: Duration, seed: u64) {
        if self.play.as_mut().is_some_and(|play| play.flip_bit(seed)) {
            self.flips.arm(now);
        }
    }

    /// Leaves room and server.
    pub(crate) fn leave(&mut self) {
        self.is_leaving = true;
        let _ = self.link.send_control(&ToServer::Bye);
    }

    /// Closes the link.
    pub(crate) fn close(&mut self, send: impl FnMut(&[u8])) {
        self.findings.refused += self.link.counters().refused();
        self.link.close(send);
    }

    /// Whether a match runs and at least one frame of it is here.
    pub(crate) fn is_playing(&self) -> bool {
        !self.is_gone && self.play.as_ref().is_some_and(Play::is_running)
    }

    /// Whether it will not play any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.is_gone
    }

    /// Whether the server has said anything, were it a refusal.
    pub(crate) fn is_answered(&self) -> bool {
        self.is_answered
    }

    /// What it was told when it asked for a seat, if it was told anything.
    pub(crate) fn answer(&self) -> Option<Answer> {
        self.answer
    }

    /// How many matches it saw played to their end.
    pub(crate) fn songs(&self) -> u32 {
        self.songs
    }

    /// The match it is in, if any.
    pub(crate) fn play(&self) -> Option<&Play> {
        self.play.as_ref()
    }

    /// Starts counting anew.
    pub(crate) fn clear_stats(&mut self, now: Duration) {
        self.stats.clear();
        self.is_watched = self.is_seated && self.tick_rate_hz > 0;
        self.rested = self.due_at.saturating_sub(now);
        if let Some(since) = &mut self.resting_since {
            *since = now;
        }
        if let Some(play) = &mut self.play {
            play.stats_mut().clear();
        }
    }

    /// Adds what was counted to `total`.
    pub(crate) fn collect_stats(&self, total: &mut MatchStats) {
        total.merge(&self.stats);
        if let Some(play) = &self.play {
            total.merge(play.stats());
        }
    }

    /// What it went through in a window that ends now; `None` if it was in no match when the window began.
    pub(crate) fn watch(&self, now: Duration, window: Duration) -> Option<Watch> {
        let mut stats = MatchStats::default();
        self.collect_stats(&mut stats);
        let between =
            self.rested + self.resting_since.map_or(Duration::ZERO, |since| now.saturating_sub(since));
        let frames = stats.frames + stats.frames_skipped;
        self.is_watched.then_some(Watch { tick_rate_hz: self.tick_rate_hz, window, between, frames })
    }

    /// Counts the link as lost if there is nobody at its other end any more; says whether that is so.
    pub(crate) fn notice_silence(&mut self, now: Duration) -> bool {
        let silent = self.is_seated && self.coming_back.is_none() && is_silent(self.heard_at, now);
        if silent {
            self.cut_off("heard nothing more of the server".to_owned());
        }
        silent
    }

    /// Counts the frames that an ended match still lacks as missing.
    pub(crate) fn count_missing(&mut self) {
        self.findings.frames_missing += self.play.as_ref().map_or(0, Play::missing);
    }

    fn hear(&mut self, now: Duration, message: ToClient) {
        match message {
            ToClient::Admitted { player } => {
                self.player = Some(player);
                self.coming_back.iter_mut().for_each(|back| back.note_admitted(now));
            }
            ToClient::Joined(view) => self.sit_down(&view),
            ToClient::Room(view) => self.note_room(&view),
            ToClient::Event(event) => self.note_event(&event.kind),
            ToClient::Started(start) => self.begin(now, &start),
            ToClient::Ended(end) => self.end(now, end),
            ToClient::Desynced { tick, .. } => self.findings.desyncs += u64::from(!self.flips.explain(tick)),
            ToClient::DesyncAsk(ask) => self.explain(ask),
            // A redirect follows.
            ToClient::Refused(Refusal::RoomMoved { .. }) => {}
            ToClient::Refused(refusal) if !self.is_seated => self.be_refused(now, &refusal),
            ToClient::Refused(_) => self.asked_again = false,
            ToClient::Left { reason } if !self.is_leaving => {
                self.cut_off(format!("left the room: {reason:?}"))
            }
            ToClient::Redirect(redirect) => self.redirect = Some(redirect),
            ToClient::Closing { reason } if !self.is_leaving && reason != CloseReason::Moved => {
                self.cut_off(format!("the server closes the link: {reason:?}"));
            }
            _ => {}
        }
    }

    /// Answers what the server asks about its state.
    fn explain(&mut self, ask: DesyncAsk) {
        for answer in self.play.iter().flat_map(|play| play.explain(ask)) {
            let _ = self.link.send_control(&ToServer::DesyncAnswer(answer));
        }
    }

    fn be_refused(&mut self, now: Duration, refusal: &Refusal) {
        let is_full = matches!(refusal, Refusal::RoomFull { .. });
        let after = now.saturating_sub(self.born_at);
        self.answer.get_or_insert(if is_full { Answer::Full(after) } else { Answer::Other });
        self.give_up(refusal.to_string());
    }

    fn begin(&mut self, now: Duration, start: &MatchStart) {
        self.put_away();
        self.tick_rate_hz = start.tick_rate_hz;
        self.due_at = now + Duration::from_micros(start.due_in_us.into());
        if let Some(since) = self.resting_since.take() {
            self.rested += self.due_at.saturating_sub(since);
        }
        let rtt = self.link.rtt().unwrap_or(RTT_UNKNOWN);
        let Orders { game, thin, seed, .. } = self.orders;
        match Play::new(game, start, thin, seed ^ start.seed, now, rtt) {
            Ok(play) => self.play = Some(play),
            Err(error) => self.give_up(error.to_string()),
        }
        (self.judged, self.asked_again) = (false, false);
    }

    fn end(&mut self, now: Duration, end: MatchEnd) {
        let reason = end.reason;
        if let Some(play) = self.play.as_mut().filter(|play| play.epoch() == end.epoch) {
            play.finish(end);
            self.resting_since = Some(now);
            if is_lost(reason) && !self.is_leaving {
                self.cut_off(format!("the match ended without a result: {reason:?}"));
            }
        }
    }

    /// Looks at an ended match once all of it is here, and asks for another.
    fn judge(&mut self) {
        let Some(play) = self.play.as_ref().filter(|_| !self.judged) else { return };
        let Some(verdict) = play.verdict() else { return };
        self.songs += u32::from(play.end().is_some_and(|end| end.reason == EndReason::Outcome));
        self.judged = true;
        if verdict {
            self.findings.matches_verified += 1;
        } else {
            self.findings.desyncs += 1;
        }
        self.ask_again();
    }

    fn put_away(&mut self) {
        self.count_missing();
        self.flips.disarm();
        if let Some(play) = self.play.take() {
            self.stats.merge(play.stats());
        }
    }

    fn notice_end(&mut self) {
        if let LinkState::Closed { reason } = self.link.state()
            && !self.is_gone
            && self.crossing.is_none()
            && self.coming_back.is_none()
        {
            let reason = reason.to_string();
            self.is_gone = true;
            if self.is_leaving { self.give_up(reason) } else { self.cut_off(reason) }
        }
    }

    /// Its part is over against its will. A bot that never had a seat is a failed join and no lost link; one that
    /// loses several things at once is one lost link.
    fn cut_off(&mut self, complaint: String) {
        self.findings.disconnects = u64::from(self.is_seated);
        self.give_up(complaint);
    }

    fn give_up(&mut self, complaint: String) {
        self.complaint.get_or_insert(complaint);
    }
}
