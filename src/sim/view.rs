//! `View`, what a spectator draws.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

/// One thing to draw. Lengths are in 1/65,536 of a world unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewBody {
    /// Stable for the life of the body.
    pub id: u32,
    /// What it is; the game's documentation lists its kinds.
    pub kind: u8,
    /// The seat it belongs to, or 255.
    pub seat: u8,
    /// Centre, horizontal.
    pub x: i32,
    /// Centre, vertical (up is positive).
    pub y: i32,
    /// Which way it points, in 1/65,536 of a turn, counter-clockwise from the right (see [`Angle`](crate::Angle)).
    pub angle: u16,
    /// Half width, or radius.
    pub half_width: i32,
    /// Half height; equals `half_width` for circles.
    pub half_height: i32,
}

/// What a spectator draws after a tick.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Everything with a place, in a stable order.
    pub bodies: Vec<ViewBody>,
    /// The score of each seat, in seat order.
    pub scores: Vec<i32>,
    /// Ticks until the match ends by time; 0 if it has no limit.
    pub ticks_left: u32,
}

impl View {
    /// Empties the view and keeps its memory.
    pub fn clear(&mut self) {
        self.bodies.clear();
        self.scores.clear();
        self.ticks_left = 0;
    }
}
