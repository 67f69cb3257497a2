//! `Connection`, this client's link, the one that may replace it, and what the server last said of the room.

use std::task::Poll;
use std::time::Duration;

use bevy_ecs::prelude::Resource;
use framekeep_protocol::{
    CloseReason, GameRules, PlayerId, Redirect, Refusal, RoomView, Snapshot, ToClient, ToServer,
};

use crate::backoff::Backoff;
use crate::line::Line;
use crate::wire::Wires;
use crate::{ClientConfig, ClientHello, ClientLink, ConnectionState, Reason, Tickets, Traffic};

/// Silence outside of matches counts as loss after this many times the configured one: keep-alives are rare.
const IDLE_FACTOR: u32 = 8;
/// A frame that took longer than this was no frame but a pause of the app: silence in it is nobody's.
const PAUSE: Duration = Duration::from_millis(200);
/// How long the server may take to hear that the client leaves.
const GOODBYE_WAIT: Duration = Duration::from_millis(500);
/// For so long after this client has opened a second link, the server's word that the first was taken over may be
/// about that one, even if it was given up.
const OWN_TAKEOVER: Duration = Duration::from_secs(10);
/// A link that stood for so long was no failure; its loss begins anew.
const STEADY: Duration = Duration::from_secs(5);
/// How long a room may take to be at its new node once its old one is gone.
const CROSSING_MAX: Duration = Duration::from_secs(3);
/// Control messages, snapshots and hot payloads taken in one frame at most.
const HEARD_MAX: usize = 1_024;

/// What a link has brought.
pub(crate) enum Heard {
    Control(ToClient),
    Snapshot(Snapshot),
    Hot(Vec<u8>),
    /// Something went wrong; the client tries again, unless the connection is over.
    Failed(Reason),
}

/// This client's link, the one that may replace it, and what the server last said of the room.
#[derive(Resource)]
pub struct Connection {
    is_wanted: bool,
    line: Option<Line>,
    /// A link that replaces the first as soon as the server has admitted it.
    attempt: Option<Line>,
    is_attempt_wanted: bool,
    /// Where the room goes on, until a link there is opened.
    redirect: Option<Redirect>,
    /// A link to where the room goes; it replaces the first as soon as the room is there.
    crossing: Option<Line>,
    /// When that was opened, or the first link was lost meanwhile.
    crossing_since: Duration,
    moves: u32,
    /// Until when a takeover may be this client's own.
    own_takeover_until: Option<Duration>,
    /// When the server has admitted the link there is.
    admitted_at: Option<Duration>,
    backoff: Backoff,
    attempts: u64,
    worked_at: Option<Duration>,
    /// When a link is closed although the server has not heard that the client leaves.
    leaving_until: Option<Duration>,
    was_admitted: bool,
    reason: Option<Reason>,
    player: Option<PlayerId>,
    pub(crate) room: Option<RoomView>,
    past_traffic: Traffic,
    reconnections: u32,
    /// Commands that links which are gone did not bring to the server.
    unheard: Vec<ToServer>,
    /// How many commands nobody will bring to it.
    lost: usize,
}

impl Connection {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            is_wanted: false,
            line: None,
            attempt: None,
            is_attempt_wanted: false,
            redirect: None,
            crossing: None,
            crossing_since: Duration::ZERO,
            moves: 0,
            own_takeover_until: None,
            admitted_at: None,
            backoff: Backoff::new(seed),
            attempts: 0,
            worked_at: None,
            leaving_until: None,
            was_admitted: false,
            reason: None,
            player: None,
            room: None,
            past_traffic: Traffic::default(),
            reconnections: 0,
            unheard: Vec::new(),
            lost: 0,
        }
    }

    /// Where the connection is in its life.
    #[must_use]
    pub fn state(&self) -> ConnectionState {
        let is_online = self.line.as_ref().is_some_and(Line::is_connected) && !self.is_attempt_wanted;
        match (self.is_wanted, is_online, self.was_admitted) {
            (false, ..) if self.reason.is_some() => ConnectionState::Closed,
            (false, ..) => ConnectionState::Offline,
            (true, true, _) => ConnectionState::Online,
            (true, false, true) => ConnectionState::Reconnecting,
            (true, false, false) => ConnectionState::Connecting,
        }
    }

    /// What went wrong last; why it is over if the state is [`ConnectionState::Closed`].
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        self.reason.as_ref()
    }

    /// Who this client is, once the server has said so.
    #[must_use]
    pub fn player(&self) -> Option<PlayerId> {
        self.player
    }

    /// The room this client is in, as the server described it last.
    #[must_use]
    pub fn room(&self) -> Option<&RoomView> {
        self.room.as_ref()
    }

    /// The round trip of control messages, the server's wait until its next tick included.
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        self.line.as_ref().and_then(Line::rtt)
    }

    /// What went over the wires of all links together.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        let lines = [&self.line, &self.attempt, &self.crossing].into_iter().flatten();
        lines.fold(self.past_traffic, |sum, line| sum.plus(line.traffic))
    }

    /// How often a lost link was replaced.
    #[must_use]
    pub fn reconnections(&self) -> u32 {
        self.reconnections
    }

    /// How often the room went on at another node, and this client with it.
    #[must_use]
    pub fn moves(&self) -> u32 {
        self.moves
    }

    /// The room goes on at another node: a link there is opened beside the one there is.
    pub(crate) fn follow(&mut self, redirect: Redirect) {
        self.redirect = Some(redirect);
    }

    /// Begins to connect.
    pub(crate) fn connect(&mut self) {
        if !self.is_wanted {
            self.hang_up();
            self.backoff.reset();
            (self.is_wanted, self.was_admitted, self.reason) = (true, false, None);
        }
    }

    /// Leaves the server: says so, and closes the link when that has been heard.
    pub(crate) fn disconnect(&mut self, now: Duration) {
        if let Some(line) = &mut self.line {
            line.say(&ToServer::Bye);
            self.leaving_until = Some(now + GOODBYE_WAIT);
        }
        if let Some(attempt) = &mut self.attempt {
            attempt.close();
        }
        self.drop_attempt();
        self.drop_crossing();
        (self.is_wanted, self.is_attempt_wanted, self.room, self.reason) = (false, false, None, None);
    }

    /// The server closes the link once it has heard that the client leaves; it is not waited for long.
    fn leave(&mut self, now: Duration, until: Duration) {
        if let Some(line) = &mut self.line {
            line.receive(now);
        }
        if now >= until || self.line.as_ref().is_none_or(|line| line.end().is_some()) {
            self.hang_up();
        }
    }

    /// Whether there is a link to say something on.
    pub(crate) fn is_linked(&self) -> bool {
        self.is_wanted && self.line.is_some()
    }

    /// Says something on the reliable lane, if there is a link.
    pub(crate) fn say(&mut self, message: &ToServer) {
        if let Some(line) = &mut self.line {
            line.say(message);
        }
    }

    /// As [`Self::say`], of what is said again on the next link if this one does not bring it to the server.
    pub(crate) fn command(&mut self, message: ToServer) {
        if let Some(line) = &mut self.line {
            line.command(message);
        }
    }

    /// Says what the links of before have not brought to the server; tells how many commands are lost for good.
    pub(crate) fn repeat_commands(&mut self) -> usize {
        if let Some(line) = self.line.as_mut().filter(|line| line.is_connected()) {
            self.unheard.drain(..).for_each(|message| line.command(message));
        }
        std::mem::take(&mut self.lost)
    }

    /// Sends a hot payload, if there is a link; while the room moves also to where it goes.
    pub(crate) fn send_hot(&mut self, now: Duration, payload: &[u8]) {
        for line in [&mut self.line, &mut self.crossing].into_iter().flatten() {
            line.send_hot(now, payload);
        }
    }

    /// Sends what is due.
    pub(crate) fn transmit(&mut self, now: Duration) {
        for line in [&mut self.line, &mut self.attempt, &mut self.crossing].into_iter().flatten() {
            line.transmit(now);
        }
    }

    /// Receives, notices losses, replaces links; what the server said is appended to `heard`.
    pub(crate) fn work(&mut self, now: Duration, with: &mut Surroundings<'_>, heard: &mut Vec<Heard>) {
        let gap = now.saturating_sub(self.worked_at.replace(now).unwrap_or(now));
        if !self.is_wanted {
            return self.leaving_until.map_or((), |until| self.leave(now, until));
        }
        for line in [&mut self.line, &mut self.attempt, &mut self.crossing].into_iter().flatten() {
            if gap > PAUSE {
                line.heard_at += gap;
            }
            line.receive(now);
        }
        self.promote_attempt(now, with, heard);
        self.cross(now, with, heard);
        self.listen(now, heard);
        self.notice_loss(now, with, heard);
        let is_lost = self.line.is_none() && self.crossing.is_none();
        if self.is_wanted && self.attempt.is_none() && (is_lost || self.is_attempt_wanted) {
            self.try_again(now, with, heard);
        }
    }

    /// What the link says.
    fn listen(&mut self, now: Duration, heard: &mut Vec<Heard>) {
        let Some(line) = &mut self.line else { return };
        for _ in 0..HEARD_MAX {
            let Some(message) = line.poll_control() else { break };
            let is_taken_over = matches!(message, ToClient::Closing { reason: CloseReason::TakenOver });
            if is_taken_over && self.own_takeover_until.is_some_and(|until| now < until) {
                // It was this client itself: the other link decides, or else another attempt.
                return self.drop_line();
            }
            heard.push(Heard::Control(message));
        }
        while let Some(snapshot) = line.poll_snapshot() {
            heard.push(Heard::Snapshot(snapshot));
        }
        for _ in 0..HEARD_MAX {
            let Some(payload) = line.poll_hot() else { break };
            heard.push(Heard::Hot(payload.to_vec()));
        }
    }

    /// Looks whether the link is over or silent.
    fn notice_loss(&mut self, now: Duration, with: &Surroundings<'_>, heard: &mut Vec<Heard>) {
        let Some(line) = &self.line else { return };
        if let Some(end) = line.end() {
            let reason = Reason::Link(end.clone());
            self.drop_line();
            if self.crossing.is_some() {
                // The room is there in a moment.
                self.crossing_since = now;
                return;
            }
            self.lose(now, reason, with, heard);
            return;
        }
        if self.backoff.failed() > 0 && self.is_steady(now) {
            self.backoff.reset();
        }
        let reconnect = &with.config.reconnect;
        let patience =
            if with.is_playing { reconnect.patience(line.rtt()) } else { reconnect.silence * IDLE_FACTOR };
        let is_silent = line.is_connected() && now.saturating_sub(line.heard_at) > patience;
        self.is_attempt_wanted = is_silent && reconnect.enabled;
        // The link lives after all; unless the server has closed it for the other.
        if !is_silent && let Some(attempt) = self.attempt.as_mut().filter(|line| !line.is_reached()) {
            attempt.close();
            self.drop_attempt();
        }
    }

    /// A link is lost. The first attempt after that is made at once, unless the link hardly stood.
    fn lose(&mut self, now: Duration, reason: Reason, with: &Surroundings<'_>, heard: &mut Vec<Heard>) {
        let was_steady = self.is_steady(now);
        self.admitted_at = None;
        if was_steady {
            self.backoff.reset();
        }
        self.fail(now, reason, with, heard);
        if was_steady {
            self.backoff.reset();
        } else if self.backoff.failed() == 1 {
            self.backoff.hurry();
        }
    }

    fn is_steady(&self, now: Duration) -> bool {
        self.admitted_at.is_some_and(|at| now.saturating_sub(at) >= STEADY)
    }

    /// Makes the second link the first once the server has admitted it.
    fn promote_attempt(&mut self, now: Duration, with: &Surroundings<'_>, heard: &mut Vec<Heard>) {
        let Some(attempt) = &mut self.attempt else { return };
        while let Some(message) = attempt.poll_control() {
            match message {
                ToClient::Admitted { player } => {
                    self.drop_line();
                    self.line = self.attempt.take();
                    self.player = Some(player);
                    self.reconnections += u32::from(self.was_admitted);
                    (self.was_admitted, self.is_attempt_wanted, self.reason) = (true, false, None);
                    // From here on a takeover is somebody else's.
                    (self.admitted_at, self.own_takeover_until) = (Some(now), None);
                    heard.push(Heard::Control(message));
                    return;
                }
                ToClient::Refused(refusal) => {
                    self.drop_attempt();
                    self.fail(now, Reason::Refused(refusal), with, heard);
                    return;
                }
                _ => {}
            }
        }
        if let Some(end) = attempt.end() {
            let reason = Reason::Link(end.clone());
            self.drop_attempt();
            self.fail(now, reason, with, heard);
        }
    }

    /// Follows the room to where it goes.
    fn cross(&mut self, now: Duration, with: &mut Surroundings<'_>, heard: &mut Vec<Heard>) {
        if let Some(redirect) = self.redirect.take() {
            self.drop_crossing();
            match self.open(now, &redirect.token, with) {
                Ok(line) => (self.crossing, self.crossing_since) = (Some(line), now),
                Err(reason) => tracing::debug!(%reason, "a move of the room cannot be followed"),
            }
        }
        let Some(crossing) = &mut self.crossing else { return };
        while let Some(message) = crossing.poll_control() {
            let is_there = match &message {
                ToClient::Joined(_) => true,
                // Whoever is in no room asks for it there.
                ToClient::Admitted { .. } => self.room.is_none(),
                _ => false,
            };
            if is_there {
                self.arrive(now);
                heard.push(Heard::Control(message));
                return;
            }
        }
        while let Some(payload) = crossing.poll_hot() {
            heard.push(Heard::Hot(payload.to_vec()));
        }
        let is_late = self.line.is_none() && now.saturating_sub(self.crossing_since) > CROSSING_MAX;
        if is_late || crossing.end().is_some() {
            // The room has stayed, or its new node is gone.
            self.drop_crossing();
        }
    }

    /// The room is there: the link to where it was is of no use any more.
    fn arrive(&mut self, now: Duration) {
        for line in [&mut self.line, &mut self.attempt].into_iter().flatten() {
            line.close();
        }
        self.drop_line();
        self.drop_attempt();
        self.line = self.crossing.take();
        self.moves += 1;
        (self.was_admitted, self.is_attempt_wanted, self.reason) = (true, false, None);
        (self.admitted_at, self.own_takeover_until) = (Some(now), None);
        self.backoff.reset();
    }

    fn try_again(&mut self, now: Duration, with: &mut Surroundings<'_>, heard: &mut Vec<Heard>) {
        if !self.backoff.is_due(now) {
            return;
        }
        let ticket = match with.tickets.poll(now) {
            Poll::Pending => return,
            Poll::Ready(ticket) => ticket.map_err(Reason::NoTicket),
        };
        match ticket.and_then(|ticket| self.open(now, &ticket, with)) {
            Ok(line) => {
                self.attempt = Some(line);
                self.own_takeover_until = self.line.as_ref().map(|_| now + OWN_TAKEOVER);
            }
            Err(reason) => self.fail(now, reason, with, heard),
        }
    }

    fn open(&mut self, now: Duration, ticket: &[u8], with: &mut Surroundings<'_>) -> Result<Line, Reason> {
        self.attempts += 1;
        let config = with.config;
        let name = config.player.clone().or_else(|| "player".parse().ok());
        let Some(name) = name else { return Err(Reason::Refused(Refusal::BadMessage)) };
        let hello = ClientHello { name, games: vec![with.rules.clone()] };
        let link = ClientLink::new(ticket, hello, now).map_err(Reason::BadTicket)?;
        let wire =
            with.wires.0.open(link.server_addr()).map_err(|error| Reason::Socket(error.to_string()))?;
        let seed = config.seed.wrapping_mul(0x9e37_79b9).wrapping_add(self.attempts);
        Ok(Line::new(link, wire, config.conditions, seed, now))
    }

    /// Something failed: another attempt later, or none if it cannot help.
    fn fail(&mut self, now: Duration, reason: Reason, with: &Surroundings<'_>, heard: &mut Vec<Heard>) {
        let config = &with.config.reconnect;
        let may_retry = self.backoff.note_failure(now, config);
        let is_over = reason.is_final() || (self.was_admitted && !config.enabled) || !may_retry;
        tracing::debug!(%reason, is_over, "no connection");
        self.reason = Some(reason.clone());
        heard.push(Heard::Failed(reason));
        // A link that is silent may come back; without one, it is over.
        if is_over && self.line.is_none() {
            self.give_up(heard);
        }
    }

    fn give_up(&mut self, heard: &mut Vec<Heard>) {
        let failed = self.backoff.failed();
        if !self.reason.as_ref().is_some_and(Reason::is_final) && failed > 1 {
            self.reason = Some(Reason::GaveUp(failed));
            heard.push(Heard::Failed(Reason::GaveUp(failed)));
        }
        self.hang_up();
    }

    /// The server has said that it closes the link.
    pub(crate) fn note_closing(&mut self, reason: Reason) {
        if reason.is_final() {
            self.reason = Some(reason);
            self.hang_up();
        }
    }

    /// Closes every link; the server holds the seat for a while.
    pub(crate) fn hang_up(&mut self) {
        for line in [&mut self.line, &mut self.attempt].into_iter().flatten() {
            line.close();
        }
        self.drop_line();
        self.drop_attempt();
        self.drop_crossing();
        (self.is_wanted, self.is_attempt_wanted, self.room) = (false, false, None);
        self.leaving_until = None;
        self.lost += std::mem::take(&mut self.unheard).len();
    }

    fn drop_line(&mut self) {
        if let Some(mut line) = self.line.take() {
            self.unheard.append(&mut line.take_unheard());
            self.past_traffic = self.past_traffic.plus(line.traffic);
        }
    }

    fn drop_crossing(&mut self) {
        if let Some(mut line) = self.crossing.take() {
            line.close();
            self.past_traffic = self.past_traffic.plus(line.traffic);
        }
    }

    fn drop_attempt(&mut self) {
        if let Some(line) = self.attempt.take() {
            self.past_traffic = self.past_traffic.plus(line.traffic);
        }
    }
}

impl Default for Connection {
    /// One that nobody has asked for.
    fn default() -> Self {
        Self::new(0)
    }
}

/// What a connection works with.
pub(crate) struct Surroundings<'a> {
    pub(crate) config: &'a ClientConfig,
    pub(crate) tickets: &'a mut Tickets,
    pub(crate) wires: &'a mut Wires,
    pub(crate) rules: &'a GameRules,
    /// Whether a match is played, in which something of the server comes every tick.
    pub(crate) is_playing: bool,
}
