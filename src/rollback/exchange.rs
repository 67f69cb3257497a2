//! `Exchange`, a match's packets both ways and the clock that paces them; what full and thin clients share.

use core::time::Duration;

use framekeep_protocol::{FramesHead, InputHead, MatchStart, Redundancy, SPECTATOR_SEAT};
use framekeep_sim::{Frame, Mark, Tick};

use crate::limits::{ADVANCE_TICKS_MAX, GAP_PATIENCE, SNAPSHOT_REQUEST_EVERY};
use crate::{FrameStream, InputSender, LeadClock, MatchStats, RollbackConfig, StreamError};

/// A match's packets both ways and the clock that paces them.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) stream: FrameStream,
    pub(crate) sender: InputSender,
    pub(crate) clock: LeadClock,
    pub(crate) stats: MatchStats,
    /// `None` for a spectator.
    pub(crate) seat: Option<u8>,
    /// No state to go on from yet: a late joiner before his snapshot.
    pub(crate) waiting: bool,
    end: Option<Tick>,
    send_every: u32,
    /// The server has spoken of every input below this.
    heard: Tick,
    /// When the last packet was sent, and the tick the next input was for then.
    sent: Option<(Duration, Tick)>,
    /// How often packets are sent again, and how many copies of the last one were.
    redundancy: Redundancy,
    copied: u8,
    /// Whether the packet before brought frames: one that brings more than are sent at a time then has a gap before it.
    follows: bool,
    /// Until when the server is told of a gap.
    gap_told_until: Duration,
    gap_since: Option<Duration>,
    /// Whether the server says that the match stands still.
    paused: bool,
    /// How many ticks behind the server only a snapshot helps.
    catch_up_ticks_max: u32,
    behind: bool,
    asked_at: Option<Duration>,
}

/// For how long the server is told of a gap, in every packet: the first may be lost too.
const GAP_TOLD: Duration = Duration::from_millis(100);
/// Longest round trip that is believed at the start.
const RTT_MAX: Duration = Duration::from_secs(2);

/// The first input that still reaches the server before its tick is committed, and when it is due here: a round trip
/// (the announcement's way and the input's) and the margin before that.
fn first_input(start: &MatchStart, now: Duration, rtt: Duration, margin_eighths: u32) -> (Tick, Duration) {
    let period = Duration::from_secs(1) / u32::from(start.tick_rate_hz.max(1));
    let ahead = rtt + period * margin_eighths / 8;
    let due_in = Duration::from_micros(start.due_in_us.into());
    match due_in.checked_sub(ahead) {
        Some(wait) => (start.next, now + wait),
        None => {
            let missed = (ahead - due_in).as_nanos().div_ceil(period.as_nanos().max(1));
            (start.next.later(missed as u32), now)
        }
    }
}

impl Exchange {
    /// `rtt` is what is known of the round trip; too much only makes the first inputs early.
    pub(crate) fn new(start: &MatchStart, config: &RollbackConfig, now: Duration, rtt: Duration) -> Self {
        let send_every = u32::from(start.send_every_ticks.max(1));
        let rate = start.tick_rate_hz.max(1);
        let margin = config.lead_margin_eighths + 8 * (send_every - 1);
        let (first, at) = first_input(start, now, rtt.min(RTT_MAX), margin);
        let first = first.later(config.input_delay_ticks);
        let bits = u32::from(start.input_bits);
        Self {
            stream: FrameStream::new(start.epoch, start.seats, bits),
            sender: InputSender::new(bits, first),
            clock: LeadClock::new(rate, config.lead_margin_eighths, config.drift_permille_max, first, at)
                .batched(send_every),
            stats: MatchStats::default(),
            seat: (start.seat != SPECTATOR_SEAT).then_some(start.seat),
            waiting: start.next > Tick(0),
            end: None,
            send_every,
            heard: Tick(0),
            sent: None,
            redundancy: Redundancy::default(),
            copied: 0,
            follows: false,
            gap_told_until: Duration::ZERO,
            gap_since: None,
            paused: false,
            catch_up_ticks_max: config.catch_up_ticks_max,
            behind: false,
            asked_at: None,
        }
    }

    /// Reads a packet of frames and hands each new frame on.
    pub(crate) fn handle_frames(
        &mut self,
        now: Duration,
        packet: &[u8],
        mut deliver: impl FnMut(&Frame),
    ) -> Result<(), StreamError> {
        let Self { stream, sender, clock, stats, seat, redundancy, .. } = self;
        let mut is_late = false;
        let before = stream.next();
        let result = stream.receive(packet, |frame| {
            stats.frames += 1;
            is_late |= note_own_input(*seat, frame, now, sender, stats);
            deliver(frame);
        });
        if is_late {
            // It was lost, or the last path was longer than any lately: of that the clock learns by itself. If it
            // happens in spite of copies, it does not know enough.
            if redundancy.wanted() > 0 {
                clock.late();
            }
            redundancy.note_loss(now);
        }
        let brought = stream.next().since(before);
        if brought > 0 {
            if self.follows && brought > self.send_every {
                self.gap_told_until = now + GAP_TOLD;
            }
            (self.waiting, self.gap_since, self.follows) = (false, None, true);
            self.sender.forget_before(self.stream.next());
            self.clock.committed(now, self.stream.next());
        }
        self.behind = self.is_behind(now);
        match result {
            Ok(head) => self.note_head(now, &head),
            Err(error) => {
                self.stats.packets_refused += 1;
                if matches!(error, StreamError::Gap { .. }) {
                    self.gap_since.get_or_insert(now);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    fn note_head(&mut self, now: Duration, head: &FramesHead) {
        (self.gap_since, self.paused) = (None, head.paused);
        self.sender.forget_before(head.input_next);
        // The lead is that of the newest input the server has; it is news once for each.
        let newest = head.input_next.earlier(1);
        if head.input_next <= self.heard {
            return;
        }
        let Some(made) = self.sender.made_at(newest) else { return };
        self.heard = head.input_next;
        let (rtt, age) = (self.stats.rtt, now.saturating_sub(made));
        self.stats.rtt = if rtt.is_zero() { age } else { (rtt * 7 + age) / 8 };
        self.stats.lead_eighths = head.lead;
        if self.clock.feedback(newest, head.lead) {
            self.redundancy.note_loss(now);
        }
    }

    /// Goes on from a snapshot: every frame below `tick` is taken care of.
    pub(crate) fn restart(&mut self, now: Duration, tick: Tick, before: &Frame) {
        self.stats.frames_skipped += u64::from(tick.since(self.stream.next()));
        self.stream.restart(tick, before);
        (self.waiting, self.gap_since, self.behind, self.follows) = (false, None, false, false);
        self.sender.forget_before(tick);
        self.clock.committed(now, tick);
    }

    /// The tick of the next input if it is due and below `limit`; lets the clock advance.
    pub(crate) fn input_due(&mut self, now: Duration, limit: Tick) -> Option<Tick> {
        self.clock.advance(now);
        self.sender.skip_to(self.stream.next());
        if let Some(due) = self.clock.due(now)
            && due.since(self.sender.next()) > ADVANCE_TICKS_MAX
        {
            // After a pause: inputs for ticks long committed help nobody.
            self.sender.skip_to(due);
        }
        let tick = self.sender.next();
        let open = self.seat.is_some() && !self.waiting && self.end.is_none_or(|end| tick < end);
        (open && tick < limit && self.clock.due(now) >= Some(tick)).then_some(tick)
    }

    /// Adds the input of the next tick.
    pub(crate) fn push(&mut self, now: Duration, bits: u64) {
        self.clock.made(now, self.sender.next());
        self.sender.push(now, bits);
    }

    /// Appends the packet that is due, if one is: one for every `send_every` ticks of input, or to stay in touch.
    pub(crate) fn poll_transmit(&mut self, now: Duration, hash: Option<u32>, out: &mut Vec<u8>) -> bool {
        let next = self.sender.next();
        let due = self.sent.is_none_or(|(at, upto)| {
            next.since(upto) >= self.send_every || now.saturating_sub(at) >= self.touch_every()
        });
        let again = !due && self.copy_due(now);
        self.copied = if due { 0 } else { self.copied + u8::from(again) };
        if due {
            self.sent = Some((now, next));
        }
        if due || again {
            let (epoch, ack, gap) = (self.stream.epoch(), self.stream.next(), now < self.gap_told_until);
            self.sender.write(InputHead { epoch, newest: ack, ack, hash, gap }, out);
        }
        due || again
    }

    /// Whether another copy of the last packet is due: while inputs are under way that the server may not have.
    fn copy_due(&mut self, now: Duration) -> bool {
        self.copied < self.redundancy.copies(now)
            && self.sender.has_unacknowledged()
            && self.copy_at().is_some_and(|at| now >= at)
    }

    fn copy_at(&self) -> Option<Duration> {
        let interval = self.clock.period() * self.send_every;
        self.sent.map(|(at, _)| at + Redundancy::copy_after(interval, self.copied + 1))
    }

    /// When there will be something to do if nothing arrives until then.
    pub(crate) fn wake_at(&self, limit: Tick) -> Duration {
        let mut touch = self.sent.map_or(Duration::ZERO, |(at, _)| at + self.touch_every());
        if self.copied < self.redundancy.wanted() && self.sender.has_unacknowledged() {
            touch = touch.min(self.copy_at().unwrap_or(touch));
        }
        let next = self.sender.next();
        let open = self.seat.is_some() && !self.waiting && self.end.is_none_or(|end| next < end);
        if open && next < limit { touch.min(self.clock.due_at(next)) } else { touch }
    }

    /// Whether a snapshot should be asked for now. Says so at most once a second.
    pub(crate) fn needs_snapshot(&mut self, now: Duration) -> bool {
        let gap = self.gap_since.is_some_and(|since| now.saturating_sub(since) >= GAP_PATIENCE);
        let asks = (gap || self.behind) && !self.has_asked(now);
        if asks {
            self.asked_at = Some(now);
        }
        asks
    }

    /// Whether so many frames are missing that a snapshot is quicker. The server is about as far as the clock, which
    /// was set ahead of it by less than a round trip.
    fn is_behind(&self, now: Duration) -> bool {
        let Some(due) = self.clock.due(now) else { return false };
        let newest = self.end.map_or(due, |end| due.min(end));
        !self.waiting && newest.since(self.stream.next()) > self.catch_up_ticks_max
    }

    /// Whether a snapshot is on its way that makes frames older than it useless.
    pub(crate) fn awaits_snapshot(&self, now: Duration) -> bool {
        self.behind && self.has_asked(now)
    }

    fn has_asked(&self, now: Duration) -> bool {
        self.asked_at.is_some_and(|at| now.saturating_sub(at) < SNAPSHOT_REQUEST_EVERY)
    }

    /// Whether the server says that the match stands still.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused
    }

    /// The match has `ticks` frames and no more.
    pub(crate) fn finish(&mut self, ticks: Tick) {
        self.end = Some(ticks);
    }

    /// How many frames the match has, once it is over.
    pub(crate) fn end(&self) -> Option<Tick> {
        self.end
    }

    /// Whether every frame of the ended match is here.
    pub(crate) fn is_complete(&self) -> bool {
        self.end.is_some_and(|end| self.stream.next() >= end)
    }

    /// How long to stay silent when there is no input to send.
    fn touch_every(&self) -> Duration {
        let intervals = if self.seat.is_some() { 2 } else { 1 };
        self.clock.period() * self.send_every * intervals
    }
}

/// What a committed frame says about the own input: whether it was late.
fn note_own_input(
    seat: Option<u8>,
    frame: &Frame,
    now: Duration,
    sender: &InputSender,
    stats: &mut MatchStats,
) -> bool {
    let Some((seat, made)) = seat.zip(sender.made_at(frame.tick)) else { return false };
    let is_late = frame.seat(seat).mark != Mark::Arrived;
    if is_late {
        stats.inputs_late += 1;
    } else {
        stats.confirm_us.record(now.saturating_sub(made).as_micros() as u64);
    }
    is_late
}
