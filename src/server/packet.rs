//! Buffered packets: what a match leaves behind until it is cleaned up.

use bevy_ecs::prelude::{Component, Entity, World};
use framekeep_sim::Tick;

use std::time::Duration;

use crate::limits::{LEADERBOARDS_KEPT, SCORES_PER_SEAT_MAX};

/// What a buffered packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PacketKind {
    /// A seat's score at a tick.
    Score,
    /// How a seat's play stands; the newest replaces the one before.
    State,
    /// Everybody's standing.
    Leaderboard,
}

impl PacketKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Score, Self::State, Self::Leaderboard];

    /// The kind's name in status and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Score => "score",
            Self::State => "state",
            Self::Leaderboard => "leaderboard",
        }
    }
}

/// The room a packet belongs to.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
#[relationship(relationship_target = Packets)]
pub struct PacketOf(pub Entity);

/// The packets of a room in the order in which they were made; they go when the room goes.
#[derive(Component, Debug, Default)]
#[relationship_target(relationship = PacketOf, linked_spawn)]
pub struct Packets(Vec<Entity>);

impl Packets {
    /// The entities, oldest first.
    #[must_use]
    pub fn entities(&self) -> &[Entity] {
        &self.0
    }
}

/// A packet that waits in its room: a score, a seat's state, or a leaderboard.
#[derive(Component, Clone, Debug, PartialEq, Eq)]
#[component(immutable)]
pub struct BufferedPacket {
    /// What it says.
    pub kind: PacketKind,
    /// The seat it is about; `None` is everybody.
    pub seat: Option<u8>,
    /// The tick it describes.
    pub tick: Tick,
    /// When it was made. A cleanup takes only what was there when it was asked for.
    pub made_at: Duration,
    /// What it says, in the words of the wire.
    pub bytes: Box<[u8]>,
}

/// Which packets of a room are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketScope {
    /// Those about one seat.
    Seat(u8),
    /// Those about any seat.
    Seats,
    /// All of them.
    All,
}

impl PacketScope {
    /// Whether a packet is meant.
    #[must_use]
    pub fn covers(self, packet: &BufferedPacket) -> bool {
        match self {
            Self::Seat(seat) => packet.seat == Some(seat),
            Self::Seats => packet.seat.is_some(),
            Self::All => true,
        }
    }
}

/// Adds packets to a room. What is over the bound of its kind and seat goes, the oldest first.
pub fn buffer_packets(world: &mut World, room: Entity, packets: Vec<BufferedPacket>) {
    let over = over_bound(world, room, &packets);
    for entity in over {
        world.despawn(entity);
    }
    world.spawn_batch(packets.into_iter().map(move |packet| (packet, PacketOf(room))));
}

/// The packets of a room that have to make way for others.
fn over_bound(world: &World, room: Entity, coming: &[BufferedPacket]) -> Vec<Entity> {
    let same = |a: &BufferedPacket, b: &BufferedPacket| a.kind == b.kind && a.seat == b.seat;
    let there: Vec<(Entity, &BufferedPacket)> = of_room(world, room).collect();
    let mut over = Vec::new();
    for (nth, packet) in coming.iter().enumerate() {
        // The first of its kind and seat speaks for those that come with it.
        if coming[..nth].iter().any(|earlier| same(earlier, packet)) {
            continue;
        }
        let more = coming[nth..].iter().filter(|other| same(other, packet)).count();
        let alike = || there.iter().filter(|(_, old)| same(old, packet));
        let surplus = (alike().count() + more).saturating_sub(kept_max(packet.kind));
        over.extend(alike().take(surplus).map(|(entity, _)| *entity));
    }
    over
}

const fn kept_max(kind: PacketKind) -> usize {
    match kind {
        PacketKind::Score => SCORES_PER_SEAT_MAX,
        PacketKind::State => 1,
        PacketKind::Leaderboard => LEADERBOARDS_KEPT,
    }
}

/// The packets of a room, oldest first.
pub(crate) fn of_room(world: &World, room: Entity) -> impl Iterator<Item = (Entity, &BufferedPacket)> {
    let entities = world.get::<Packets>(room).map(Packets::entities).unwrap_or_default();
    entities.iter().filter_map(|&entity| world.get::<BufferedPacket>(entity).map(|packet| (entity, packet)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(kind: PacketKind, seat: Option<u8>, tick: u32) -> BufferedPacket {
        BufferedPacket { kind, seat, tick: Tick(tick), made_at: Duration::ZERO, bytes: Box::new([0; 8]) }
    }

    fn ticks(world: &World, room: Entity, kind: PacketKind, seat: Option<u8>) -> Vec<u32> {
        let alike = |packet: &&BufferedPacket| packet.kind == kind && packet.seat == seat;
        of_room(world, room).map(|(_, packet)| packet).filter(alike).map(|packet| packet.tick.0).collect()
    }

    #[test]
    fn every_kind_keeps_its_newest_within_its_bound() {
        let mut world = World::new();
        let room = world.spawn_empty().id();
        for tick in 0..120 {
            let mut packets = vec![packet(PacketKind::Leaderboard, None, tick)];
            for seat in 0..3 {
                packets.push(packet(PacketKind::Score, Some(seat), tick));
                packets.push(packet(PacketKind::State, Some(seat), tick));
            }
            buffer_packets(&mut world, room, packets);
        }
        for seat in 0..3 {
            let scores = ticks(&world, room, PacketKind::Score, Some(seat));
            assert_eq!(scores, (70..120).collect::<Vec<u32>>());
            assert_eq!(ticks(&world, room, PacketKind::State, Some(seat)), [119]);
        }
        assert_eq!(ticks(&world, room, PacketKind::Leaderboard, None), [116, 117, 118, 119]);
    }

    #[test]
    fn packets_go_with_their_room() {
        let mut world = World::new();
        let room = world.spawn_empty().id();
        buffer_packets(&mut world, room, vec![packet(PacketKind::Score, Some(0), 1)]);
        world.despawn(room);
        assert_eq!(world.query::<&BufferedPacket>().iter(&world).count(), 0);
    }
}
