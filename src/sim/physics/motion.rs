//! How bodies gain and lose speed, and move.

use alloc::vec::Vec;

use super::blueprint::{LOCK_X, LOCK_Y};
use super::lanes::Vector;
use super::row::{Offset, Velocity};
use super::state::{ALIVE, DYNAMIC, State, is_moving};
use crate::fx::clamp_to_i32;
use crate::{Fx, Vec2};

mod store;

/// Farthest way in a substep, in 1/2²⁴: 100 units.
const WAY_MAX: i64 = 100 << 24;
/// The least turn in a tick of what is pushed and stays where it is, in 1/2²⁴: 1/131,072, half a step of a place at a
/// lever of one.
const TURN_MIN: u32 = 1 << 7;
/// The body is not among those that are solved.
const FREE: u32 = u32::MAX;

/// The bodies that push or are pushed in a step, one after the other; the first is the border and all that is static.
/// All others glide on their own.
#[derive(Debug, Default)]
pub(crate) struct Movers {
    pub(crate) velocities: Vec<Velocity>,
    pub(crate) offsets: Vec<Offset>,
    /// What gravity and forces add in a substep; empty without either.
    pulls: Vec<[i32; 4]>,
    /// The velocities before anything pushed in this substep.
    free: Vec<Velocity>,
    /// Bodies that are held in a direction, and in which.
    held: Vec<(u32, u8)>,
    /// By slot.
    index: Vec<u32>,
    /// By number, the slot; of the first one there is none.
    slots: Vec<u16>,
    laws: Laws,
}

/// What is the same for all bodies of a step.
#[derive(Clone, Copy, Debug, Default)]
struct Laws {
    /// Speed that a substep adds, in 1/2²⁰.
    gravity: [i64; 2],
    /// Whether the game pulls at bodies.
    forced: bool,
    substeps: u8,
    /// In 1/2³⁰ of a second.
    substep: i32,
    /// What is faster goes no farther.
    speed_max: i32,
}

/// How a body moves by itself.
#[derive(Clone, Copy)]
struct Glide {
    velocity: Velocity,
    /// What is added in a substep to both speeds and to the spin.
    pull: [i32; 3],
    locks: u8,
}

impl Laws {
    fn of(state: &State) -> Self {
        let substep = state.desc.substep_seconds();
        let gravity = [state.desc.gravity.x, state.desc.gravity.y]
            .map(|part| ((i128::from(part.to_bits()) * i128::from(substep)) >> 28) as i64);
        let short = (substep >> 2).max(1);
        let speed_max = ((WAY_MAX << 26) / short).min(i64::from(i32::MAX)) as i32;
        let (forced, substeps) = (state.pulls_any(0, state.slots()), state.desc.substeps);
        Self { gravity, forced, substeps, substep: short as i32, speed_max }
    }

    fn pulls(&self) -> bool {
        self.forced || self.gravity != [0, 0]
    }

    /// The way of a substep, in 1/2²⁴.
    #[inline(always)]
    fn way(&self, speed: i32) -> i32 {
        let speed = i64::from(speed.clamp(-self.speed_max, self.speed_max));
        ((speed * i64::from(self.substep) + (1 << 25)) >> 26) as i32
    }

    /// Several of them at once.
    #[inline(always)]
    fn ways(&self, speeds: Vector) -> Vector {
        speeds.within(Vector::splat(self.speed_max)).times(Vector::splat(self.substep)).narrow::<26, 6>()
    }

    #[inline(always)]
    fn advance(&self, offset: &mut Offset, velocity: &Velocity) {
        offset.x = offset.x.saturating_add(self.way(velocity.x));
        offset.y = offset.y.saturating_add(self.way(velocity.y));
        offset.turn = offset.turn.saturating_add(self.way(velocity.spin));
    }

    /// How a body moves by itself and by what pulls it, less what damping takes in a tick.
    #[inline(always)]
    fn glide(&self, state: &State, slot: usize) -> Glide {
        let motion = state.motions[slot];
        let velocity = Velocity { x: motion.x, y: motion.y, spin: motion.spin, unused: 0 };
        let mut glide = Glide { velocity, pull: [0; 3], locks: 0 };
        if state.flags[slot] & DYNAMIC != 0 {
            let plan = state.blueprints.brief(state.kinds[slot]);
            if plan.drag | plan.spin_drag != 0 {
                glide.velocity = slowed(velocity, plan.drag, plan.spin_drag);
            }
            let scale = i64::from(plan.gravity_scale.to_bits());
            if self.gravity != [0, 0] {
                let [x, y] = self.gravity.map(|part| clamp_to_i32((part * scale) >> 16));
                glide.pull = [x, y, 0];
            }
            if self.forced
                && let Some(force) = state.force(slot)
            {
                let gravity = state.desc.gravity;
                let gravity = [gravity.x, gravity.y].map(|part| i64::from(part.to_bits()) * scale);
                let gain = force.gain(&state.masses[slot], gravity, state.desc.tick_seconds());
                glide.gain(gain, self.substeps, plan.locks);
            }
            glide.locks = plan.locks & (LOCK_X | LOCK_Y);
        }
        glide
    }

    /// The ways of a tick at one speed each, in whole steps of positions.
    #[inline(always)]
    fn tick_ways(&self, speeds: Vector) -> Vector {
        let ways = speeds.times(Vector::splat(self.substep)).narrow::<26, 6>();
        let ways = ways.times_low(Vector::splat(i32::from(self.substeps)));
        ways.shr::<8>() + (ways.shr::<7>() & Vector::splat(1))
    }

    /// A tick of what nothing pushes.
    #[inline(always)]
    fn run(&self, glide: Glide) -> (Velocity, Offset) {
        let Glide { mut velocity, pull, locks } = glide;
        let mut offset = Offset::default();
        velocity.hold(locks);
        if pull == [0; 3] {
            let way = |speed: i32| clamp_to_i32(i64::from(self.way(speed)) * i64::from(self.substeps));
            let (x, y, turn) = (way(velocity.x), way(velocity.y), way(velocity.spin));
            return (velocity, Offset { x, y, turn, ..Offset::default() });
        }
        for _ in 0..self.substeps {
            velocity.x = velocity.x.saturating_add(pull[0]);
            velocity.y = velocity.y.saturating_add(pull[1]);
            velocity.spin = velocity.spin.saturating_add(pull[2]);
            velocity.hold(locks);
            self.advance(&mut offset, &velocity);
        }
        (velocity, offset)
    }
}

impl Glide {
    /// Is pulled so that both speeds and the spin gain that in a tick; what is too little for all substeps is there at
    /// once. In a direction in which it is held gravity alone pulls, as always: nobody is to meet what a force would
    /// make of it.
    fn gain(&mut self, gain: [i32; 3], substeps: u8, locks: u8) {
        let substeps = i32::from(substeps.max(1));
        let Velocity { x, y, spin, .. } = &mut self.velocity;
        let speeds = [(x, LOCK_X), (y, LOCK_Y), (spin, 0)];
        for ((pull, gain), (speed, lock)) in self.pull.iter_mut().zip(gain).zip(speeds) {
            if locks & lock == 0 {
                *pull = gain / substeps;
                *speed = speed.saturating_add(gain % substeps);
            }
        }
    }
}

impl Velocity {
    /// Takes the speed from what is held in a direction.
    #[inline(always)]
    const fn hold(&mut self, locks: u8) {
        self.x = if locks & LOCK_X == 0 { self.x } else { 0 };
        self.y = if locks & LOCK_Y == 0 { self.y } else { 0 };
    }
}

impl Movers {
    /// Forgets all bodies.
    pub(crate) fn begin(&mut self, state: &State) {
        self.index.clear();
        self.index.resize(state.slots(), FREE);
        self.slots.clear();
        self.slots.reserve(state.slots() + 1);
        self.slots.push(u16::MAX);
        self.clear(state);
    }

    /// The same bodies as in the step before, which are of the same kinds, as they move now.
    pub(crate) fn begin_again(&mut self, state: &State) {
        self.clear(state);
        for number in 1..self.slots.len() {
            self.push(state, self.slots[number]);
        }
    }

    fn clear(&mut self, state: &State) {
        self.laws = Laws::of(state);
        self.velocities.clear();
        self.offsets.clear();
        self.pulls.clear();
        self.held.clear();
        self.velocities.reserve(state.slots() + 1);
        self.offsets.reserve(state.slots() + 1);
        self.free.reserve(state.slots() + 1);
        self.pulls.reserve(state.slots() + 1);
        self.velocities.push(Velocity::default());
        self.offsets.push(Offset::default());
        if self.laws.pulls() {
            self.pulls.push([0; 4]);
        }
    }

    /// The number of the body in a slot among those that are solved, which it is from now on.
    #[inline]
    pub(crate) fn enter(&mut self, state: &State, slot: u16) -> u32 {
        let at = usize::from(slot);
        match self.index.get(at) {
            None => 0,
            Some(&FREE) => self.take(state, at),
            Some(&index) => index,
        }
    }

    #[inline(never)]
    fn take(&mut self, state: &State, slot: usize) -> u32 {
        let mut index = 0;
        let flags = state.flags[slot];
        if flags & (DYNAMIC | super::state::KINEMATIC) != 0 {
            index = self.slots.len() as u32;
            self.slots.push(slot as u16);
            self.push(state, slot as u16);
        }
        self.index[slot] = index;
        index
    }

    /// Adds how a body moves before anything pushes it.
    #[inline(always)]
    fn push(&mut self, state: &State, slot: u16) {
        let (slot, index) = (usize::from(slot), self.velocities.len() as u32);
        let still = Glide { velocity: Velocity::default(), pull: [0; 3], locks: 0 };
        let glide = if is_moving(state.flags[slot]) { self.laws.glide(state, slot) } else { still };
        self.velocities.push(glide.velocity);
        self.offsets.push(Offset::default());
        if self.laws.pulls() {
            let [x, y, spin] = glide.pull;
            self.pulls.push([x, y, spin, 0]);
        }
        if glide.locks != 0 {
            self.held.push((index, glide.locks));
        }
    }

    /// Whether nothing but pushes changes how any of them moves.
    pub(crate) fn glide_freely(&self) -> bool {
        self.held.is_empty() && self.pulls.iter().all(|pull| *pull == [0; 4])
    }

    /// The ways of a substep, in 1/2²⁴.
    #[inline(always)]
    pub(crate) fn ways(&self, speeds: Vector) -> Vector {
        self.laws.ways(speeds)
    }

    /// Keeps the velocities in mind, as they are before anything pushes.
    pub(crate) fn mark(&mut self) {
        self.free.clear();
        self.free.extend_from_slice(&self.velocities);
    }

    /// Gravity and forces of a substep, and once more all pushes of the substep before: what they were together is seen
    /// from how they changed the velocities.
    pub(crate) fn pull_and_push(&mut self) {
        let (twos, one) = bytemuck::cast_slice_mut::<_, i32>(&mut self.velocities).as_chunks_mut();
        let (frees, free) = bytemuck::cast_slice_mut::<_, i32>(&mut self.free).as_chunks_mut();
        let (pulls, pull) = bytemuck::cast_slice::<_, i32>(&self.pulls).as_chunks();
        for (number, (velocity, free)) in twos.iter_mut().zip(frees).enumerate() {
            let pull = pulls.get(number).map_or(Vector::splat(0), Vector::of);
            let (after, before) = (Vector::of(velocity), Vector::of(free));
            *free = after.plus(pull).array();
            *velocity = after.plus(after.minus(before)).plus(pull).array();
        }
        for (part, (velocity, free)) in one.iter_mut().zip(free).enumerate() {
            let pull = pull.get(part).copied().unwrap_or(0);
            let (after, before) = (*velocity, *free);
            *free = after.saturating_add(pull);
            *velocity = after.saturating_add(after.saturating_sub(before)).saturating_add(pull);
        }
    }

    /// Gravity and forces of a substep.
    pub(crate) fn pull(&mut self) {
        let velocities = bytemuck::cast_slice_mut::<_, i32>(&mut self.velocities);
        let pulls = bytemuck::cast_slice::<_, i32>(&self.pulls);
        for (velocity, &pull) in velocities.iter_mut().zip(pulls) {
            *velocity = velocity.saturating_add(pull);
        }
    }

    /// Takes the speed from what is held in a direction.
    pub(crate) fn hold(&mut self) {
        for &(index, locks) in &self.held {
            self.velocities[index as usize].hold(locks);
        }
    }

    /// Moves everything for a substep.
    #[inline(never)]
    pub(crate) fn advance(&mut self) {
        // Two bodies at once, of which either has four numbers; the last one of an odd number alone.
        let (twos, one) = bytemuck::cast_slice(&self.velocities).as_chunks();
        let laws = self.laws;
        let (offsets, _) = bytemuck::cast_slice_mut::<_, i32>(&mut self.offsets).as_chunks_mut();
        for (offset, velocity) in offsets.iter_mut().zip(twos) {
            *offset = Vector::of(offset).plus(laws.ways(Vector::of(velocity))).array();
        }
        if let (false, Some(offset), Some(velocity)) =
            (one.is_empty(), self.offsets.last_mut(), self.velocities.last())
        {
            laws.advance(offset, velocity);
        }
    }
}

impl Offset {
    /// Without a turn that is less than what would be seen of a way: what lies in a heap would tremble.
    #[inline(always)]
    fn settled(self) -> Self {
        let still = self.way() == Vec2::ZERO && self.turn.unsigned_abs() < TURN_MIN;
        Self { turn: if still { 0 } else { self.turn }, ..self }
    }

    /// In whole steps of positions.
    #[inline(always)]
    pub(crate) fn way(&self) -> Vec2 {
        let part = |offset: i32| Fx::from_bits((offset >> 8) + ((offset >> 7) & 1));
        Vec2::new(part(self.x), part(self.y))
    }
}

/// What is left of a velocity of which parts in 1/65,536 are lost, the loss rounded to the nearest step.
fn slowed(velocity: Velocity, drag: u16, spin_drag: u16) -> Velocity {
    let slow = |speed: i32, drag: u16| {
        let lost = (i64::from(speed) * i64::from(drag) + (1 << 15)) >> 16;
        (i64::from(speed) - lost) as i32
    };
    let (x, y) = (slow(velocity.x, drag), slow(velocity.y, drag));
    Velocity { x, y, spin: slow(velocity.spin, spin_drag), unused: 0 }
}

/// How far a body goes in a tick, and by how much it turns, in 1/2²⁴ of a radian, if neither gravity nor anything else
/// changes how it moves.
pub(crate) fn way_of_tick(state: &State, slot: usize) -> (Vec2, i32) {
    let laws = Laws::of(state);
    let (_, offset) = laws.run(Glide { pull: [0; 3], ..laws.glide(state, slot) });
    (offset.way(), offset.turn)
}

/// Keeps the centres of dynamic bodies within a world with walls.
#[inline(never)]
pub(crate) fn keep_inside(state: &mut State) {
    let (width, height) = (state.desc.half_extent.x.to_bits(), state.desc.half_extent.y.to_bits());
    let beyond = |position: &Vec2| {
        (position.x.to_bits().unsigned_abs() > width.unsigned_abs())
            | (position.y.to_bits().unsigned_abs() > height.unsigned_abs())
    };
    if !state.positions.iter().fold(false, |any, position| any | beyond(position)) {
        return;
    }
    let limit = state.desc.half_extent;
    for slot in 0..state.slots() {
        let position = state.positions[slot];
        if beyond(&position) && state.flags[slot] & (ALIVE | DYNAMIC) == ALIVE | DYNAMIC {
            state.positions[slot] = position.clamped(-limit, limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Offset;

    /// Half a step of a place at a lever of one: less is not seen, if the body does not go anywhere either.
    #[test]
    fn what_trembles_lies_still() {
        let turned = |x: i32, turn: i32| Offset { x, turn, ..Offset::default() }.settled().turn;
        assert_eq!(
            [turned(127, 127), turned(-127, -127), turned(0, 128), turned(0, -128)],
            [0, 0, 128, -128]
        );
        assert_eq!([turned(128, 127), turned(-129, 3)], [127, 3]);
    }
}
