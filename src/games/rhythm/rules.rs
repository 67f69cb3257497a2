//! The rules: what happens in one tick, in which order, and when it is over.

use framekeep_sim::{Frame, Outcome, SeatScore};

use crate::rhythm::judgement::{EARLY_RELEASE_EIGHTHS, GOOD_EIGHTHS};
use crate::rhythm::{
    EIGHTHS_PER_TICK, Judgement, LanePlay, Note, RhythmContent, RhythmEvent, RhythmInput, RhythmPlayer,
    RhythmState,
};

/// Ticks of a second: the times of songs are meant for this rate. A room that runs at another tick rate plays the
/// same song slower or faster.
pub const TICKS_PER_S: u32 = 30;

/// One tick. A match that is over stays as it is.
pub(crate) fn step(
    content: &RhythmContent,
    state: &mut RhythmState,
    frame: &Frame,
    events: &mut Vec<RhythmEvent>,
) {
    if is_over(content, state) {
        return;
    }
    let start = state.tick.saturating_mul(EIGHTHS_PER_TICK);
    for (seat, player) in (0..=u8::MAX).zip(&mut state.players) {
        let input: RhythmInput = frame.input(seat);
        let mut turn = Turn { seat, start, input, player, events };
        for (lane, notes) in (0..).zip(&content.lanes) {
            turn.play_lane(lane, notes);
        }
        player.pressed = input.lanes();
    }
    state.tick = state.tick.saturating_add(1);
}

/// The result, once the song is over.
pub(crate) fn outcome(content: &RhythmContent, state: &RhythmState) -> Option<Outcome> {
    if !is_over(content, state) {
        return None;
    }
    let hits = content.hits();
    let scores: Vec<i32> = state.players.iter().map(|player| player.score(hits)).collect();
    let best = scores.iter().max()?;
    let mut leaders = (0..).zip(&scores).filter(|&(_, score)| score == best);
    let winner = leaders.next().map(|(seat, _)| seat).filter(|_| leaders.next().is_none());
    Some(Outcome { scores, winner })
}

/// How every seat stands.
pub(crate) fn scores(content: &RhythmContent, state: &RhythmState, out: &mut Vec<SeatScore>) {
    let hits = content.hits();
    out.extend((0..=u8::MAX).zip(&state.players).map(|(seat, player)| SeatScore {
        seat,
        score: player.score(hits).into(),
        combo: player.combo,
        accuracy_permille: player.accuracy_permille(),
    }));
}

fn is_over(content: &RhythmContent, state: &RhythmState) -> bool {
    state.tick >= content.ticks()
}

/// One seat in one tick.
struct Turn<'a> {
    seat: u8,
    /// When the tick starts, in eighths.
    start: u32,
    input: RhythmInput,
    player: &'a mut RhythmPlayer,
    events: &'a mut Vec<RhythmEvent>,
}

impl Turn<'_> {
    /// First what the player did, then what the time that passes does.
    fn play_lane(&mut self, lane: u8, notes: &[Note]) {
        let bit = 1 << lane;
        let (was, is) = (self.player.pressed & bit != 0, self.input.lanes() & bit != 0);
        let now = self.start.saturating_add(self.input.offset().into());
        if !is {
            self.release(lane, now);
        } else if !was {
            self.miss_before(lane, notes, now);
            self.strike(lane, notes, now);
        }
        let end = self.start.saturating_add(EIGHTHS_PER_TICK);
        if self.lane(lane).hold_end.is_some_and(|hold_end| hold_end < end) {
            self.complete(lane);
        }
        self.miss_before(lane, notes, end);
    }

    fn strike(&mut self, lane: u8, notes: &[Note], now: u32) {
        let next = self.lane(lane).next;
        let near = notes.get(next as usize).filter(|note| note.at.abs_diff(now) <= GOOD_EIGHTHS);
        let Some(note) = near else {
            self.player.strays = self.player.strays.saturating_add(1);
            return self.break_combo();
        };
        *self.lane(lane) =
            LanePlay { next: next.saturating_add(1), hold_end: note.is_hold().then_some(note.end()) };
        let late = i64::from(now) - i64::from(note.at);
        self.judge(lane, Judgement::of(note.at.abs_diff(now)), late as i8);
    }

    /// Nothing if no hold is being kept.
    fn release(&mut self, lane: u8, now: u32) {
        let Some(hold_end) = self.lane(lane).hold_end else { return };
        if now.saturating_add(EARLY_RELEASE_EIGHTHS) >= hold_end {
            self.complete(lane);
        } else {
            self.lane(lane).hold_end = None;
            self.drop_hold(lane);
        }
    }

    fn complete(&mut self, lane: u8) {
        self.lane(lane).hold_end = None;
        self.player.complete();
        self.events.push(RhythmEvent::HoldCompleted { seat: self.seat, lane });
    }

    /// Every note that a stroke at `time` would come too late for.
    fn miss_before(&mut self, lane: u8, notes: &[Note], time: u32) {
        while let Some(note) = notes.get(self.lane(lane).next as usize) {
            if note.at.saturating_add(GOOD_EIGHTHS) >= time {
                return;
            }
            self.lane(lane).next += 1;
            self.judge(lane, Judgement::Miss, 0);
            if note.is_hold() {
                self.drop_hold(lane);
            }
        }
    }

    fn judge(&mut self, lane: u8, judgement: Judgement, late_eighths: i8) {
        self.player.count(judgement);
        self.events.push(RhythmEvent::Judged { seat: self.seat, lane, judgement, late_eighths });
        if judgement == Judgement::Miss {
            self.break_combo();
        }
    }

    fn drop_hold(&mut self, lane: u8) {
        self.player.dropped = self.player.dropped.saturating_add(1);
        self.events.push(RhythmEvent::HoldDropped { seat: self.seat, lane });
        self.break_combo();
    }

    fn break_combo(&mut self) {
        let combo = core::mem::take(&mut self.player.combo);
        if combo > 0 {
            self.events.push(RhythmEvent::ComboBroken { seat: self.seat, combo });
        }
    }

    const fn lane(&mut self, lane: u8) -> &mut LanePlay {
        &mut self.player.lanes[lane as usize]
    }
}
