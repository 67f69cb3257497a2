//! The same thousand circles as bytes, here and in the peer.

use rapier2d::prelude::{ColliderSet, RigidBodySet};

use framekeep_sim::{BodyDesc, Fx, Vec2, World, WorldDesc, decode, encode_into, hash_bytes};

use crate::circles::{Kicked, OwnCircles};
use crate::engine::{Engine, Own};
use crate::peer::Rapier;
use crate::scene::Scene;

/// Circles in the scene.
pub const CIRCLES: u16 = 1_024;
/// Steps before the snapshot is taken.
const TICKS: u32 = 30;

/// A world and its canonical bytes.
#[derive(Clone, Debug)]
pub struct OwnSnapshot {
    /// The world.
    pub world: World,
    /// Its canonical encoding.
    pub bytes: Vec<u8>,
}

impl OwnSnapshot {
    /// The scene after a second.
    #[must_use]
    pub fn new() -> Self {
        let mut circles = OwnCircles::new(CIRCLES);
        circles.step(TICKS);
        let mut own = Self { world: circles.engine.world, bytes: Vec::new() };
        own.encode();
        assert_eq!(own.restore().as_ref(), Some(&own.world), "a restored world is the same world");
        own
    }

    /// Writes the bytes again.
    pub fn encode(&mut self) {
        self.bytes.clear();
        encode_into(&self.world, &mut self.bytes);
    }

    /// Writes the bytes again and hashes them.
    pub fn hash(&mut self) -> u64 {
        self.encode();
        hash_bytes(&self.bytes)
    }

    /// The world from the bytes.
    #[must_use]
    pub fn restore(&self) -> Option<World> {
        decode(&self.bytes).ok()
    }
}

impl Default for OwnSnapshot {
    fn default() -> Self {
        Self::new()
    }
}

/// Steps in which every engine finds that the boxes rest.
const RESTING_TICKS: u32 = 300;

/// As many boxes that lie on the ground, far from each other.
fn resting() -> Scene {
    let world = WorldDesc {
        half_extent: Vec2::from_ints(1_100, 8),
        gravity: Vec2::from_ints(0, -10),
        bodies_max: CIRCLES,
        ..WorldDesc::default()
    };
    let place = |index: i32| Vec2::new(Fx::from_int(2 * index - i32::from(CIRCLES)), Fx::from_ratio(-15, 2));
    let cube = |index| BodyDesc::rect(Vec2::splat(Fx::HALF)).at(place(index));
    Scene { world, bodies: (0..i32::from(CIRCLES)).map(cube).collect() }
}

/// Bytes of each of 1,024 boxes that lie on the ground and sleep: here, in the peer and, if it was built, in the other
/// one.
///
/// # Panics
/// They do not sleep.
#[must_use]
pub fn bytes_of_a_resting_body() -> Vec<f64> {
    let mut bytes = Vec::new();
    let mut own = Own::build(&resting());
    own.step(RESTING_TICKS);
    assert!(own.world.bodies().all(|(_, body)| body.asleep), "what rests sleeps here");
    encode_into(&own.world, &mut bytes);
    let mut sizes = vec![bytes.len()];
    let mut peer = Rapier::build(&resting());
    peer.step(RESTING_TICKS);
    assert!(peer.world.bodies.iter().all(|(_, body)| body.is_sleeping()), "what rests sleeps in rapier2d");
    write_sets(&(peer.world.bodies, peer.world.colliders), &mut bytes);
    sizes.push(bytes.len());
    #[cfg(feature = "box2d")]
    {
        let mut other = crate::box2d::Box2d::build(&resting());
        other.step(RESTING_TICKS);
        assert_eq!(other.awake(), 0, "what rests sleeps in Box2D");
        other.encode(&mut bytes);
        sizes.push(bytes.len());
    }
    sizes.into_iter().map(|size| size as f64 / f64::from(CIRCLES)).collect()
}

/// The other peer's world and its bytes, by its own snapshot.
#[cfg(feature = "box2d")]
pub struct Box2dSnapshot {
    world: Kicked<crate::box2d::Box2d>,
    /// The encoding.
    pub bytes: Vec<u8>,
}

#[cfg(feature = "box2d")]
impl Box2dSnapshot {
    /// The scene after a second.
    #[must_use]
    pub fn new() -> Self {
        let mut world = Kicked::new(CIRCLES);
        world.step(TICKS);
        let mut peer = Self { world, bytes: Vec::new() };
        peer.encode();
        assert!(peer.restore(), "a snapshot is of its own world");
        peer
    }

    /// Writes the bytes again.
    pub fn encode(&mut self) {
        self.world.engine.encode(&mut self.bytes);
    }

    /// Writes the bytes again and hashes them.
    pub fn hash(&mut self) -> u64 {
        self.encode();
        hash_bytes(&self.bytes)
    }

    /// Brings the same world back to the bytes.
    pub fn restore(&mut self) -> bool {
        self.world.engine.restore(&self.bytes)
    }
}

#[cfg(feature = "box2d")]
impl Default for Box2dSnapshot {
    fn default() -> Self {
        Self::new()
    }
}

/// The peer's bodies and colliders and their bytes in bincode.
pub struct PeerSnapshot {
    sets: (RigidBodySet, ColliderSet),
    /// The encoding.
    pub bytes: Vec<u8>,
}

const CONFIG: bincode::config::Configuration<bincode::config::LittleEndian, bincode::config::Fixint> =
    bincode::config::standard().with_fixed_int_encoding();

struct Appender<'a>(&'a mut Vec<u8>);

impl bincode::enc::write::Writer for Appender<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), bincode::error::EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

fn write_sets(sets: &(RigidBodySet, ColliderSet), bytes: &mut Vec<u8>) {
    bytes.clear();
    let result = bincode::serde::encode_into_writer(sets, Appender(bytes), CONFIG);
    assert!(result.is_ok(), "the peer's sets serialize");
}

impl PeerSnapshot {
    /// The scene after a second.
    #[must_use]
    pub fn new() -> Self {
        let mut circles = Kicked::<Rapier>::new(CIRCLES);
        circles.step(TICKS);
        let mut peer =
            Self { sets: (circles.engine.world.bodies, circles.engine.world.colliders), bytes: Vec::new() };
        peer.encode();
        assert_eq!(peer.restore().map(|(bodies, _)| bodies.len()), Some(usize::from(CIRCLES)));
        peer
    }

    /// Writes the bytes again.
    pub fn encode(&mut self) {
        write_sets(&self.sets, &mut self.bytes);
    }

    /// Writes the bytes again and hashes them.
    pub fn hash(&mut self) -> u64 {
        self.encode();
        hash_bytes(&self.bytes)
    }

    /// The bodies and colliders from the bytes.
    #[must_use]
    pub fn restore(&self) -> Option<(RigidBodySet, ColliderSet)> {
        bincode::serde::decode_from_slice(&self.bytes, CONFIG).ok().map(|(sets, _)| sets)
    }
}

impl Default for PeerSnapshot {
    fn default() -> Self {
        Self::new()
    }
}
