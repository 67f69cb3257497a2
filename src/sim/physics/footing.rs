//! `Footing`, what a character stands on and how that moves; and which platforms hold it.

use super::cast::distance;
use super::hull::P;
use super::manifold::dot;
use super::motion::way_of_tick;
use super::proxy::way_of;
use super::query::{Placed, Stop, apart, placed_part};
use super::rot::Rot;
use super::state::{State, fx_of_speed, is_moving, speed_of_fx, turned};
use super::step::FACING_MIN;
use super::{BodyId, joint_solver};
use crate::fx::clamp_to_i32;
use crate::{Fx, Vec2};

/// Which platforms that hold only from above are met by what moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Platforms {
    /// All, from every side.
    Solid,
    /// Those that it comes to from above.
    FromAbove,
    /// None.
    Open,
}

impl Platforms {
    /// Whether a shape holds what goes a way; `out` is the direction out of it.
    pub(crate) fn hold(self, placed: &Placed, out: P, way: Vec2) -> bool {
        if self == Self::Solid || !placed.kind.blueprint.part.material.one_way {
            return true;
        }
        let up = placed.kind.up(placed.rot);
        let rises = dot(up, way.x.to_bits(), way.y.to_bits()) > 0;
        self == Self::FromAbove && !rises && dot(up, out.0, out.1) >= FACING_MIN
    }
}

/// What a character stands on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Footing {
    /// Nothing for the border of the world.
    pub(crate) body: Option<BodyId>,
    /// How far below it is.
    pub(crate) gap: Fx,
    /// How high the place of it is that is nearest to the character.
    pub(crate) top: Fx,
    /// Units per second of the place that is nearest to the character, its belt included.
    pub(crate) velocity: Vec2,
    /// How far that place goes in a tick.
    pub(crate) way: Vec2,
    /// Whether it holds only what comes from above.
    pub(crate) one_way: bool,
}

impl Footing {
    /// Of what was met `gap` below a character with its middle at a place.
    pub(crate) fn of(state: &State, stop: &Stop, middle: Vec2, gap: Fx) -> Option<Self> {
        let Some(body) = stop.body else {
            return Some(Self::of_border(state, stop, middle, gap));
        };
        let slot = state.slot(body)?;
        let placed = placed_part(state, slot, stop.shape)?;
        let (out, (x, y)) = distance(&placed.hull(), apart(placed.centre, middle));
        let back = |from: Fx, part: i32| {
            Fx::from_wide(i64::from(from.to_bits()) - ((i64::from(part) * out + (1 << 29)) >> 30))
        };
        let nearest = Vec2::new(back(middle.x, x), back(middle.y, y));
        let lever = nearest - state.positions[slot];
        let material = &placed.kind.blueprint.part.material;
        let belt = stop.normal.turned_left() * material.surface_speed;
        let tick = state.desc.tick_seconds();
        let belt_way = |speed: Fx| Fx::from_wide(way_of(speed_of_fx(speed), tick));
        let (velocity, way) = moves(state, slot, lever);
        Some(Self {
            body: Some(body),
            gap,
            top: nearest.y,
            velocity: velocity + belt,
            way: way + Vec2::new(belt_way(belt.x), belt_way(belt.y)),
            one_way: material.one_way,
        })
    }

    const fn of_border(state: &State, stop: &Stop, middle: Vec2, gap: Fx) -> Self {
        let top = if stop.normal.y.to_bits() > 0 {
            Fx::from_bits(-state.desc.half_extent.y.to_bits())
        } else {
            middle.y
        };
        Self { body: None, gap, top, velocity: Vec2::ZERO, way: Vec2::ZERO, one_way: false }
    }
}

/// How a place of a body at `lever` from its middle moves, and how far it goes in a tick if nothing pushes it.
fn moves(state: &State, slot: usize, lever: Vec2) -> (Vec2, Vec2) {
    if !is_moving(state.flags[slot]) {
        return (Vec2::ZERO, Vec2::ZERO);
    }
    let motion = state.motions[slot];
    let swing = |lever: Fx| (i64::from(motion.spin) * i64::from(lever.to_bits())) >> 16;
    let speed = |speed: i32, swing: i64| fx_of_speed(clamp_to_i32(i64::from(speed) + swing));
    let velocity = Vec2::new(speed(motion.x, -swing(lever.y)), speed(motion.y, swing(lever.x)));
    let (way, turn) = way_of_tick(state, slot);
    let swung = turned(joint_solver::turned_by(Rot::NONE, turn), lever) - lever;
    (velocity, way + swung)
}

/// How far a platform goes along its own up in a tick, or against it.
pub(crate) fn lift_of(state: &State, placed: &Placed, at: Vec2) -> (Fx, Vec2) {
    let (_, way) = moves(state, placed.slot, at - state.positions[placed.slot]);
    let lift = dot(placed.kind.up(placed.rot), way.x.to_bits(), way.y.to_bits());
    (Fx::from_wide(lift), way)
}

/// How far down anything goes in a tick, at the most, but for what swings.
pub(crate) fn deepest_fall(state: &State) -> Fx {
    let falls = state.motions.iter().zip(state.flags.iter()).filter(|(_, flags)| is_moving(**flags));
    let fastest = falls.map(|(motion, _)| motion.y.saturating_neg()).max().unwrap_or(0).max(0);
    Fx::from_wide(way_of(fastest, state.desc.tick_seconds()))
}
