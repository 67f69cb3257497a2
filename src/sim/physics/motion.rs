//! How bodies gain and lose speed, move, and bounce off the walls.

use super::grid::Grid;
use super::state::{BULLET, DYNAMIC, State};
use super::sweep::Bullet;
use crate::{Fx, Vec2};

/// Gravity and damping for one tick.
pub(crate) fn accelerate(state: &mut State) {
    let tick = state.desc.tick_seconds();
    let gravity = Vec2::new(per_tick(state.desc.gravity.x, tick), per_tick(state.desc.gravity.y, tick));
    let columns = state.flags.iter().zip(state.surfaces.iter()).zip(state.velocities.iter_mut());
    for ((&flags, &surface), velocity) in columns {
        if flags & DYNAMIC != 0 {
            let kept = |part: Fx| {
                let part = part.to_bits();
                part.wrapping_sub(((i64::from(part) * i64::from(surface.drag) + (1 << 15)) >> 16) as i32)
            };
            velocity.x = Fx::from_bits(kept(velocity.x)) + gravity.x;
            velocity.y = Fx::from_bits(kept(velocity.y)) + gravity.y;
        }
    }
}

/// The part of a value per second that falls on one tick, rounded to the nearest step.
#[inline]
fn per_tick(value: Fx, tick_seconds: i64) -> Fx {
    Fx::from_wide((i64::from(value.to_bits()) * tick_seconds + (1 << 31)) >> 32)
}

/// How far a velocity goes in one tick.
#[inline]
pub(crate) fn travel(velocity: Vec2, tick_seconds: i64) -> Vec2 {
    Vec2::new(per_tick(velocity.x, tick_seconds), per_tick(velocity.y, tick_seconds))
}

/// Moves every body by its velocity; static ones have none.
pub(crate) fn advance(state: &mut State, grid: &Grid) {
    let tick = state.desc.tick_seconds();
    let columns = state.positions.iter_mut().zip(state.velocities.iter()).zip(state.flags.iter()).enumerate();
    for (slot, ((position, &velocity), &flags)) in columns {
        let mut way = travel(velocity, tick);
        if flags & BULLET != 0 {
            let filter = state.filters[slot];
            let bullet = Bullet { slot, position: *position, half: state.halves[slot], flags, filter };
            way = bullet.free_way(grid, way);
        }
        *position += way;
    }
}

/// Takes back inside who crossed a wall, with the part of the speed that its restitution leaves.
pub(crate) fn bounce_off_walls(state: &mut State) {
    let extent = state.desc.half_extent;
    let speed_min = state.desc.bounce_speed_min();
    for slot in 0..state.slots() {
        let (position, half) = (state.positions[slot], state.halves[slot]);
        let crossed = |at: Fx, half: Fx, wall: Fx| at.abs() > wall - half;
        if !(crossed(position.x, half.x, extent.x) | crossed(position.y, half.y, extent.y)) {
            continue;
        }
        if state.flags[slot] & DYNAMIC != 0 {
            keep_inside(state, slot);
            let (inside, bounce) = (state.positions[slot], state.surfaces[slot].bounce);
            let velocity = &mut state.velocities[slot];
            bounce_off(&mut velocity.x, position.x - inside.x, bounce, speed_min);
            bounce_off(&mut velocity.y, position.y - inside.y, bounce, speed_min);
        }
    }
}

/// Puts a dynamic body that crossed a wall back inside, without a change of speed. One larger than the world comes
/// to lie in its middle.
pub(crate) fn keep_inside(state: &mut State, slot: usize) {
    if state.flags[slot] & DYNAMIC != 0 {
        let limit = state.desc.half_extent - state.halves[slot];
        let limit = Vec2::new(limit.x.max(Fx::ZERO), limit.y.max(Fx::ZERO));
        state.positions[slot] = state.positions[slot].clamped(-limit, limit);
    }
}

/// One direction of a bounce off a wall, which the body crossed by `beyond`.
fn bounce_off(velocity: &mut Fx, beyond: Fx, bounce: u16, speed_min: Fx) {
    if beyond != Fx::ZERO && velocity.signum() == beyond.signum() {
        let fast = velocity.abs() > speed_min;
        let speed = (i64::from(velocity.to_bits()) * i64::from(bounce)) >> 15;
        *velocity = if fast { -Fx::from_wide(speed) } else { Fx::ZERO };
    }
}
