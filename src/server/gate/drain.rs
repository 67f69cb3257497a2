//! `Drain`, how a node comes to rest: nobody opens rooms or starts matches any more, running matches may end.

use std::time::Duration;

use bevy_ecs::prelude::{Resource, World};
use framekeep_protocol::Refusal;
use tracing::info;

use crate::{Clock, Moves, Stage};

/// Whether the node is coming to rest, and until when running matches may go on.
#[derive(Resource, Clone, Copy, Debug, Default)]
pub(crate) struct Drain {
    until: Option<Duration>,
    /// Whether nothing begins any more, for however long.
    rests: bool,
    /// Whether nobody is let in any more.
    is_closed: bool,
}

impl Drain {
    /// Whether the node is coming to rest.
    pub(crate) fn is_on(self) -> bool {
        self.until.is_some() || self.rests
    }
}

/// No rooms and no matches begin any more; those that there are go on until [`begin`].
pub(crate) fn rest(world: &mut World) {
    world.resource_mut::<Drain>().rests = true;
}

/// Nobody is let in any more: the server is about to end.
pub(crate) fn close_door(world: &mut World) {
    world.resource_mut::<Drain>().is_closed = true;
}

/// Whether somebody may be let in.
///
/// # Errors
/// [`Refusal::ShuttingDown`] when the server is about to end.
pub(crate) fn check_door(world: &World) -> Result<(), Refusal> {
    if world.resource::<Drain>().is_closed { Err(Refusal::ShuttingDown) } else { Ok(()) }
}

/// Begins to come to rest, or goes on sooner than was said before.
pub(crate) fn begin(world: &mut World, grace: Duration) {
    let until = world.resource::<Clock>().now() + grace;
    let mut drain = world.resource_mut::<Drain>();
    if drain.until.is_none() {
        info!(
            grace_s = grace.as_secs(),
            "draining: no rooms and no matches begin any more, running ones may end"
        );
    }
    drain.until = Some(drain.until.map_or(until, |before| before.min(until)));
}

/// Whether the node has come to rest: no match runs and nobody is to be sent after one that goes on elsewhere, or its
/// time is over.
pub(crate) fn is_over(world: &mut World) -> bool {
    let Some(until) = world.resource::<Drain>().until else { return false };
    let now = world.resource::<Clock>().now();
    let is_empty = world.query::<&Stage>().iter(world).next().is_none();
    let moves = world.resource::<Moves>();
    now >= until || is_empty && !moves.is_busy() && !moves.sends_after()
}

/// Whether rooms may be opened and matches started.
///
/// # Errors
/// [`Refusal::ShuttingDown`] while the node comes to rest.
pub(crate) fn check_open(world: &World) -> Result<(), Refusal> {
    if world.get_resource::<Drain>().is_some_and(|drain| drain.is_on()) {
        return Err(Refusal::ShuttingDown);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bevy_ecs::prelude::Entity;
    use framekeep_protocol::{PlayerId, RoomPhase, ToServer};

    use super::*;
    use crate::seating::tests::{ADA, BEGIN, come, join, server};
    use crate::{Counters, Phase, Rooms, Server, drill};

    const GRACE: Duration = Duration::from_secs(60);

    /// Two players in a room of two, whose match has been started.
    fn playing() -> (Server, Entity, Entity) {
        let mut server = server(|_| {});
        let links = [ADA, PlayerId(2)].map(|player| come(&mut server, player));
        let world = server.world_mut();
        for link in links {
            assert_eq!(drill::say(world, link, &join(false)), None);
        }
        let room = world.resource::<Rooms>().get(&"den".parse().unwrap()).unwrap();
        assert!(world.get::<Stage>(room).is_some());
        (server, links[0], room)
    }

    fn phase(server: &Server, room: Entity) -> RoomPhase {
        server.world().get::<Phase>(room).unwrap().0
    }

    #[test]
    fn no_match_starts_while_the_node_comes_to_rest() {
        let (mut server, host, room) = playing();
        assert_eq!(drill::say(server.world_mut(), host, &ToServer::Abort), None);
        begin(server.world_mut(), GRACE);
        let refused = drill::say(server.world_mut(), host, &ToServer::PlayAgain);
        assert_eq!((refused, phase(&server, room)), (Some(Refusal::ShuttingDown), RoomPhase::Finished));
        server.pump_at(BEGIN + Duration::from_secs(10));
        assert!(is_over(server.world_mut()));
    }

    #[test]
    fn a_match_that_waits_for_the_one_before_does_not_start_either() {
        let (mut server, host, room) = playing();
        assert_eq!(drill::say(server.world_mut(), host, &ToServer::Abort), None);
        assert_eq!(drill::say(server.world_mut(), host, &ToServer::PlayAgain), None);
        assert_eq!(phase(&server, room), RoomPhase::Playing);
        begin(server.world_mut(), GRACE);
        for seconds in 1..10 {
            server.pump_at(BEGIN + Duration::from_secs(seconds));
        }
        assert_eq!(phase(&server, room), RoomPhase::Finished);
        assert!(is_over(server.world_mut()));
        assert_eq!(server.world().resource::<Counters>().matches_started, 1);
    }
}
