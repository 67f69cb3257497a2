//! The same thousand circles as bytes, here and in the peer.

use rapier2d::prelude::{ColliderSet, RigidBodySet};

use framekeep_sim::{World, decode, encode_into, hash_bytes};

use crate::circles::{Kicked, OwnCircles};
use crate::peer::Rapier;

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
        self.bytes.clear();
        let result = bincode::serde::encode_into_writer(&self.sets, Appender(&mut self.bytes), CONFIG);
        assert!(result.is_ok(), "the peer's sets serialize");
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
