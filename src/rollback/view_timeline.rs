//! `ViewTimeline`, what is drawn between two ticks, without jumps when a guess was wrong.

use core::time::Duration;

use framekeep_sim::{Game, Match, Tick};

use crate::{Pose, RollbackMatch};

/// How corrections are hidden. Values out of range are clamped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Smoothing {
    /// Milliseconds until 95 % of a correction is made, 0 to 2,000. Default 120; 0 makes it at once.
    ///
    /// Too small and remote bodies twitch; too large and they are drawn where they are not.
    pub correction_ms: u32,
    /// A correction over this many world units is made at once. Default 6: two players of the arena who turn away from
    /// each other are four apart before the news of it comes over a bad network.
    pub snap_distance: f32,
    /// A way of a tick over this many world units is not drawn: the body was put there. Default 4.
    pub teleport_distance: f32,
}

impl Default for Smoothing {
    fn default() -> Self {
        Self { correction_ms: 120, snap_distance: 6.0, teleport_distance: 4.0 }
    }
}

impl Smoothing {
    /// The part of a correction that is left after `passed`.
    fn left(&self, passed: Duration) -> f32 {
        let ms = self.correction_ms.min(2_000);
        // e^-3 is 5 %.
        if ms == 0 { 0.0 } else { (-3_000.0 * passed.as_secs_f32() / ms as f32).exp() }
    }

    /// The most that a correction moves a body from one rendered frame to the next, `passed` later, in world units,
    /// on top of the body's own way in that time. Only a snap (see [`Smoothing::snap_distance`]) is more.
    #[must_use]
    pub fn jump_max(&self, passed: Duration) -> f32 {
        self.snap_distance * (1.0 - self.left(passed))
    }
}

/// Which moment is drawn: `part` of the way from the state before tick `tick - 1` to the one before `tick`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ViewTime {
    /// The newer of the two states.
    pub tick: Tick,
    /// 0 to 1.
    pub part: f32,
}

/// One thing as it is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shown<I> {
    /// Which; stable for its life.
    pub id: I,
    /// Where.
    pub pose: Pose,
    /// How far it is drawn from where the simulation has it: what is left of corrections.
    pub offset: Pose,
    before: Pose,
    after: Pose,
}

/// What is drawn between two ticks: every pose on its way from one state to the next, and corrections spread over
/// time.
///
/// Once per rendered frame: [`ViewTimeline::follow`] (or [`ViewTimeline::set`] without a [`RollbackMatch`]), then
/// [`ViewTimeline::frame`]. When a rollback changes where something *was*, the difference becomes an offset that
/// shrinks ("projective velocity blending" without the velocity; E. Murphy in Game Engine Gems 2, 2011), so the first
/// frame after a correction goes on from the last one before it.
#[derive(Clone, Debug)]
pub struct ViewTimeline<I> {
    smoothing: Smoothing,
    tick: Option<Tick>,
    part: f32,
    revision: u64,
    /// By id.
    shown: Vec<Shown<I>>,
    last: Vec<Shown<I>>,
    before: Vec<(I, Pose)>,
    after: Vec<(I, Pose)>,
}

impl<I: Copy + Ord> ViewTimeline<I> {
    /// Nothing to draw yet.
    #[must_use]
    pub fn new(smoothing: Smoothing) -> Self {
        Self {
            smoothing,
            tick: None,
            part: 0.0,
            revision: u64::MAX,
            shown: Vec::new(),
            last: Vec::new(),
            before: Vec::new(),
            after: Vec::new(),
        }
    }

    /// Takes over what a match predicts now, with the corrections since the last call. `poses` appends what there is
    /// in a state, by stable id; it is asked only if something changed, for at most four states.
    pub fn follow<G: Game>(
        &mut self,
        play: &RollbackMatch<G>,
        mut poses: impl FnMut(&Match<G>, &mut Vec<(I, Pose)>),
    ) {
        if self.revision == play.revision() {
            return;
        }
        self.revision = play.revision();
        let mut list = |tick: Tick, out: &mut Vec<(I, Pose)>| {
            out.clear();
            play.at(tick).map(|state| poses(state, out)).is_some()
        };
        let (mut before, mut after) = (core::mem::take(&mut self.before), core::mem::take(&mut self.after));
        if let Some(old) = self.tick
            && list(old, &mut after)
        {
            let has_before = list(old.earlier(1), &mut before);
            self.correct(if has_before { &mut before } else { &mut [] }, &mut after);
        } else {
            self.tick = None;
        }
        let tick = play.predicted().tick();
        list(tick, &mut after);
        list(tick.earlier(1), &mut before);
        self.set(tick, &mut before, &mut after);
        (self.before, self.after) = (before, after);
    }

    /// Where things are in the states that were [`set`](Self::set) last, now that a rollback has changed them: the
    /// difference becomes a correction that [`ViewTimeline::frame`] makes little by little. The lists are sorted.
    pub fn correct(&mut self, before: &mut [(I, Pose)], after: &mut [(I, Pose)]) {
        before.sort_unstable_by_key(|&(id, _)| id);
        after.sort_unstable_by_key(|&(id, _)| id);
        for shown in &mut self.shown {
            let Some(now) = find(after, shown.id) else { continue };
            let error = shown.after.minus(now);
            let error_before = find(before, shown.id)
                .filter(|before| before.distance(now) <= self.smoothing.teleport_distance)
                .map_or(error, |before| shown.before.minus(before));
            shown.offset = shown.offset.plus(error_before.towards(error, self.part));
        }
    }

    /// Draws between the states before `tick - 1` and before `tick` from now on: where everything is in both. What is
    /// not in `after` is gone. The lists are sorted.
    ///
    /// If these do not go on from the last two (a match that begins, a snapshot), what is known already is led from
    /// where it was drawn.
    pub fn set(&mut self, tick: Tick, before: &mut [(I, Pose)], after: &mut [(I, Pose)]) {
        before.sort_unstable_by_key(|&(id, _)| id);
        after.sort_unstable_by_key(|&(id, _)| id);
        let follows = self.tick.is_some_and(|old| old <= tick);
        core::mem::swap(&mut self.shown, &mut self.last);
        self.shown.clear();
        for &(id, after) in &*after {
            let before = find(before, id)
                .filter(|before| before.distance(after) <= self.smoothing.teleport_distance)
                .unwrap_or(after);
            let mut shown = Shown { id, pose: before, offset: Pose::default(), before, after };
            if let Ok(old) = self.last.binary_search_by_key(&id, |shown| shown.id) {
                let old = &self.last[old];
                shown.offset = if follows { old.offset } else { old.pose.minus(before) };
                shown.pose = old.pose;
            }
            self.shown.push(shown);
        }
        self.tick = Some(tick);
    }

    /// One rendered frame, `passed` after the one before: where everything is drawn, in the order of the ids. `part`
    /// is that of [`RollbackMatch::view_time`].
    pub fn frame(&mut self, part: f32, passed: Duration) -> &[Shown<I>] {
        self.part = part.clamp(0.0, 1.0);
        let left = self.smoothing.left(passed);
        for shown in &mut self.shown {
            let offset = shown.offset;
            let snap = offset.distance(Pose::default()) > self.smoothing.snap_distance;
            shown.offset = if snap { Pose::default() } else { offset.times(left) };
            shown.pose = shown.before.towards(shown.after, self.part).plus(shown.offset);
        }
        &self.shown
    }

    /// What [`ViewTimeline::frame`] gave last.
    #[must_use]
    pub fn shown(&self) -> &[Shown<I>] {
        &self.shown
    }
}

fn find<I: Copy + Ord>(sorted: &[(I, Pose)], id: I) -> Option<Pose> {
    sorted.binary_search_by_key(&id, |&(id, _)| id).ok().map(|index| sorted[index].1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Duration, Pose, Smoothing, Tick, ViewTimeline};

    const FRAME: Duration = Duration::from_millis(10);
    /// Rendered frames in a tick, and how far a body goes in one of them.
    const FRAMES: u32 = 4;
    const STEP: f32 = 0.05;

    fn at(x: f32) -> Pose {
        Pose { x, ..Pose::default() }
    }

    /// Bodies 1 and 2 go right from `x`, four frames a tick; every tick they turn out to have been `errors` elsewhere.
    fn ways(smoothing: Smoothing, errors: &[f32]) -> Vec<f32> {
        let (mut view, mut x, mut ways) = (ViewTimeline::new(smoothing), 0.0, Vec::new());
        let mut last = None;
        for (tick, error) in (1..).zip(errors) {
            let all = |x: f32| [(2_u32, at(x)), (1, at(x))];
            let motion = STEP * FRAMES as f32;
            x += error;
            view.correct(&mut all(x - motion), &mut all(x));
            view.set(Tick(tick), &mut all(x), &mut all(x + motion));
            x += motion;
            for frame in 0..FRAMES {
                let shown = view.frame(frame as f32 / FRAMES as f32, FRAME);
                assert_eq!(shown.iter().map(|shown| shown.id).collect::<Vec<_>>(), [1, 2]);
                assert_eq!(shown[0].pose, shown[1].pose);
                let now = shown[0].pose.x;
                ways.extend(last.map(|last: f32| now - last));
                last = Some(now);
            }
        }
        ways
    }

    #[test]
    fn without_corrections_bodies_glide() {
        for way in ways(Smoothing::default(), &[0.0; 9]) {
            assert!((way - STEP).abs() < 1e-4, "{way}");
        }
    }

    #[test]
    fn a_correction_is_spread_and_a_far_one_is_made_at_once() {
        let near = ways(Smoothing::default(), &[0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        let first = near[7];
        assert!(first > STEP + 0.1 && first < STEP + 0.3, "{first}");
        assert!(near[8..].windows(2).all(|pair| pair[1] <= pair[0] + 1e-4), "{near:?}");
        let done: f32 = near[7..19].iter().map(|way| way - STEP).sum();
        assert!((0.94..0.96).contains(&done), "{done} of it after 120 ms");
        let far = ways(Smoothing::default(), &[0.0, 0.0, 6.5, 0.0]);
        assert!((far[7] - STEP - 6.5).abs() < 1e-4, "{far:?}");
        let off = ways(Smoothing { correction_ms: 0, ..Smoothing::default() }, &[0.0, 0.0, 0.5, 0.0]);
        assert!((off[7] - STEP - 0.5).abs() < 1e-4, "{off:?}");
    }

    #[test]
    fn who_is_put_elsewhere_does_not_fly_there() {
        let mut view = ViewTimeline::new(Smoothing::default());
        view.set(Tick(1), &mut [(1_u32, at(0.0))], &mut [(1, at(9.0)), (2, at(5.0))]);
        let shown: Vec<f32> = view.frame(0.5, FRAME).iter().map(|shown| shown.pose.x).collect();
        assert_eq!(shown, [9.0, 5.0], "nor does who is new");
        view.set(Tick(2), &mut [], &mut [(2, at(5.0))]);
        assert_eq!(view.frame(0.5, FRAME).len(), 1);
    }

    #[test]
    fn after_a_gap_bodies_are_led_from_where_they_were() {
        let mut view = ViewTimeline::new(Smoothing::default());
        view.set(Tick(9), &mut [(1_u32, at(0.0))], &mut [(1, at(0.2))]);
        view.frame(1.0, FRAME);
        view.tick = None;
        view.set(Tick(400), &mut [(1, at(1.0))], &mut [(1, at(1.0))]);
        let x = view.frame(0.0, FRAME)[0].pose.x;
        assert!((0.2..0.45).contains(&x), "{x}");
    }

    proptest! {
        #[test]
        fn no_jump_is_over_the_bound(errors in prop::collection::vec(-1.0_f32..1.0, 1..40)) {
            let smoothing = Smoothing { snap_distance: 1e3, ..Smoothing::default() };
            // The offset of a body is never more than all corrections together; no snap happens under this one.
            let most: f32 = errors.iter().map(|error| error.abs()).sum();
            let bound = Smoothing { snap_distance: most, ..smoothing }.jump_max(FRAME);
            for way in ways(smoothing, &errors) {
                prop_assert!((way - STEP).abs() <= bound + 1e-3, "{way} of {bound}");
            }
        }
    }
}
