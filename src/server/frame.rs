//! Frames: committed once, entities until every seat has them.

use bevy_ecs::prelude::{Component, Entity, World};
use bevy_ecs::relationship::RelationshipTarget as _;
use framekeep_sim::Tick;
use smallvec::SmallVec;

/// The room a frame belongs to.
#[derive(Component, Clone, Copy, Debug, PartialEq, Eq)]
#[relationship(relationship_target = Frames)]
pub struct FrameOf(pub Entity);

/// The frames of a room that some seat may still lack, in the order of their ticks; they go when the room goes.
#[derive(Component, Debug, Default)]
#[relationship_target(relationship = FrameOf, linked_spawn)]
pub struct Frames(Vec<Entity>);

impl Frames {
    /// The entities in the order of their ticks.
    #[must_use]
    pub fn entities(&self) -> &[Entity] {
        &self.0
    }
}

/// A committed frame as it is sent: coded against the frame before it, the same bytes for every seat.
#[derive(Component, Clone, Debug)]
#[component(immutable)]
pub struct CommittedFrame {
    /// The tick it steps.
    pub tick: Tick,
    /// Its bytes on the wire and in the journal.
    pub delta: SmallVec<[u8; 24]>,
}

/// Despawns all frames of a room.
pub(crate) fn clear(world: &mut World, room: Entity) {
    let frames: Vec<Entity> =
        world.get::<Frames>(room).map(|frames| frames.iter().collect()).unwrap_or_default();
    for frame in frames {
        world.despawn(frame);
    }
    world.entity_mut(room).remove::<Frames>();
}
