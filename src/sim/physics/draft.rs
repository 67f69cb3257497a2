//! `Draft`, a contact as numbers, of which those of a batch are prepared at once.

use super::hull::P;
use super::lanes::WIDTH;
use super::meeting::Meeting;

/// What is to be known of a contact before it is solved. All numbers have 32 bits, so that those of eight contacts are
/// turned into lanes.
#[derive(Clone, Copy, Debug, Default, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(32))]
pub(crate) struct Draft {
    pub(crate) normal: [i32; 2],
    pub(crate) bodies: [u32; 2],
    /// As of [`Mass`](super::state::Mass).
    pub(crate) inverse: [u32; 2],
    pub(crate) inverse_gyration: [i32; 2],
    /// The part of the second body of every change, in 1/2³⁰.
    pub(crate) share_b: i32,
    /// The largest pull along the surface as a part of the push, in 1/2¹⁶.
    pub(crate) friction: i32,
    /// How fast the surfaces run against each other, in 1/2²⁰.
    pub(crate) surface: i32,
    /// 1 if bodies meet that are not equals.
    pub(crate) hard: i32,
    /// How many points there are.
    pub(crate) count: i32,
    /// The pull along the surface of the step before, in 1/2²⁰.
    pub(crate) pulled: i32,
    pub(crate) unused: [i32; 2],
    pub(crate) points: [DraftPoint; 2],
}

/// A point at which two bodies push each other.
#[derive(Clone, Copy, Debug, Default, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(crate) struct DraftPoint {
    /// From each body's centre of mass.
    pub(crate) from_a: [i32; 2],
    pub(crate) from_b: [i32; 2],
    /// At the start of the tick, in 1/2¹⁶.
    pub(crate) separation: i32,
    /// What it pushed in the step before, in 1/2²⁰.
    pub(crate) total: i32,
    /// The speed at which the bodies part after a bounce, in 1/2²⁰.
    pub(crate) bounce: i32,
    /// The separation where the bodies are seen.
    pub(crate) bare: i32,
}

impl Draft {
    /// Puts it where shapes meet.
    #[inline(always)]
    pub(crate) fn place(&mut self, meeting: &Meeting) {
        self.normal = meeting.manifold.normal.into();
        self.count = i32::from(meeting.manifold.count);
        for ((at, point), bare) in self.points.iter_mut().zip(&meeting.manifold.points).zip(meeting.bare) {
            let from = |(x, y): P| [point.x.saturating_add(x), point.y.saturating_add(y)];
            (at.from_a, at.from_b) = (from(meeting.lever_a), from(meeting.lever_b));
            (at.separation, at.bare) = (point.separation, bare);
        }
    }

    /// The bodies that can be pushed; 0 for what cannot.
    #[inline(always)]
    pub(crate) fn pushed(&self) -> [u32; 2] {
        [0, 1].map(|side: usize| self.bodies[side] * u32::from(self.inverse[side] != 0))
    }

    /// Whether both can be pushed, one more easily than the other: what stands on something lighter stands on it
    /// firmly only if it is pushed after it.
    #[inline(always)]
    pub(crate) fn is_unlike(&self) -> bool {
        let [a, b] = self.pushed();
        (self.hard != 0) & (a != 0) & (b != 0)
    }

    /// All of its numbers.
    pub(crate) fn parts(&self) -> &[[i32; WIDTH]; 4] {
        bytemuck::cast_ref(self)
    }
}
