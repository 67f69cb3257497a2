//! `Drain`, how a node comes to rest: nobody opens rooms any more, running matches may end.

use std::time::Duration;

use bevy_ecs::prelude::{Resource, World};
use framekeep_protocol::Refusal;
use tracing::info;

use crate::{Clock, Stage};

/// Whether the node is coming to rest, and until when running matches may go on.
#[derive(Resource, Clone, Copy, Debug, Default)]
pub(crate) struct Drain {
    until: Option<Duration>,
}

impl Drain {
    /// Whether the node is coming to rest.
    pub(crate) fn is_on(self) -> bool {
        self.until.is_some()
    }
}

/// Begins to come to rest, or goes on sooner than was said before.
pub(crate) fn begin(world: &mut World, grace: Duration) {
    let until = world.resource::<Clock>().now() + grace;
    let mut drain = world.resource_mut::<Drain>();
    if !drain.is_on() {
        info!(grace_s = grace.as_secs(), "draining: no rooms are opened any more, running matches may end");
    }
    drain.until = Some(drain.until.map_or(until, |before| before.min(until)));
}

/// Whether the node has come to rest: no match runs, or its time is over.
pub(crate) fn is_over(world: &mut World) -> bool {
    let Some(until) = world.resource::<Drain>().until else { return false };
    let now = world.resource::<Clock>().now();
    now >= until || world.query::<&Stage>().iter(world).next().is_none()
}

/// Whether rooms may be opened.
///
/// # Errors
/// [`Refusal::ShuttingDown`] while the node comes to rest.
pub(crate) fn check_open(world: &World) -> Result<(), Refusal> {
    if world.get_resource::<Drain>().is_some_and(|drain| drain.is_on()) {
        return Err(Refusal::ShuttingDown);
    }
    Ok(())
}
