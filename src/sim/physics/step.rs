//! One step of a world.

use alloc::vec::Vec;
use core::cell::RefCell;

use super::contact_solver::{ContactDesc, ContactTimes, Contacts, Touch};
use super::findings::Findings;
use super::grid::Grid;
use super::islands::Islands;
use super::joint_solver::JointSolver;
use super::lineup::Lineup;
use super::material::Material;
use super::meeting::Meeting;
use super::motion::{Movers, keep_inside};
use super::near::Near;
use super::order::sort_few;
use super::pairing::{BORDER, Ended, PASSING, Pairing, PointMemory, SENSOR, TOUCHING, id};
use super::pairs::Apart;
use super::passage::Passage;
use super::proxy::{MARGIN, Proxies};
use super::push_solver::{Push, Pushes};
use super::revision::Revision;
use super::routine::Routine;
use super::state::{ASLEEP, Mass, State, is_moving};
use super::swing::Swing;
use super::vicinity::Vicinity;
use super::{Contact, ContactEvent, ContactPhase, bullet};
use crate::{Fx, Vec2};

pub(crate) mod again;
mod known;
mod search;

const BORDER_MASS: Mass = Mass { inverse: 0, inverse_gyration: 0, centre: Vec2::ZERO };

std::thread_local! {
    /// One for all worlds of a thread: a server steps thousands of small worlds in turn, and memory of each one's own
    /// would be out of the cache whenever it is that world's turn.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// What the last step found; not part of the state.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) contacts: Vec<Contact>,
    pub(crate) events: Vec<ContactEvent>,
}

/// Advances `state` by one tick and overwrites what is told of it.
pub(crate) fn step(state: &mut State, told: &mut Told) {
    SCRATCH.with_borrow_mut(|scratch| scratch.step(state, told));
}

/// Asks for what the step comes to last: of thousands of worlds, the one whose turn it is is out of the nearest cache,
/// and asked for at once all of it comes in the time of one.
#[inline(always)]
fn look_ahead(state: &State) {
    /// Of each column one element in so many, one in a line of the cache or more.
    const EACH: usize = 4;
    let motions = state.motions.iter().step_by(EACH).fold(0, |sum, motion| sum ^ motion.x);
    let places = state.positions.iter().step_by(2 * EACH).fold(0, |sum, place| sum ^ place.x.to_bits());
    let masses = state.masses.iter().step_by(EACH).fold(0, |sum, mass| sum ^ mass.inverse);
    let pairings = state.pairings.iter().fold(0, |sum, pairing| sum ^ pairing.a);
    let sum = |column: &[u16]| column.iter().step_by(8 * EACH).fold(0, |sum, one| sum ^ one);
    let columns = (sum(&state.kinds), sum(&state.generations));
    let (stills, briefs) = (state.stills.look_ahead(), state.blueprints.look_ahead());
    core::hint::black_box((motions, places, masses, pairings, columns, stills, briefs));
}

/// What is known of a pairing in this step.
#[derive(Clone, Copy, Debug, Default)]
struct Report {
    was_touching: bool,
    /// Whether shapes were looked at, so that there is something to tell, and which meeting that was.
    met: bool,
    meeting: u32,
    impulse: i64,
}

/// What a step needs and forgets. Kept for its memory; nothing in it outlives a step.
#[derive(Debug, Default)]
struct Scratch {
    proxies: Proxies,
    grid: Grid,
    near: Near,
    vicinity: Vicinity,
    lineup: Lineup,
    movers: Movers,
    /// What this search found, and what the one before did: what lies still in a heap lies as it did.
    found: Findings,
    recent: Findings,
    /// Numbers of meetings that are those of nobody, and whether the others are in order already.
    holes: Vec<u32>,
    ordered: bool,
    /// Room for the meeting that is looked at.
    fresh: Vec<Meeting>,
    revision: Revision,
    routine: Routine,
    /// Whether what becomes of a pair in this step depends on more than its bodies and shapes.
    is_varied: bool,
    pairings: Vec<Pairing>,
    reports: Vec<Report>,
    ended: Vec<Ended>,
    times: ContactTimes,
    contacts: Contacts,
    pushes: Pushes,
    joints: JointSolver,
    islands: Islands,
    apart: Vec<[u16; 2]>,
    /// Where bodies were before they moved, if there are bullets.
    starts: Vec<Vec2>,
    passages: Vec<Passage>,
    swings: Vec<Swing>,
    /// Where the state of the world is that made the last step: what that world needs is in the cache.
    last: usize,
}

impl Scratch {
    fn step(&mut self, state: &mut State, told: &mut Told) {
        let place = core::ptr::from_ref(state).addr();
        if self.last != place {
            look_ahead(state);
            self.last = place;
        }
        // All of them, without a question in between.
        if state.flags.iter().fold(0, |any, flags| any | flags) & ASLEEP != 0 {
            self.islands.wake(state);
        }
        let substep = state.desc.substep_seconds();
        let rest_ticks = u32::from(state.desc.ticks_per_second).div_ceil(2);
        let rate = i64::from(state.desc.ticks_per_second) * i64::from(state.desc.substeps);
        self.find(state);
        let times = self.times.of(rate, substep, &state.desc);
        self.times = times;
        self.merge(state, &times);
        self.joints.begin(state, rate, substep);
        self.solve(state, &times);
        self.remember(state);
        self.starts.clear();
        if !self.proxies.bullets.is_empty() {
            self.starts.extend_from_slice(&state.positions);
        }
        let rests = self.movers.store(state, rest_ticks);
        state.forces.clear();
        let apart = Apart(&self.apart);
        bullet::stop_bullets(state, &self.proxies, &self.grid, (&self.starts, apart), &mut self.swings);
        if state.desc.walls {
            keep_inside(state);
        }
        Passage::find_all(state, &self.proxies, &self.grid, (&self.starts, apart), &mut self.passages);
        self.tell(state, told);
        if rests {
            self.islands.rest(state, rest_ticks);
        }
    }

    /// Brings what was found together with what is remembered, both in the order of their keys.
    #[inline(never)]
    fn merge(&mut self, state: &State, times: &ContactTimes) {
        if self.ordered {
            self.found.order.insert(self.found.solid, &self.found.meetings[self.found.solid..]);
        } else {
            self.found.order.sort(&self.found.meetings, state.slots());
        }
        self.pairings.clear();
        self.reports.clear();
        self.pairings.reserve(3 * state.slots());
        self.reports.reserve(3 * state.slots());
        self.ended.clear();
        let same = self.found.order.is_like(&self.recent.order);
        if self.routine.is_of(state) {
            if same && !self.contacts.may_be_tidied() && self.is_remembered(state) {
                return self.repeat(state);
            }
            if !same && self.plan(state) {
                return self.revise(state, times);
            }
        }
        self.routine.forget();
        self.routine.reserve(state.slots(), state.extras.len());
        self.revision.reserve(state.slots());
        self.is_varied = false;
        self.movers.begin(state);
        self.contacts.clear(state.slots());
        self.pushes.clear(state.slots());
        self.ended.reserve(state.slots());
        let meetings = core::mem::take(&mut self.found.meetings);
        let (old, mut next) = (&state.pairings[..], 0);
        for index in 0..self.found.order.sorted.len() {
            let (key, meeting) = self.found.order.sorted[index];
            while old.get(next).is_some_and(|before| before.sort_key() < key) {
                self.drop_or_carry(state, &old[next]);
                next += 1;
            }
            let before = old.get(next).filter(|before| before.sort_key() == key);
            next += usize::from(before.is_some());
            let was_touching = before.is_some_and(|before| before.bits & TOUCHING != 0);
            self.reports.push(Report { was_touching, met: true, meeting, impulse: 0 });
            self.meet(state, &meetings[meeting as usize], before, times);
        }
        old[next..].iter().for_each(|before| self.drop_or_carry(state, before));
        self.found.meetings = meetings;
        let all = self.found.order.sorted.len();
        let plain = state.joints.is_empty() && self.pairings.len() == all && self.contacts.are_plain(all);
        if plain && !self.is_varied {
            self.routine.keep(state);
        }
    }

    /// A pairing that was not found: it ended, or both sleep.
    fn drop_or_carry(&mut self, state: &State, before: &Pairing) {
        let moves = |slot: u16| state.flags.get(usize::from(slot)).is_some_and(|&flags| is_moving(flags));
        if moves(before.a) || moves(before.b) {
            self.ended.extend(Ended::of(state, before));
        } else {
            self.pairings.push(*before);
            self.reports.push(Report { was_touching: before.bits & TOUCHING != 0, ..Report::default() });
        }
    }

    #[inline(always)]
    fn meet(&mut self, state: &State, meeting: &Meeting, before: Option<&Pairing>, times: &ContactTimes) {
        let mut pairing = meeting.pairing();
        let was = before.map_or(0, |before| before.bits);
        let of = |kind: u16| &state.blueprints.brief(kind).material;
        let materials = (of(meeting.kind_a), of(meeting.kind_b));
        let one_way = (materials.0.one_way | materials.1.one_way) && meeting.b != BORDER;
        self.is_varied |= one_way;
        if meeting.sensor {
            pairing.bits = SENSOR | TOUCHING;
        } else if one_way && passes(state, meeting, before.map(|before| before.bits)) {
            pairing.bits = PASSING;
        } else {
            pairing.bits = if touches(meeting, was & TOUCHING != 0) { TOUCHING } else { 0 };
            self.add_contact(state, meeting, before, materials, times);
        }
        self.pairings.push(pairing);
    }

    #[inline(always)]
    fn add_contact(
        &mut self,
        state: &State,
        meeting: &Meeting,
        before: Option<&Pairing>,
        (one, other): (&Material, &Material),
        times: &ContactTimes,
    ) {
        let masses = |slot: u16| {
            let mass = state.masses.get(usize::from(slot)).unwrap_or(&BORDER_MASS);
            // What sleeps is not pushed: it was not hit hard enough to wake.
            if state.flags.get(usize::from(slot)).is_some_and(|flags| flags & ASLEEP != 0) {
                &BORDER_MASS
            } else {
                mass
            }
        };
        let masses = (masses(meeting.a), masses(meeting.b));
        if masses.0.inverse | masses.1.inverse == 0 {
            return;
        }
        let (a, b) = (self.movers.enter(state, meeting.a), self.movers.enter(state, meeting.b));
        let friction = one.friction_combine.of(other.friction_combine, one.friction, other.friction);
        let rule = one.restitution_combine;
        let restitution = rule.of(other.restitution_combine, one.restitution, other.restitution);
        let bounce_speed_min = times.bounce_speed_min;
        let pairing = self.pairings.len() as u32;
        let belt = |material: &Material| i64::from(material.surface_speed.to_bits());
        let surface = if meeting.b == BORDER { belt(one) } else { belt(one) + belt(other) };
        let surface = crate::fx::clamp_to_i32(-(surface << 4));
        let turns = (masses.0.inverse_gyration | masses.1.inverse_gyration) != 0;
        self.is_varied |= !turns && friction == Fx::ZERO;
        if turns || friction != Fx::ZERO || meeting.manifold.count != 1 {
            // Where velocities lie is not asked here: one may just have been added, and that would be waited for.
            let bounce = (restitution, bounce_speed_min, &self.movers);
            let touch = Touch { bodies: [a, b], masses, friction, surface, bounce, pairing };
            self.contacts.add(&touch, meeting, before);
            return;
        }
        let normal = meeting.manifold.normal;
        let velocities = (self.movers.velocities[a as usize], self.movers.velocities[b as usize]);
        let desc = ContactDesc { a, b, masses, velocities, normal, restitution, bounce_speed_min, pairing };
        let point = &meeting.manifold.points[0];
        let memory = Pairing::memory(before, point.feature);
        self.pushes.list.push(Push::new(&desc, point.separation, memory, times));
    }

    fn solve(&mut self, state: &State, times: &ContactTimes) {
        self.contacts.prepare(times);
        let joined = !state.joints.is_empty();
        if joined {
            self.joints.prepare(state, &mut self.movers);
        }
        // Joints push otherwise in each substep; and where there are only a few numbers to push, that costs no more.
        let carries = !joined && !self.contacts.is_empty();
        let alone = !joined && self.contacts.is_empty();
        self.pushes.begin(&self.movers, alone, state.desc.substeps, times.rate);
        for substep in 0..state.desc.substeps {
            if substep > 0 && carries {
                self.movers.pull_and_push();
            } else {
                self.movers.pull();
                self.movers.mark();
                if joined {
                    self.joints.prepare(state, &mut self.movers);
                    self.joints.warm_start(&mut self.movers.velocities);
                }
                self.pushes.warm_start(&mut self.movers.velocities);
                self.contacts.warm_start(&mut self.movers.velocities);
            }
            if joined {
                self.joints.solve(&mut self.movers.velocities, true);
            }
            self.pushes.solve(&mut self.movers.velocities, &self.movers.offsets, times.rate);
            self.contacts.solve(&mut self.movers.velocities, times);
            self.movers.hold();
            self.movers.advance();
            if joined {
                self.joints.prepare(state, &mut self.movers);
                self.joints.solve(&mut self.movers.velocities, false);
            }
            self.pushes.relax(&mut self.movers.velocities, &self.movers.offsets, times.rate);
            self.contacts.relax(&mut self.movers.velocities, &self.movers.offsets, times);
        }
        self.pushes.bounce(&mut self.movers.velocities);
        self.contacts.bounce(&mut self.movers.velocities);
        self.movers.hold();
        self.pushes.settle_couples(&mut self.movers);
    }

    /// Writes down how hard everything pushed.
    #[inline(never)]
    fn remember(&mut self, state: &mut State) {
        let (pairings, reports) = (&mut self.pairings[..], &mut self.reports[..]);
        let mut put = |(index, count, points, impulse): (usize, u8, [PointMemory; 2], i64)| {
            let (pairing, report) = (&mut pairings[index], &mut reports[index]);
            (pairing.count, pairing.points) = (count, points);
            report.impulse = impulse;
            let pushes = (impulse > 0) | (points[0].normal > 0) | (points[1].normal > 0);
            pairing.bits |= TOUCHING * u8::from(pushes);
        };
        self.contacts.results().for_each(&mut put);
        self.pushes.results().for_each(put);
        if !state.joints.is_empty() {
            self.joints.store(&mut state.joints);
        }
        // As many as most worlds of so many bodies ever have.
        let pairings = 3 * state.slots();
        state.pairings.clear();
        state.pairings.reserve(pairings);
        state.pairings.extend_from_slice(&self.pairings);
    }

    #[inline(never)]
    fn tell(&mut self, state: &mut State, told: &mut Told) {
        told.contacts.clear();
        told.events.clear();
        told.contacts.reserve(3 * state.slots());
        told.events.reserve(state.slots());
        let over = |ended: &Ended| ContactEvent {
            a: id(ended.a),
            b: id(ended.b),
            shape_a: ended.sub_a,
            shape_b: ended.sub_b,
            phase: ContactPhase::Ended,
            sensor: ended.sensor != 0,
            impulse: Fx::ZERO,
        };
        // All but what ended by a removal is gone through in order.
        let in_order = state.ended.is_empty();
        told.events.extend(state.ended.iter().map(over));
        state.ended.clear();
        let mut ended = self.ended.iter().peekable();
        for (pairing, report) in self.pairings.iter().zip(&self.reports) {
            let touches = pairing.bits & TOUCHING != 0;
            if pairing.b == BORDER || !(touches | report.was_touching) {
                continue;
            }
            if let Some(meeting) =
                self.found.meetings.get(report.meeting as usize).filter(|_| touches & report.met)
            {
                told.contacts.push(contact(state, pairing, report, meeting));
            }
            if touches != report.was_touching {
                while let Some(before) = ended.next_if(|ended| ended.sort_key() < pairing.sort_key()) {
                    told.events.push(over(before));
                }
                told.events.push(ContactEvent {
                    a: state.id(usize::from(pairing.a)),
                    b: state.id(usize::from(pairing.b)),
                    shape_a: pairing.sub_a,
                    shape_b: pairing.sub_b,
                    phase: if touches { ContactPhase::Began } else { ContactPhase::Ended },
                    sensor: pairing.bits & SENSOR != 0,
                    impulse: if touches { Fx::from_wide(report.impulse) } else { Fx::ZERO },
                });
            }
        }
        told.events.extend(ended.map(over));
        if !in_order {
            sort_few(&mut told.events, order_of);
        }
        for passage in &self.passages {
            passage.tell(state, &mut told.events);
        }
    }
}

/// Whether shapes touch that did before, or did not.
#[inline(always)]
fn touches(meeting: &Meeting, before: bool) -> bool {
    let separation = meeting.separation();
    (separation <= 0) | before & (separation <= MARGIN)
}

/// What events are sorted by: bodies, shapes, and which of them. What the game ended begins anew after that.
pub(crate) fn order_of(event: &ContactEvent) -> (u64, u32, bool) {
    let part = |part: u16| u64::from(part);
    let bodies = part(event.a.index) << 48
        | part(event.b.index) << 32
        | part(event.a.generation) << 16
        | part(event.b.generation);
    (bodies, u32::from(event.shape_a) << 16 | u32::from(event.shape_b), event.phase == ContactPhase::Began)
}

#[inline(always)]
fn contact(state: &State, pairing: &Pairing, report: &Report, meeting: &Meeting) -> Contact {
    let slot = usize::from(pairing.a);
    let (first, lever, normal) = (&meeting.manifold.points[0], meeting.lever_a, meeting.manifold.normal);
    let point = (first.x.saturating_add(lever.0), first.y.saturating_add(lever.1));
    let depth = meeting.separation().saturating_neg().max(0);
    let at = state.positions[slot] + Vec2::new(Fx::from_bits(point.0), Fx::from_bits(point.1));
    Contact {
        a: state.id(slot),
        b: state.id(usize::from(pairing.b)),
        shape_a: pairing.sub_a,
        shape_b: pairing.sub_b,
        normal: Vec2::new(Fx::from_unit(normal.0), Fx::from_unit(normal.1)),
        point: at,
        depth: Fx::from_bits(depth),
        impulse: Fx::from_wide(report.impulse),
        sensor: pairing.bits & SENSOR != 0,
        persisted: report.was_touching,
    }
}

/// A platform holds what comes from within 60 degrees of its up.
pub(crate) const FACING_MIN: i64 = 1 << 29;

/// The up of a shape of a body: the direction from which it holds, if it does so only from one.
pub(crate) fn up_of(state: &State, slot: u16, kind: u16) -> (i32, i32) {
    state.blueprints.get(kind).up(state.rotations[usize::from(slot)])
}

/// Whether a shape goes through one that holds only what comes from above, as at least one of two does.
#[inline(never)]
fn passes(state: &State, meeting: &Meeting, before: Option<u8>) -> bool {
    let one_way = |kind: u16| state.blueprints.brief(kind).material.one_way;
    let through = |platform: u16, kind: u16, normal: (i32, i32), sign: i64| {
        let up = up_of(state, platform, kind);
        let facing = super::manifold::dot(up, normal.0, normal.1) * sign;
        let (a, b) = (&state.motions[usize::from(meeting.a)], &state.motions[usize::from(meeting.b)]);
        let rising = super::manifold::dot(up, b.x.saturating_sub(a.x), b.y.saturating_sub(a.y)) * sign;
        let fresh = before.is_none() && (rising > 0 || meeting.separation() < -4 * MARGIN);
        one_way(kind) && (facing < FACING_MIN || fresh || before.is_some_and(|bits| bits & PASSING != 0))
    };
    through(meeting.a, meeting.kind_a, meeting.manifold.normal, 1)
        || through(meeting.b, meeting.kind_b, meeting.manifold.normal, -1)
}
