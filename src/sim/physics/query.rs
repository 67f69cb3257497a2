//! Questions about what is where.

use alloc::vec::Vec;

use super::BodyId;
use super::state::{ALIVE, BOX, State};
use crate::{Fx, Vec2};

/// Appends the bodies in any of `layers` that overlap a disc, by index.
pub(crate) fn overlap_circle(state: &State, centre: Vec2, radius: Fx, layers: u16, found: &mut Vec<BodyId>) {
    let radius = radius.max(Fx::ZERO);
    for slot in 0..state.slots() {
        let flags = state.flags[slot];
        if flags & ALIVE == 0 || state.filters[slot].layer & layers == 0 {
            continue;
        }
        let (position, half) = (state.positions[slot], state.halves[slot]);
        let touches = if flags & BOX == 0 {
            position.is_within(centre, half.x + radius)
        } else {
            centre.is_within(centre.clamped(position - half, position + half), radius)
        };
        if touches {
            found.push(state.id(slot));
        }
    }
}
