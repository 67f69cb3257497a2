//! `Sketch`, the two states between which a frame is drawn.

use framekeep_rollback::{Pose, ViewTimeline};
use framekeep_sim::{Frame, Game, Match, Tick, View, ViewBody};

/// The two states between which a frame is drawn, and the memory to make them in.
///
/// The newer one is one tick further than anything that was decided: it is stepped with the input that is held *now*,
/// so a key that goes down is seen in this very frame, whatever the rates of ticks and frames are.
pub(crate) struct Sketch<G: Game> {
    /// The state after the one that is current.
    next: Option<Match<G>>,
    frame: Frame,
    view: View,
    before: Vec<(u64, Pose)>,
    after: Vec<(u64, Pose)>,
    /// What `next` was made of: the tick of the frame, its revision, the own input's bits.
    made_of: Option<(Tick, u64, u64)>,
}

impl<G: Game> Default for Sketch<G> {
    fn default() -> Self {
        Self {
            next: None,
            frame: Frame::default(),
            view: View::default(),
            before: Vec::new(),
            after: Vec::new(),
            made_of: None,
        }
    }
}

impl<G: Game> Sketch<G> {
    /// What it was made of last: tick and own input.
    pub(crate) fn made_of(&self) -> Option<(Tick, u64)> {
        self.made_of.map(|(tick, _, own)| (tick, own))
    }

    /// Another match: nothing of the old one is of use.
    pub(crate) fn forget(&mut self) {
        self.made_of = None;
    }

    /// Draws between `current` and the state that `frame` makes of it. Does nothing if it was made of the same before.
    pub(crate) fn ahead(
        &mut self,
        current: &Match<G>,
        revision: u64,
        own: u64,
        timeline: &mut ViewTimeline<u64>,
        view: &mut View,
        frame: impl FnOnce(&mut Frame),
    ) {
        let made_of = Some((current.tick(), revision, own));
        if self.made_of != made_of {
            self.made_of = made_of;
            self.step(current, frame);
            timeline.set(current.tick().next(), &mut self.before, &mut self.after);
            view.clone_from(&self.view);
        }
    }

    /// Tells `timeline` where things are now that it drew between `current` and the state `frame` makes of it.
    pub(crate) fn correct(
        &mut self,
        current: &Match<G>,
        timeline: &mut ViewTimeline<u64>,
        frame: impl FnOnce(&mut Frame),
    ) {
        self.step(current, frame);
        timeline.correct(&mut self.before, &mut self.after);
    }

    /// Draws between two states that are there.
    pub(crate) fn between(
        &mut self,
        before: &Match<G>,
        after: &Match<G>,
        timeline: &mut ViewTimeline<u64>,
        view: &mut View,
    ) {
        let made_of = Some((after.tick(), u64::MAX, 0));
        if self.made_of != made_of {
            self.made_of = made_of;
            poses(before, &mut self.view, &mut self.before);
            poses(after, view, &mut self.after);
            timeline.set(after.tick(), &mut self.before, &mut self.after);
        }
    }

    fn step(&mut self, current: &Match<G>, frame: impl FnOnce(&mut Frame)) {
        self.frame.copy_from(&Frame::absent(current.tick(), current.seats()));
        frame(&mut self.frame);
        match &mut self.next {
            Some(next) => next.clone_from(current),
            None => self.next = Some(current.clone()),
        }
        let Some(next) = &mut self.next else { return };
        poses(next, &mut self.view, &mut self.before);
        next.step(&self.frame);
        poses(next, &mut self.view, &mut self.after);
    }
}

/// Where everything is in a state.
fn poses<G: Game>(state: &Match<G>, view: &mut View, out: &mut Vec<(u64, Pose)>) {
    state.view(view);
    out.clear();
    out.extend(view.bodies.iter().map(|body| (key(body), Pose::of(body))));
}

/// What a body is told apart by. A thing that was only guessed may have had the id of one that is; whose it is tells
/// most such apart.
pub(crate) fn key(body: &ViewBody) -> u64 {
    u64::from(body.seat) << 32 | u64::from(body.id)
}
