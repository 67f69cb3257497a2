//! One step of a world.

use alloc::vec::Vec;
use core::cell::RefCell;

use super::grid::Grid;
use super::near::Near;
use super::pairs::{Pair, Search};
use super::solver::Solver;
use super::state::{SENSOR, State};
use super::{Contact, motion};
use crate::{Fx, Vec2};

std::thread_local! {
    /// One for all worlds of a thread: a server steps thousands of small worlds in turn, and memory of each one's own
    /// would be out of the cache whenever it is that world's turn.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Advances `state` by one tick and overwrites `contacts`.
pub(crate) fn step(state: &mut State, contacts: &mut Vec<Contact>) {
    SCRATCH.with_borrow_mut(|scratch| scratch.step(state, contacts));
}

/// What a step needs and forgets. Kept for its memory; nothing in it outlives a step.
#[derive(Debug, Default)]
struct Scratch {
    grid: Grid,
    near: Near,
    solver: Solver,
    bullets: Vec<(u16, Vec2)>,
}

impl Scratch {
    fn step(&mut self, state: &mut State, contacts: &mut Vec<Contact>) {
        motion::accelerate(state);
        self.advance(state);
        self.find_contacts(state, contacts);
        let passes = state.desc.iterations;
        self.solver.solve_velocities(&mut state.velocities, passes);
        self.solver.solve_positions(state, passes);
        self.tell_impulses(state, contacts);
    }

    fn advance(&mut self, state: &mut State) {
        self.bullets.clear();
        if motion::has_fast_bullets(state) {
            self.grid.fill(state);
            motion::aim_bullets(state, &self.grid, &mut self.bullets);
        }
        motion::advance(state, &self.bullets);
        if state.desc.walls {
            motion::bounce_off_walls(state);
        }
    }

    fn find_contacts(&mut self, state: &State, contacts: &mut Vec<Contact>) {
        self.grid.fill(state);
        self.near.fill(&self.grid);
        self.solver.begin(state);
        contacts.clear();
        contacts.reserve(state.slots() * 2);
        let search = Search::new(state, &self.grid, &self.near, |pair| {
            let sensor = (pair.a.flags | pair.b.flags) & SENSOR != 0;
            if !sensor {
                self.solver.add(state, pair, contacts.len());
            }
            contacts.push(contact(state, pair, sensor));
        });
        search.run();
    }

    fn tell_impulses(&mut self, state: &State, contacts: &mut [Contact]) {
        for (contact, speed) in self.solver.speed_changes() {
            let contact = &mut contacts[contact];
            let inverse = |id: super::BodyId| i64::from(state.inverse_masses[usize::from(id.index)]);
            let sum = inverse(contact.a) + inverse(contact.b);
            contact.impulse = Fx::from_wide((i64::from(speed) << 24) / sum.max(1));
        }
    }
}

fn contact(state: &State, pair: &Pair, sensor: bool) -> Contact {
    Contact {
        a: state.id(usize::from(pair.a.slot)),
        b: state.id(usize::from(pair.b.slot)),
        normal: Vec2::new(Fx::from_unit(pair.touch.normal_x), Fx::from_unit(pair.touch.normal_y)),
        depth: Fx::from_bits(pair.touch.depth),
        impulse: Fx::ZERO,
        sensor,
    }
}
