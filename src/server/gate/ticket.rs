//! Tickets for links through the front door: the same signed blob as over UDP, without netcode around it.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use bevy_ecs::prelude::{Mut, World};
use framekeep_gate::{Mint, MintFailed, Minted, TicketWish};
use framekeep_protocol::{Refusal, Ticket};

use crate::ticket::{TICKET_LIFE_S, fresh, sealed};
use crate::{
    Clock, Counters, NodeKey, TicketRefused, TicketRequest, UsedTickets, mint_with_timeout, player_id_of,
};

/// Checks a ticket. It is not used up yet: who hears that the server is full may come again with it.
pub(super) fn check(world: &mut World, blob: &[u8; 256]) -> Result<Ticket, Refusal> {
    let now = world.resource::<Clock>().now();
    let checked = world.resource_scope(|world, mut used: Mut<'_, UsedTickets>| {
        let (player, ..) = Ticket::decode(blob).map_err(|_| TicketRefused::Malformed)?;
        used.check(world.resource::<NodeKey>(), blob, player.player.0, now)
    });
    checked.map_err(|refused| {
        world.resource_mut::<Counters>().tickets_refused += 1;
        match refused {
            TicketRefused::Reused => Refusal::TicketReused,
            TicketRefused::Expired { ago_s } => Refusal::TicketExpired { ago_s },
            TicketRefused::Malformed | TicketRefused::Forged | TicketRefused::Foreign => {
                Refusal::TicketForeign
            }
        }
    })
}

/// Uses a ticket up that was checked.
pub(super) fn use_up(world: &mut World, ticket: &Ticket) {
    let now = world.resource::<Clock>().now();
    world.resource_mut::<UsedTickets>().use_up(ticket, now);
}

/// Makes tickets with the node's key, on any thread.
#[derive(Clone, Debug)]
pub struct KeyMint {
    /// The node's key.
    pub key: NodeKey,
    /// Where players reach the node over UDP.
    pub udp: SocketAddr,
    /// How long a link over UDP may be silent.
    pub link_timeout: Duration,
}

/// A ticket for a link through the front door of the node that has this key.
#[must_use]
pub fn web_ticket(key: &NodeKey, request: &TicketRequest) -> Option<Vec<u8>> {
    let ticket = fresh(request).ok()?;
    Some(sealed(key, &ticket).to_vec())
}

impl Mint for KeyMint {
    fn mint(&self, wish: &TicketWish) -> Result<Minted, MintFailed> {
        self.mint_for(wish, self.udp)
    }

    fn mint_for(&self, wish: &TicketWish, server: SocketAddr) -> Result<Minted, MintFailed> {
        // A clock before 1970 mints tickets that are refused as expired.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let player = wish.player.unwrap_or_else(|| player_id_of(&wish.name));
        let request = TicketRequest {
            server,
            player,
            name: wish.name.clone(),
            room: wish.room.clone(),
            role: wish.role,
            now,
        };
        let udp = mint_with_timeout(&self.key, &request, self.link_timeout)
            .map_err(|error| MintFailed(error.to_string()))?;
        let ticket = fresh(&request).map_err(|error| MintFailed(error.to_string()))?;
        let web = Box::new(sealed(&self.key, &ticket));
        Ok(Minted { player, udp, udp_address: server, web, valid_s: TICKET_LIFE_S })
    }

    fn seal(&self, purpose: &str, text: &[u8]) -> [u8; 32] {
        self.key.authenticate(purpose, text)
    }
}
