//! `ExpirePlugin`: what happens when time is up. The only place that frees seats and closes rooms by the clock.

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::{IntoScheduleConfigs, World};
use framekeep_protocol::LeftReason;
use tracing::debug;

use crate::room::{Room, Rooms};
use crate::{Clock, Pump, Seat, ServerConfig, ServerSystems, rooms};

/// What happens when time is up: held seats are freed, empty rooms closed.
pub(crate) struct ExpirePlugin;

impl Plugin for ExpirePlugin {
    fn build(&self, app: &mut App) {
        app.add_systems(Pump, expire.in_set(ServerSystems::Expire));
    }
}

/// Looks at the rooms and seats whose deadline has come; a deadline that no longer holds is simply passed over.
fn expire(world: &mut World) {
    let now = world.resource::<Clock>().now();
    let grace = world.resource::<ServerConfig>().reconnect_grace;
    while let Some((_, entity)) = world.resource_mut::<Rooms>().deadlines.pop(now) {
        if let Some(seat) = world.get::<Seat>(entity) {
            if seat.lost_at.is_some_and(|lost| now >= lost + grace) {
                debug!(player = seat.player.0, "a held seat is freed");
                rooms::free_seat(world, entity, LeftReason::Removed);
            }
        } else if world.get::<Room>(entity).is_some_and(|room| room.roster.is_empty()) {
            rooms::close(world, entity);
        }
    }
}
