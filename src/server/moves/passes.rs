//! What opens links here for players of other nodes.

use bevy_ecs::prelude::World;

use super::message::{Pass, Wish};
use crate::{Clock, NodeKey, ServerConfig, Socket, TicketRequest, gate, mint_with_timeout};

/// One for each player; who cannot have one comes later, or not.
pub(super) fn mint_all(world: &World, wishes: &[Wish]) -> Vec<Pass> {
    wishes.iter().filter_map(|wish| mint(world, wish)).collect()
}

/// Makes what lets a player in here.
pub(super) fn mint(world: &World, wish: &Wish) -> Option<Pass> {
    let (config, key) = (world.resource::<ServerConfig>(), world.resource::<NodeKey>());
    let local = world.non_send::<Socket>().0.local_addr();
    let request = TicketRequest {
        server: config.public.first().copied().unwrap_or(local),
        player: wish.player,
        name: wish.name.clone(),
        room: wish.room.clone(),
        role: wish.role,
        now: world.resource::<Clock>().now(),
    };
    let (address, token) = if wish.is_web {
        (config.web.clone(), gate::web_ticket(key, &request)?)
    } else {
        (request.server.to_string(), mint_with_timeout(key, &request, config.link_timeout).ok()?)
    };
    Some(Pass { player: wish.player, address, token })
}
