//! What the relay has to be told of the cluster.

use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use framekeep_protocol::{Refusal, RoomName, Ticket};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::LOST_AFTER;

/// A node, from one start to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u64);

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The secret that all nodes of a cluster have.
#[derive(Clone)]
pub struct RelaySecret(Hmac<Sha256>);

impl RelaySecret {
    /// The secret of these bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        // A key of the length of the hash: every length of bytes makes one.
        Self(<Hmac<Sha256> as Mac>::new(&block(bytes).into()))
    }

    pub(crate) fn mac(&self) -> Hmac<Sha256> {
        self.0.clone()
    }
}

/// The key of a MAC is a block of the hash.
fn block(bytes: &[u8]) -> [u8; 64] {
    let mut block = [0; 64];
    block[..32].copy_from_slice(&Sha256::digest(bytes));
    block
}

impl fmt::Debug for RelaySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RelaySecret")
    }
}

/// Where a room is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At this node.
    Here,
    /// At another.
    At(PeerId),
    /// Nowhere: no node has a room of the name.
    Nowhere,
    /// Nobody knows now.
    Unknown,
}

/// What is awaited.
pub type Awaited<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What is known of the nodes and their rooms. Methods return at once.
pub trait Directory: Send + Sync {
    /// Where a room is. If it is nowhere and `opens` says that it is to be opened here, its name is this node's by the
    /// answer, where that can be had.
    fn find(&self, room: RoomName, opens: bool) -> Awaited<Place>;

    /// Where a node takes connections of others, as long as it is known.
    fn address(&self, node: PeerId) -> Option<SocketAddr>;

    /// The node that clients reach at this address: `HOST:PORT`, or a URL.
    fn at(&self, address: &str) -> Option<PeerId>;

    /// The node that a new room is opened at.
    fn least_loaded(&self) -> Option<PeerId>;

    /// How long after the last word of a node its rooms are waited for: longer where others open them again.
    fn lost_after(&self) -> Duration {
        LOST_AFTER
    }
}

/// Lets players in where no server does: checks tickets and uses them up.
pub trait Admission: Send + Sync {
    /// Reads a ticket, once.
    ///
    /// # Errors
    /// [`Refusal`] if it is forged, used or over.
    fn redeem(&self, ticket: &[u8; 256]) -> Result<Ticket, Refusal>;
}
