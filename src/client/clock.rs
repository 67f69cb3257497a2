//! `ClientClock`, the one source of time of a client.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bevy_ecs::prelude::{Res, ResMut, Resource};
use bevy_time::{Real, Time};

/// The one source of time of a client: since the Unix epoch, never going backwards.
///
/// It follows [`Time<Real>`], so whatever drives Bevy's time drives this; in the manual mode it stands still until
/// [`ClientClock::set`] moves it.
#[derive(Resource, Clone, Copy, Debug)]
pub struct ClientClock {
    now: Duration,
    passed: Duration,
    /// What the Unix time was when Bevy's time was zero; none in the manual mode.
    origin: Option<Duration>,
}

impl ClientClock {
    /// A clock that follows Bevy's real time, which is zero now.
    #[must_use]
    pub fn following() -> Self {
        // A machine whose clock is before 1970 has tickets refused as expired.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { now, passed: Duration::ZERO, origin: Some(now) }
    }

    /// A clock that is moved by hand.
    #[must_use]
    pub const fn manual(now: Duration) -> Self {
        Self { now, passed: Duration::ZERO, origin: None }
    }

    /// The time of this frame, since the Unix epoch; the same for every system of a frame.
    #[must_use]
    pub const fn now(&self) -> Duration {
        self.now
    }

    /// How much time has passed since the frame before.
    #[must_use]
    pub const fn passed(&self) -> Duration {
        self.passed
    }

    /// Moves the clock to `now`; never backwards.
    pub fn set(&mut self, now: Duration) {
        self.passed = now.saturating_sub(self.now);
        self.now += self.passed;
    }
}

impl Default for ClientClock {
    fn default() -> Self {
        Self::following()
    }
}

/// Reads Bevy's time.
pub(crate) fn follow_time(mut clock: ResMut<ClientClock>, time: Res<Time<Real>>) {
    if let Some(origin) = clock.origin {
        clock.set(origin + time.elapsed());
    }
}
