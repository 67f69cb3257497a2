//! `Marks`, a quick answer to whether somebody may be blocked.

use framekeep_protocol::PlayerId;

use crate::Ticket;

/// Players as bits, several by one bit: two sets without a bit in common have nobody in common (Bloom 1970).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    party: u128,
    blocked: u128,
}

impl Marks {
    pub(crate) fn of(ticket: &Ticket) -> Self {
        // The upper bits of a product with the golden ratio: neighbours get bits that are far apart.
        let mark =
            |all: u128, player: PlayerId| all | 1 << (player.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 57);
        Self {
            party: ticket.party.iter().map(|member| member.player).fold(0, mark),
            blocked: ticket.blocked.iter().copied().fold(0, mark),
        }
    }

    /// Those of both.
    pub(crate) fn with(self, other: Self) -> Self {
        Self { party: self.party | other.party, blocked: self.blocked | other.blocked }
    }

    /// Whether for sure nobody of one is blocked by the other; if not, somebody may be.
    pub(crate) fn are_peaceful(self, other: Self) -> bool {
        (self.party & other.blocked) | (self.blocked & other.party) == 0
    }
}
