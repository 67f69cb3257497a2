//! The search for what touches or is about to.

use super::Scratch;
use crate::JointKind;
use crate::physics::border::meet_border;
use crate::physics::meeting::Meeting;
use crate::physics::pairs::{Budget, Found, Search};
use crate::physics::state::{ASLEEP, State};

/// How often what wakes up may wake others before the rest has to wait for the next step.
const WAKES_MAX: u32 = 8;
/// So many meetings more than twice those that are there may lie about.
const SCATTERED_MAX: usize = 64;

impl Scratch {
    /// Finds out what touches or is about to; wakes what is hit.
    #[inline(never)]
    pub(super) fn find(&mut self, state: &mut State) {
        let tick = state.desc.tick_seconds();
        state.settle_bases(&mut self.proxies.lags);
        self.list_apart(state);
        core::mem::swap(&mut self.recent, &mut self.found);
        for _ in 0..WAKES_MAX {
            // What an earlier round found is of no use if this one needs no cells.
            self.found.clear(state.slots());
            self.ordered = false;
            let (proxies, meetings) = (&mut self.proxies, &mut self.found.meetings);
            if !self.lineup.search(state, tick, proxies, &self.apart, meetings) {
                self.search_grid(state, tick);
                self.found.search = self.proxies.search;
            }
            if !self.wake_hit(state) {
                break;
            }
        }
        self.found.solid = self.found.meetings.len();
        if state.desc.walls {
            meet_border(state, tick, &self.proxies, &mut self.found.meetings);
        }
    }

    /// Finds out what touches or is about to in a world of any size.
    #[inline(never)]
    fn search_grid(&mut self, state: &State, tick: i64) {
        self.grid.begin(state, tick, &mut self.proxies);
        self.vicinity.reserve(state);
        let known = self.grid.is_sparse()
            && self.proxies.bullets.is_empty()
            && self.vicinity.is_known(state, &self.proxies, &self.grid, self.recent.search);
        // Meetings of pairs that are not known any more are left behind.
        let most = 2 * self.recent.order.sorted.len() + SCATTERED_MAX;
        let judged = core::mem::take(&mut self.recent.judged)
            && self.recent.solid.max(self.recent.distant.len()) <= most;
        if known && self.search_known(state, tick, judged) {
            return;
        }
        self.grid.fill(state, tick, &mut self.proxies);
        self.recent.order.index(state.slots());
        let (proxies, meetings) = (&self.proxies, &mut self.found.meetings);
        let (grid, near, apart, recent) = (&self.grid, &mut self.near, &self.apart, &self.recent);
        let found = |found: Found| match found {
            Found::Discs(a, b) => Meeting::of_discs(state, a, b, meetings),
            Found::Shapes(a, b) => Meeting::find(state, proxies, tick, (a, b), (recent.find(a, b), meetings)),
        };
        let left = Budget::of(grid.all().count());
        Search { state, proxies, grid, near, apart, left, found }.run();
    }

    /// Wakes what is hit in this step, and all that hangs together with it; whether there was any.
    fn wake_hit(&mut self, state: &mut State) -> bool {
        let mut any = false;
        for meeting in &mut self.found.meetings {
            // Not twice, where it is kept for the next step.
            if !core::mem::take(&mut meeting.wakes) {
                continue;
            }
            for slot in [meeting.a, meeting.b] {
                if state.flags[usize::from(slot)] & ASLEEP != 0 {
                    state.wake(usize::from(slot));
                    any = true;
                }
            }
        }
        if any {
            self.islands.wake(state);
        }
        any
    }

    /// Lists the pairs of bodies that do not meet.
    fn list_apart(&mut self, state: &State) {
        self.apart.clear();
        if state.ignored.is_empty() && state.joints.is_empty() {
            return;
        }
        self.apart.extend(state.ignored.iter());
        // A mouse pulls to a place, and holds nobody to whom it names first.
        let is_mouse = |kind: &JointKind| matches!(kind, JointKind::Mouse { .. });
        let joined = state.joints.iter().filter(|(_, joint)| !joint.collide && !is_mouse(&joint.kind));
        self.apart.extend(joined.map(|(_, joint)| [joint.a.min(joint.b), joint.a.max(joint.b)]));
        self.apart.sort_unstable();
    }
}
