//! A first step: every pair is looked at.

use alloc::vec::Vec;

use super::Contact;
use super::state::{ALIVE, DYNAMIC, SENSOR, State};
use crate::{Fx, Vec2};

pub(crate) fn step(state: &mut State, contacts: &mut Vec<Contact>) {
    contacts.clear();
    let tick = state.desc.tick_seconds();
    for a in 0..state.slots() {
        for b in a + 1..state.slots() {
            meet(state, contacts, a, b);
        }
    }
    for slot in 0..state.slots() {
        if state.flags[slot] & DYNAMIC == 0 {
            continue;
        }
        let scale = |part: Fx| Fx::from_wide((i64::from(part.to_bits()) * tick) >> 32);
        let gravity = Vec2::new(scale(state.desc.gravity.x), scale(state.desc.gravity.y));
        let drag = Fx::from_bits(i32::from(state.surfaces[slot].drag));
        let velocity = state.velocities[slot];
        let velocity = velocity - velocity * drag + gravity;
        state.velocities[slot] = velocity;
        state.positions[slot] += Vec2::new(scale(velocity.x), scale(velocity.y));
        if state.desc.walls {
            let limit = state.desc.half_extent - state.halves[slot];
            let inside = state.positions[slot].clamped(-limit, limit);
            if inside.x != state.positions[slot].x {
                state.velocities[slot].x = -velocity.x;
            }
            if inside.y != state.positions[slot].y {
                state.velocities[slot].y = -velocity.y;
            }
            state.positions[slot] = inside;
        }
    }
}

fn meet(state: &mut State, contacts: &mut Vec<Contact>, a: usize, b: usize) {
    let (flags_a, flags_b) = (state.flags[a], state.flags[b]);
    if flags_a & flags_b & ALIVE == 0 || (flags_a | flags_b) & DYNAMIC == 0 {
        return;
    }
    let offset = state.positions[b] - state.positions[a];
    let reach = state.halves[a] + state.halves[b];
    let overlap = Vec2::new(reach.x - offset.x.abs(), reach.y - offset.y.abs());
    if overlap.x < Fx::ZERO || overlap.y < Fx::ZERO || !state.filters[a].meets(state.filters[b]) {
        return;
    }
    let normal = offset.normalized();
    let depth = overlap.x.min(overlap.y);
    let sensor = (flags_a | flags_b) & SENSOR != 0;
    contacts.push(Contact { a: state.id(a), b: state.id(b), normal, depth, impulse: Fx::ZERO, sensor });
    if sensor {
        return;
    }
    let speed = (state.velocities[b] - state.velocities[a]).dot(normal);
    let push = normal * (depth * Fx::HALF);
    let change = normal * speed;
    if flags_a & DYNAMIC != 0 {
        state.positions[a] -= push;
        state.velocities[a] += if speed < Fx::ZERO { change } else { Vec2::ZERO };
    }
    if flags_b & DYNAMIC != 0 {
        state.positions[b] += push;
        state.velocities[b] -= if speed < Fx::ZERO { change } else { Vec2::ZERO };
    }
}
