//! The view: what a spectator draws. The notes of the next two seconds come down four lanes to a line at height 0.

use framekeep_sim::{View, ViewBody};

use crate::rhythm::content::LANES;
use crate::rhythm::rules::TICKS_PER_S;
use crate::rhythm::{EIGHTHS_PER_TICK, Note, RhythmContent, RhythmState};

/// What a body of a view is: its [`ViewBody::kind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A note to strike, for everybody.
    Tap = 0,
    /// A note to keep pressed, for everybody: from its bottom to its top.
    Hold = 1,
    /// A lane that a player presses; its `seat` is set.
    Key = 2,
}

/// How far ahead a view looks.
const AHEAD_EIGHTHS: u32 = 2 * TICKS_PER_S * EIGHTHS_PER_TICK;
/// One world unit in a view's numbers.
const UNIT: i32 = 1 << 16;
/// How high an eighth of a tick is: five units are a second.
const EIGHTH_HEIGHT: i32 = 5 * UNIT / (TICKS_PER_S * EIGHTHS_PER_TICK) as i32;
const HALF_WIDTH: i32 = UNIT * 2 / 5;
const HALF_HEIGHT: i32 = UNIT / 8;
/// The seat of what belongs to nobody.
const NOBODY: u8 = u8::MAX;
/// Ids of keys lie above those of notes.
const KEY_ID: u32 = 1 << 24;

pub(crate) fn view(content: &RhythmContent, state: &RhythmState, view: &mut View) {
    view.ticks_left = content.ticks().saturating_sub(state.tick);
    let hits = content.hits();
    view.scores.extend(state.players.iter().map(|player| player.score(hits)));
    let now = state.tick.saturating_mul(EIGHTHS_PER_TICK);
    for (lane, notes) in content.lanes.iter().enumerate() {
        let first = notes.partition_point(|note| note.end() < now);
        let seen = (first..).zip(&notes[first..]);
        let near = seen.take_while(|(_, note)| note.at <= now.saturating_add(AHEAD_EIGHTHS));
        view.bodies.extend(near.map(|(index, note)| note_body(lane, index, *note, now)));
    }
    for (seat, player) in (0..=u8::MAX).zip(&state.players) {
        let pressed = (0..LANES).filter(|lane| player.pressed >> lane & 1 == 1);
        view.bodies.extend(pressed.map(|lane| key_body(lane, seat)));
    }
}

/// A hold that is on is cut off at the line.
fn note_body(lane: usize, index: usize, note: Note, now: u32) -> ViewBody {
    let (bottom, top) = (height(note.at.saturating_sub(now)), height(note.end().saturating_sub(now)));
    let kind = if note.is_hold() { Kind::Hold } else { Kind::Tap };
    ViewBody {
        id: (lane as u32) << 16 | index as u32,
        kind: kind as u8,
        seat: NOBODY,
        x: lane as i32 * UNIT,
        y: bottom / 2 + top / 2,
        angle: 0,
        half_width: HALF_WIDTH,
        half_height: (top / 2 - bottom / 2).max(HALF_HEIGHT),
    }
}

/// Below the line, a row for each seat.
fn key_body(lane: usize, seat: u8) -> ViewBody {
    ViewBody {
        id: KEY_ID | u32::from(seat) << 8 | lane as u32,
        kind: Kind::Key as u8,
        seat,
        x: lane as i32 * UNIT,
        y: -(1 + i32::from(seat)) * UNIT / 2,
        angle: 0,
        half_width: HALF_WIDTH,
        half_height: HALF_HEIGHT,
    }
}

const fn height(eighths: u32) -> i32 {
    (eighths as i32).saturating_mul(EIGHTH_HEIGHT)
}
