//! `Redirect`, where a room goes on that moves to another node.

use alloc::string::String;
use alloc::vec::Vec;

use framekeep_sim::Tick;
use serde::{Deserialize, Serialize};

use crate::codec::at_most;
use crate::{CodecError, REDIRECT_ADDRESS_BYTES_MAX, REDIRECT_TOKEN_BYTES_MAX, RoomName, raw_bytes};

/// A room moves to another node, or has. The client opens a second link there and plays on here meanwhile; the other
/// node shows it the room once it goes on there, and the first link is of no use from then on. A second link that ends
/// before is the end of the move: the room stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirect {
    /// The room.
    pub room: RoomName,
    /// The first tick that the other node commits; 0 where no match is played, and for a room that has moved.
    pub tick: Tick,
    /// Where the other node is: `HOST:PORT`, or for clients of its front door a URL. At most
    /// [`REDIRECT_ADDRESS_BYTES_MAX`] bytes.
    pub address: String,
    /// What opens a link there, at most [`REDIRECT_TOKEN_BYTES_MAX`] bytes: over UDP a connect token, which names
    /// the address as well, through the front door a ticket of 256 bytes.
    #[serde(with = "raw_bytes")]
    pub token: Vec<u8>,
}

impl Redirect {
    pub(crate) fn validate(&self) -> Result<(), CodecError> {
        at_most("address bytes", self.address.len(), REDIRECT_ADDRESS_BYTES_MAX)?;
        at_most("token bytes", self.token.len(), REDIRECT_TOKEN_BYTES_MAX)
    }
}
