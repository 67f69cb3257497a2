//! `Mint`, where the front door gets tickets from.

use core::net::SocketAddr;

use framekeep_protocol::{PlayerId, PlayerName, Role, RoomName};

/// What a ticket is wanted for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketWish {
    /// Who it is for; the player of that name if it is not said.
    pub player: Option<PlayerId>,
    /// The name others see.
    pub name: PlayerName,
    /// The only room it is good for; any if it is not said.
    pub room: Option<RoomName>,
    /// What the link may do.
    pub role: Role,
}

/// A pair of tickets for one player, each good for one link within a few seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Minted {
    /// For whom.
    pub player: PlayerId,
    /// A connect token, for a link over UDP.
    pub udp: Vec<u8>,
    /// Where that link goes.
    pub udp_address: SocketAddr,
    /// For a link over WebSocket.
    pub web: Box<[u8; 256]>,
    /// For how long both are good, in seconds.
    pub valid_s: u64,
}

/// No ticket could be made; the text says why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MintFailed(pub String);

/// Where the front door gets tickets from: whoever holds the node's key.
pub trait Mint: Send + Sync {
    /// Makes a pair of tickets.
    ///
    /// # Errors
    /// [`MintFailed`] if the system gives no randomness.
    fn mint(&self, wish: &TicketWish) -> Result<Minted, MintFailed>;

    /// Makes a pair of tickets for another node, which has the same key and is reached over UDP there.
    ///
    /// # Errors
    /// As for [`mint`](Self::mint).
    fn mint_for(&self, wish: &TicketWish, udp: SocketAddr) -> Result<Minted, MintFailed>;

    /// The seal of a text under the node's key, for what the front door hands out and wants to know again.
    fn seal(&self, purpose: &str, text: &[u8]) -> [u8; 32];
}
