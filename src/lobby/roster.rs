//! `Roster`, who sits where in a room.

use framekeep_protocol::{PlayerId, PlayerName};

/// Who holds a seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occupant {
    /// The player; a seat belongs to a player, not to a connection.
    pub player: PlayerId,
    /// The name others see.
    pub name: PlayerName,
}

/// Who sits where, and who is host. The number of seats never changes, so a room cannot be over-full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    seats: Vec<Option<Occupant>>,
    host: Option<PlayerId>,
}

/// All seats are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("all {0} seats are taken")]
pub struct Full(pub u8);

impl Roster {
    /// An empty roster of `seats` seats.
    #[must_use]
    pub fn new(seats: u8) -> Self {
        Self { seats: vec![None; usize::from(seats)], host: None }
    }

    /// Gives a player the first free seat, or the seat it already has. The first to join is host.
    ///
    /// # Errors
    /// [`Full`] if no seat is free.
    pub fn join(&mut self, player: PlayerId, name: PlayerName) -> Result<u8, Full> {
        if let Some(seat) = self.seat_of(player) {
            return Ok(seat);
        }
        let free = self.seats.iter().position(Option::is_none).ok_or(Full(self.seats.len() as u8))?;
        self.seats[free] = Some(Occupant { player, name });
        self.host.get_or_insert(player);
        Ok(free as u8)
    }

    /// Frees a player's seat; the lowest seat that is taken becomes host if the host left. Returns the freed seat.
    pub fn leave(&mut self, player: PlayerId) -> Option<u8> {
        let seat = self.seat_of(player)?;
        self.seats[usize::from(seat)] = None;
        if self.host == Some(player) {
            self.host = self.seats.iter().flatten().next().map(|occupant| occupant.player);
        }
        Some(seat)
    }

    /// The seat a player has.
    #[must_use]
    pub fn seat_of(&self, player: PlayerId) -> Option<u8> {
        let has = |seat: &Option<Occupant>| seat.as_ref().is_some_and(|occupant| occupant.player == player);
        self.seats.iter().position(has).map(|seat| seat as u8)
    }

    /// All seats in order.
    #[must_use]
    pub fn seats(&self) -> &[Option<Occupant>] {
        &self.seats
    }

    /// How many seats there are.
    #[must_use]
    pub fn capacity(&self) -> u8 {
        self.seats.len() as u8
    }

    /// How many seats are taken.
    #[must_use]
    pub fn taken(&self) -> u8 {
        self.seats.iter().flatten().count() as u8
    }

    /// Whether no seat is free.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.seats.iter().all(Option::is_some)
    }

    /// Whether all seats are free.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.seats.iter().all(Option::is_none)
    }

    /// The host; `None` only while the room is empty.
    #[must_use]
    pub fn host(&self) -> Option<PlayerId> {
        self.host
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_room_is_never_over_full_and_never_without_a_host(
            capacity in 1_u8..8,
            operations in proptest::collection::vec((0_u64..12, any::<bool>()), 0..200),
        ) {
            let mut roster = Roster::new(capacity);
            for (player, joins) in operations {
                let player = PlayerId(player);
                if joins {
                    let was_full = roster.is_full() && roster.seat_of(player).is_none();
                    let joined = roster.join(player, PlayerName::try_from("p".to_owned()).unwrap());
                    prop_assert_eq!(joined.is_err(), was_full);
                } else {
                    roster.leave(player);
                    prop_assert_eq!(roster.seat_of(player), None);
                }
                prop_assert!(roster.taken() <= capacity);
                let host_sits = roster.host().and_then(|host| roster.seat_of(host)).is_some();
                prop_assert_eq!(host_sits, !roster.is_empty());
            }
        }
    }
}
