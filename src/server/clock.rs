//! `Clock`, the one source of time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bevy_ecs::prelude::Resource;

/// The one source of time: since the Unix epoch, never going backwards.
///
/// In the manual mode it stands still until [`Clock::set`] moves it; tests run hours in seconds that way.
#[derive(Resource, Debug)]
pub struct Clock {
    now: Duration,
    origin: Option<(Instant, Duration)>,
}

impl Clock {
    /// A clock that follows the machine's.
    #[must_use]
    pub fn system() -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { now: unix, origin: Some((Instant::now(), unix)) }
    }

    /// A clock that is moved by hand.
    #[must_use]
    pub fn manual(now: Duration) -> Self {
        Self { now, origin: None }
    }

    /// Whether the clock is moved by hand.
    #[must_use]
    pub fn is_manual(&self) -> bool {
        self.origin.is_none()
    }

    /// The time of this pump, since the Unix epoch. The same for every system of one pump.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.now
    }

    /// The time right now; the same as [`Clock::now`] in the manual mode.
    #[must_use]
    pub fn precise(&self) -> Duration {
        self.origin.map_or(self.now, |(instant, unix)| unix + instant.elapsed())
    }

    /// Reads the machine's clock. Nothing happens in the manual mode.
    pub fn refresh(&mut self) {
        self.now = self.precise().max(self.now);
    }

    /// Lets time pass: waits, or moves a manual clock.
    pub(crate) fn pass(&mut self, duration: Duration) {
        match self.origin {
            Some(_) => std::thread::sleep(duration),
            None => self.set(self.now + duration),
        }
    }

    /// Moves a manual clock to `now`; never backwards.
    pub fn set(&mut self, now: Duration) {
        self.now = now.max(self.now);
    }
}
