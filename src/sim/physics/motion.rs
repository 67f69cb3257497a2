//! How bodies gain and lose speed, move, and bounce off the walls.

use alloc::vec::Vec;

use super::grid::Grid;
use super::state::{BULLET, DYNAMIC, State};
use super::sweep::Bullet;
use crate::{Fx, Vec2};

/// Gravity and damping for one tick.
pub(crate) fn accelerate(state: &mut State) {
    let tick = state.desc.tick_seconds();
    let gravity = travel(state.desc.gravity, tick);
    if gravity == Vec2::ZERO && state.surfaces.iter().all(|surface| surface.drag == 0) {
        return;
    }
    let columns = state.flags.iter().zip(state.surfaces.iter()).zip(state.velocities.iter_mut());
    for ((&flags, &surface), velocity) in columns {
        if flags & DYNAMIC != 0 {
            velocity.x = slowed(velocity.x, surface.drag) + gravity.x;
            velocity.y = slowed(velocity.y, surface.drag) + gravity.y;
        }
    }
}

/// What is left of a speed of which `drag` / 65,536 is lost, the loss rounded to the nearest step.
#[inline]
fn slowed(speed: Fx, drag: u16) -> Fx {
    let lost = (i64::from(speed.to_bits()) * i64::from(drag) + (1 << 15)) >> 16;
    Fx::from_wide(i64::from(speed.to_bits()) - lost)
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

/// Whether any bullet is so fast that it could jump through something.
pub(crate) fn has_fast_bullets(state: &State) -> bool {
    let tick = state.desc.tick_seconds();
    let bullets = state.flags.iter().enumerate().filter(|(_, flags)| **flags & BULLET != 0);
    bullets.map(|(slot, _)| slot).any(|slot| {
        let (way, half) = (travel(state.velocities[slot], tick), state.halves[slot]);
        way.length() > half.x.min(half.y)
    })
}

/// The place that each bullet reaches in one tick, appended to `ends` by slot.
pub(crate) fn aim_bullets(state: &State, grid: &Grid, ends: &mut Vec<(u16, Vec2)>) {
    let tick = state.desc.tick_seconds();
    for slot in 0..state.slots() {
        if state.flags[slot] & BULLET != 0 {
            let way = Bullet::of(state, slot).free_way(state, grid, travel(state.velocities[slot], tick));
            ends.push((slot as u16, state.positions[slot] + way));
        }
    }
}

/// Moves every body by its velocity, and the bullets to where they were found to end; static ones have none.
pub(crate) fn advance(state: &mut State, bullets: &[(u16, Vec2)]) {
    let tick = state.desc.tick_seconds();
    for (position, &velocity) in state.positions.iter_mut().zip(state.velocities.iter()) {
        *position += travel(velocity, tick);
    }
    for &(slot, end) in bullets {
        state.positions[usize::from(slot)] = end;
    }
}

/// Takes back inside who crossed a wall, with the part of the speed that its restitution leaves.
pub(crate) fn bounce_off_walls(state: &mut State) {
    let extent = state.desc.half_extent;
    for slot in 0..state.slots() {
        let (position, half) = (state.positions[slot], state.halves[slot]);
        let crossed = |at: Fx, half: Fx, wall: Fx| at.abs() > wall - half;
        if crossed(position.x, half.x, extent.x) | crossed(position.y, half.y, extent.y) {
            bounce_off_wall(state, slot);
        }
    }
}

#[inline(never)]
fn bounce_off_wall(state: &mut State, slot: usize) {
    if state.flags[slot] & DYNAMIC != 0 {
        let before = state.positions[slot];
        keep_inside(state, slot);
        let beyond = before - state.positions[slot];
        let (bounce, speed_min) = (state.surfaces[slot].bounce, state.desc.bounce_speed_min());
        let velocity = &mut state.velocities[slot];
        bounce_off(&mut velocity.x, beyond.x, bounce, speed_min);
        bounce_off(&mut velocity.y, beyond.y, bounce, speed_min);
    }
}

/// Puts a dynamic body that crossed a wall back inside, without a change of speed. One larger than the world
/// comes to lie in its middle.
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
