//! `Copies`, packets of frames that are sent again to seats whose way loses or delays them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use bevy_ecs::prelude::{Entity, Query, Res, ResMut, Resource};
use framekeep_protocol::Redundancy;

use crate::limits::COPIES_WAITING_MAX;
use crate::{Clock, Counters, SeatPlay, Shard};

/// Packets of frames that are sent again, a little later.
#[derive(Resource, Default)]
pub(crate) struct Copies {
    waiting: BinaryHeap<Reverse<(Duration, usize)>>,
    /// By the number in `waiting`.
    packets: Vec<Packet>,
    unused: Vec<usize>,
}

struct Packet {
    shard: Entity,
    client_id: u64,
    bytes: Vec<u8>,
}

impl Copies {
    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Puts down the copies that a seat's way calls for; packets are `interval` apart.
    pub(crate) fn put(
        &mut self,
        play: &mut SeatPlay,
        (shard, client_id): (Entity, u64),
        packet: &[u8],
        interval: Duration,
        now: Duration,
    ) {
        for copy in 1..=play.redundancy.copies(now) {
            if self.waiting.len() >= COPIES_WAITING_MAX {
                return;
            }
            let number = self.unused.pop().unwrap_or(self.packets.len());
            if number == self.packets.len() {
                self.packets.push(Packet { shard, client_id, bytes: Vec::new() });
            }
            let place = &mut self.packets[number];
            (place.shard, place.client_id) = (shard, client_id);
            place.bytes.clear();
            place.bytes.extend_from_slice(packet);
            self.waiting.push(Reverse((now + Redundancy::copy_after(interval, copy), number)));
        }
    }
}

/// Queues the copies that are due. One for a link that is gone meanwhile is sealed by nobody.
pub(crate) fn send_copies(
    mut copies: ResMut<Copies>,
    mut shards: Query<&mut Shard>,
    mut counters: ResMut<Counters>,
    clock: Res<Clock>,
) {
    let now = clock.now();
    while let Some(&Reverse((at, number))) = copies.waiting.peek() {
        if at > now {
            break;
        }
        copies.waiting.pop();
        copies.unused.push(number);
        let Packet { shard, client_id, bytes } = &copies.packets[number];
        if let Ok(mut shard) = shards.get_mut(*shard) {
            shard.push(*client_id, bytes);
            counters.hot_copies += 1;
            counters.hot_bytes[1] += bytes.len() as u64;
        }
    }
}
