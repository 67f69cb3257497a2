//! Tickets: the signed, single-use right of a player to open one link.

use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use bevy_ecs::prelude::Resource;
use framekeep_journal::SealKey;
use framekeep_protocol::{PlayerId, PlayerName, Role, RoomName, Ticket, TokenId};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::limits::{LINK_TIMEOUT, USED_TICKETS_MAX};

/// How long a ticket is valid, in seconds.
pub(crate) const TICKET_LIFE_S: u64 = 10;

/// The node's secret: 32 bytes from which the netcode key and the signing key are derived.
#[derive(Clone, Resource)]
pub struct NodeKey([u8; 32]);

impl NodeKey {
    /// A key from its bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(b"framekeep ");
        digest.update(purpose.as_bytes());
        digest.update(self.0);
        digest.finalize().into()
    }

    /// The key that seals netcode connect tokens.
    #[must_use]
    pub fn netcode(&self) -> [u8; 32] {
        self.derive("netcode")
    }

    /// The key that signs the node's replays.
    #[must_use]
    pub fn seal(&self) -> SealKey {
        SealKey::derive(&self.0)
    }

    fn signer(&self) -> Hmac<Sha256> {
        self.signer_for("ticket")
    }

    fn signer_for(&self, purpose: &str) -> Hmac<Sha256> {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        Hmac::new_from_slice(&self.derive(purpose)).expect("a key of 32 bytes")
    }

    /// The authentication code of a text, under a key of its own for each purpose.
    pub(crate) fn authenticate(&self, purpose: &str, text: &[u8]) -> [u8; 32] {
        self.signer_for(&format!("gate {purpose}")).chain_update(text).finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NodeKey(..)")
    }
}

/// What a ticket is minted for.
#[derive(Clone, Debug)]
pub struct TicketRequest {
    /// The address the player will connect to; the server's own, as players see it.
    pub server: SocketAddr,
    /// Who the ticket is for.
    pub player: PlayerId,
    /// The name others see.
    pub name: PlayerName,
    /// The only room the link may join; any if `None`.
    pub room: Option<RoomName>,
    /// What the link may do.
    pub role: Role,
    /// Now, since the Unix epoch.
    pub now: Duration,
}

/// A ticket that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// netcode would not make a token.
    #[error("no connect token could be made: {0}")]
    Netcode(String),
    /// The system has no randomness to give.
    #[error("no randomness for a ticket id: {0}")]
    Random(String),
}

/// Makes a ticket: the bytes of a netcode connect token, valid for ten seconds and one link, which may be silent for
/// ten seconds.
///
/// # Errors
/// [`MintError`] if the system gives no randomness or the token cannot be sealed.
pub fn mint(key: &NodeKey, request: &TicketRequest) -> Result<Vec<u8>, MintError> {
    mint_with_timeout(key, request, LINK_TIMEOUT)
}

/// Makes a ticket as [`mint`] does, of which the link may be silent for `link_timeout`, in whole seconds, before
/// either side gives it up.
///
/// # Errors
/// [`MintError`] if the system gives no randomness or the token cannot be sealed.
pub fn mint_with_timeout(
    key: &NodeKey,
    request: &TicketRequest,
    link_timeout: Duration,
) -> Result<Vec<u8>, MintError> {
    let ticket = fresh(request)?;
    let user_data = sealed(key, &ticket);
    // Zero would be no time-out at all.
    let timeout_s = i32::try_from(link_timeout.as_secs()).unwrap_or(i32::MAX).max(1);
    crate::shard::connect_token(key, request, timeout_s, &user_data).map_err(MintError::Netcode)
}

/// A ticket that nobody has had yet.
pub(crate) fn fresh(request: &TicketRequest) -> Result<Ticket, MintError> {
    let mut token_id = [0; 16];
    getrandom::fill(&mut token_id).map_err(|error| MintError::Random(error.to_string()))?;
    let issued_at_s = request.now.as_secs();
    Ok(Ticket {
        token_id: TokenId(token_id),
        player: request.player,
        name: request.name.clone(),
        room: request.room.clone(),
        role: request.role,
        issued_at_s,
        expires_at_s: issued_at_s + TICKET_LIFE_S,
    })
}

/// The bytes of a ticket, signed.
pub(crate) fn sealed(key: &NodeKey, ticket: &Ticket) -> [u8; 256] {
    ticket.encode(|bytes| key.signer().chain_update(bytes).finalize().into_bytes().into())
}

/// The player id of a development identity: the same name is the same player.
#[must_use]
pub fn player_id_of(name: &PlayerName) -> PlayerId {
    let digest = Sha256::digest(name.as_str().as_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest[..8]);
    PlayerId(u64::from_le_bytes(bytes))
}

/// A ticket that is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TicketRefused {
    /// The blob is not a ticket.
    #[error("the ticket is malformed")]
    Malformed,
    /// The signature is not ours.
    #[error("the ticket's signature is not this server's")]
    Forged,
    /// It was valid once.
    #[error("the ticket expired {ago_s} s ago")]
    Expired {
        /// How long ago, in seconds; 0 if its time has not come.
        ago_s: u64,
    },
    /// A link was opened with it before.
    #[error("the ticket was used before")]
    Reused,
    /// It names another player than the connect token does.
    #[error("the ticket belongs to another player")]
    Foreign,
}

/// Tickets that were used and have not yet expired.
#[derive(Resource, Default)]
pub struct UsedTickets {
    ids: HashSet<TokenId>,
    order: VecDeque<(u64, TokenId)>,
}

impl UsedTickets {
    /// Checks the user data of a new connection and uses the ticket up.
    ///
    /// # Errors
    /// [`TicketRefused`]; the ticket is used up only by success.
    pub fn redeem(
        &mut self,
        key: &NodeKey,
        user_data: &[u8; 256],
        client_id: u64,
        now: Duration,
    ) -> Result<Ticket, TicketRefused> {
        let ticket = self.check(key, user_data, client_id, now)?;
        self.use_up(&ticket, now);
        Ok(ticket)
    }

    /// Checks the user data of a new connection, and leaves the ticket as it is.
    ///
    /// # Errors
    /// [`TicketRefused`].
    pub(crate) fn check(
        &mut self,
        key: &NodeKey,
        user_data: &[u8; 256],
        client_id: u64,
        now: Duration,
    ) -> Result<Ticket, TicketRefused> {
        let (ticket, signed, signature) = Ticket::decode(user_data).map_err(|_| TicketRefused::Malformed)?;
        key.signer().chain_update(signed).verify_slice(&signature[..]).map_err(|_| TicketRefused::Forged)?;
        if ticket.player.0 != client_id {
            return Err(TicketRefused::Foreign);
        }
        let now_s = now.as_secs();
        // Tickets of the future come from a clock that is wrong by more than their life.
        if ticket.expires_at_s <= now_s || ticket.issued_at_s > now_s + TICKET_LIFE_S {
            return Err(TicketRefused::Expired { ago_s: now_s.saturating_sub(ticket.expires_at_s) });
        }
        self.forget(now_s);
        if self.ids.contains(&ticket.token_id) || self.ids.len() >= USED_TICKETS_MAX {
            return Err(TicketRefused::Reused);
        }
        Ok(ticket)
    }

    /// Uses a ticket up that was checked.
    pub(crate) fn use_up(&mut self, ticket: &Ticket, now: Duration) {
        self.ids.insert(ticket.token_id);
        self.order.push_back((now.as_secs() + 2 * TICKET_LIFE_S, ticket.token_id));
    }

    fn forget(&mut self, now_s: u64) {
        while let Some(&(until, id)) = self.order.front() {
            if until > now_s {
                break;
            }
            self.ids.remove(&id);
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000);
    const KEY: NodeKey = NodeKey::new([3; 32]);

    fn blob(key: &NodeKey, player: PlayerId, token_id: u8) -> [u8; 256] {
        let ticket = Ticket {
            token_id: TokenId([token_id; 16]),
            player,
            name: PlayerName::try_from("ada".to_owned()).unwrap(),
            room: None,
            role: Role::Player,
            issued_at_s: NOW.as_secs(),
            expires_at_s: NOW.as_secs() + TICKET_LIFE_S,
        };
        ticket.encode(|bytes| key.signer().chain_update(bytes).finalize().into_bytes().into())
    }

    #[test]
    fn a_ticket_is_good_for_one_link() {
        let mut used = UsedTickets::default();
        let blob = blob(&KEY, PlayerId(7), 1);
        assert_eq!(used.redeem(&KEY, &blob, 7, NOW).map(|ticket| ticket.player), Ok(PlayerId(7)));
        assert_eq!(used.redeem(&KEY, &blob, 7, NOW).err(), Some(TicketRefused::Reused));
    }

    #[test]
    fn a_ticket_of_another_player_is_refused_and_not_used_up() {
        let mut used = UsedTickets::default();
        let blob = blob(&KEY, PlayerId(7), 1);
        assert_eq!(used.redeem(&KEY, &blob, 8, NOW).err(), Some(TicketRefused::Foreign));
        assert!(used.redeem(&KEY, &blob, 7, NOW).is_ok());
    }

    #[test]
    fn a_forged_ticket_is_refused_whichever_bit_was_changed() {
        let mut used = UsedTickets::default();
        let other_key = blob(&NodeKey::new([4; 32]), PlayerId(7), 1);
        assert_eq!(used.redeem(&KEY, &other_key, 7, NOW).err(), Some(TicketRefused::Forged));
        let good = blob(&KEY, PlayerId(7), 1);
        for bit in 0..good.len() * 8 {
            let mut changed = good;
            changed[bit / 8] ^= 1 << (bit % 8);
            let refused = used.redeem(&KEY, &changed, 7, NOW).err();
            assert!(matches!(refused, Some(TicketRefused::Forged | TicketRefused::Malformed)), "bit {bit}");
        }
    }

    #[test]
    fn a_ticket_expires_and_is_not_valid_before_its_time() {
        let mut used = UsedTickets::default();
        let blob = blob(&KEY, PlayerId(7), 1);
        let (late, early) = (NOW + Duration::from_secs(TICKET_LIFE_S), NOW - Duration::from_secs(60));
        assert_eq!(used.redeem(&KEY, &blob, 7, late).err(), Some(TicketRefused::Expired { ago_s: 0 }));
        assert_eq!(used.redeem(&KEY, &blob, 7, early).err(), Some(TicketRefused::Expired { ago_s: 0 }));
    }

    #[test]
    fn used_tickets_are_forgotten_when_they_would_be_refused_anyway() {
        let mut used = UsedTickets::default();
        for number in 0..50 {
            used.redeem(&KEY, &blob(&KEY, PlayerId(7), number), 7, NOW).unwrap();
        }
        assert_eq!(used.ids.len(), 50);
        used.forget(NOW.as_secs() + 2 * TICKET_LIFE_S);
        assert!(used.ids.is_empty() && used.order.is_empty());
    }
}
