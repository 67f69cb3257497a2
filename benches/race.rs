//! A scene that several engines step in turns, and what is seen of it afterwards.

use std::time::Duration;

#[cfg(feature = "box2d")]
use crate::box2d::Box2d;
use crate::circles::{Kicked, TICKS_PER_KICK};
use crate::engine::{Engine, Own};
use crate::peer::Rapier;
use crate::scene::Scene;
use crate::timing::{busy, in_turns, micros};

/// Bodies that are stepped in one round of circles, about.
const CIRCLE_STEPS_PER_ROUND: u32 = 200_000;
const PYRAMID_TICKS: u32 = 120;
/// The fall, and a while in which it settles.
const POLYGON_TICKS: u32 = 480;

/// A scene in one engine.
pub trait Runner {
    /// Runs one round; how long its steps took.
    fn round(&mut self) -> Duration;
    /// Whether everything is where it has to be.
    fn is_plausible(&self) -> bool;
}

/// A scene that any engine can run.
pub trait Race {
    /// Steps in one round.
    fn ticks(&self) -> u32;
    /// The scene in an engine.
    fn runner<E: Engine + 'static>(&self) -> Box<dyn Runner>;
}

/// Microseconds of a step here, in rapier2d and in Box2D (if it was built), in turns.
///
/// # Panics
/// An engine gives an implausible result.
#[must_use]
pub fn run(race: &impl Race, rounds: usize) -> [Option<f64>; 3] {
    let mut runners = vec![race.runner::<Own>(), race.runner::<Rapier>()];
    #[cfg(feature = "box2d")]
    runners.push(race.runner::<Box2d>());
    let times = in_turns(rounds, &mut runners, |runner| runner.round());
    for (engine, runner) in ["Framekeep", "rapier2d", "Box2D"].iter().zip(&runners) {
        assert!(runner.is_plausible(), "{engine} gives an implausible result");
    }
    let mut times = times.into_iter().map(|time| micros(time, race.ticks()));
    [times.next(), times.next(), times.next()]
}

/// Circles that are kicked every second.
#[derive(Clone, Copy, Debug)]
pub struct Circles {
    /// How many.
    pub count: u16,
    /// Whether they turn and have friction.
    pub roll: bool,
}

impl Circles {
    fn kicks(self) -> u32 {
        (CIRCLE_STEPS_PER_ROUND / u32::from(self.count) / TICKS_PER_KICK).clamp(1, 20)
    }
}

impl Race for Circles {
    fn ticks(&self) -> u32 {
        self.kicks() * TICKS_PER_KICK
    }

    fn runner<E: Engine + 'static>(&self) -> Box<dyn Runner> {
        let circles = if self.roll { Kicked::<E>::rolling(self.count) } else { Kicked::new(self.count) };
        Box::new((circles, self.kicks()))
    }
}

impl<E: Engine> Runner for (Kicked<E>, u32) {
    fn round(&mut self) -> Duration {
        let kicked = |_| {
            self.0.kick();
            busy(|| self.0.step(TICKS_PER_KICK))
        };
        (0..self.1).map(kicked).sum()
    }

    fn is_plausible(&self) -> bool {
        self.0.is_inside()
    }
}

/// A pyramid that stands.
#[derive(Clone, Copy, Debug)]
pub struct Pyramid;

struct Standing<E>(E);

impl Race for Pyramid {
    fn ticks(&self) -> u32 {
        PYRAMID_TICKS
    }

    fn runner<E: Engine + 'static>(&self) -> Box<dyn Runner> {
        Box::new(Standing(E::build(&Scene::pyramid())))
    }
}

impl<E: Engine> Runner for Standing<E> {
    fn round(&mut self) -> Duration {
        busy(|| self.0.step(PYRAMID_TICKS))
    }

    fn is_plausible(&self) -> bool {
        let places = self.0.places();
        // Engines let bodies overlap a little, in each of the rows.
        places.len() == 200 && places.last().is_some_and(|top| (top.1 - Scene::pyramid_top()).abs() < 0.2)
    }
}

/// Polygons that fall into a bowl, again in each round.
#[derive(Clone, Copy, Debug)]
pub struct Polygons;

struct Falling<E> {
    scene: Scene,
    engine: E,
}

impl Race for Polygons {
    fn ticks(&self) -> u32 {
        POLYGON_TICKS
    }

    fn runner<E: Engine + 'static>(&self) -> Box<dyn Runner> {
        let scene = Scene::polygons();
        Box::new(Falling { engine: E::build(&scene), scene })
    }
}

impl<E: Engine> Runner for Falling<E> {
    fn round(&mut self) -> Duration {
        self.engine = E::build(&self.scene);
        busy(|| self.engine.step(POLYGON_TICKS))
    }

    fn is_plausible(&self) -> bool {
        let places = self.engine.places();
        places.len() == 1_000 && places.into_iter().all(Scene::is_in_bowl)
    }
}

#[cfg(test)]
mod tests {
    use super::{Circles, Race, Runner};
    use crate::engine::Own;
    use crate::peer::Rapier;

    fn assert_plausible(mut runner: Box<dyn Runner>) {
        runner.round();
        assert!(runner.is_plausible());
    }

    #[test]
    fn the_scenes_are_plausible_in_each_engine() {
        let rolling = Circles { count: 256, roll: true };
        assert_plausible(rolling.runner::<Own>());
        assert_plausible(rolling.runner::<Rapier>());
        assert_plausible(super::Pyramid.runner::<Own>());
        assert_plausible(super::Pyramid.runner::<Rapier>());
        assert_plausible(super::Polygons.runner::<Own>());
        assert_plausible(super::Polygons.runner::<Rapier>());
    }
}
