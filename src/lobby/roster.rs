//! `Roster`, who sits where in a room.

use framekeep_protocol::{PlayerId, PlayerName};

/// Who holds a seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occupant {
    /// The player; a seat belongs to a player, not to a connection.
    pub player: PlayerId,
    /// The name others see.
    pub name: PlayerName,
    /// Whether the player is ready for the next match.
    pub ready: bool,
    /// Whether the player has given the running match up and keeps the seat.
    pub out: bool,
    /// Whether the player has a link now; the seat of one who has none is held.
    pub present: bool,
}

/// Who sits where, and who is host. The number of seats never changes, so a room cannot be over-full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    seats: Vec<Option<Occupant>>,
    /// For whom a free seat is kept.
    reserved: Vec<Option<PlayerId>>,
    host: Option<PlayerId>,
}

/// All seats are taken or reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("all {0} seats are taken")]
pub struct Full(pub u8);

impl Roster {
    /// An empty roster of `seats` seats.
    #[must_use]
    pub fn new(seats: u8) -> Self {
        let seats = usize::from(seats);
        Self { seats: vec![None; seats], reserved: vec![None; seats], host: None }
    }

    /// Gives a player the seat kept for them, else the first free one; or the seat they already have. The first to
    /// join is host.
    ///
    /// # Errors
    /// [`Full`] if no seat is free.
    pub fn join(&mut self, player: PlayerId, name: PlayerName) -> Result<u8, Full> {
        if let Some(seat) = self.seat_of(player) {
            return Ok(seat);
        }
        let own = self.reserved.iter().position(|kept| *kept == Some(player));
        let free = own.or_else(|| self.free_seat()).ok_or(Full(self.capacity()))?;
        self.reserved[free] = None;
        self.seats[free] = Some(Occupant { player, name, ready: false, out: false, present: true });
        self.host.get_or_insert(player);
        Ok(free as u8)
    }

    /// Keeps a free seat for a player; nothing happens if they have one.
    ///
    /// # Errors
    /// [`Full`] if no seat is free.
    pub fn reserve(&mut self, player: PlayerId) -> Result<u8, Full> {
        if let Some(seat) = self.seat_of(player) {
            return Ok(seat);
        }
        if let Some(seat) = self.reserved.iter().position(|kept| *kept == Some(player)) {
            return Ok(seat as u8);
        }
        let free = self.free_seat().ok_or(Full(self.capacity()))?;
        self.reserved[free] = Some(player);
        Ok(free as u8)
    }

    /// Becomes what is said, as far as it fits: a seat that is not there or taken already is left out.
    pub(crate) fn take_over(
        &mut self,
        seats: Vec<(u8, Occupant)>,
        reserved: Vec<(u8, PlayerId)>,
        host: Option<PlayerId>,
    ) {
        *self = Self::new(self.capacity());
        for (seat, occupant) in seats {
            if let Some(place) = self.seats.get_mut(usize::from(seat)) {
                place.get_or_insert(occupant);
            }
        }
        for (seat, player) in reserved {
            let is_free = self.seats.get(usize::from(seat)).is_some_and(Option::is_none);
            if let Some(place) = self.reserved.get_mut(usize::from(seat)).filter(|_| is_free) {
                *place = Some(player);
            }
        }
        let first = self.occupants().next().map(|occupant| occupant.player);
        self.host = host.filter(|host| self.seat_of(*host).is_some()).or(first);
    }

    /// The free seats that are kept, and for whom.
    pub fn reserved_seats(&self) -> impl Iterator<Item = (u8, PlayerId)> {
        let seats = self.reserved.iter().zip(0_u8..);
        seats.filter_map(|(kept, seat)| Some((seat, (*kept)?)))
    }

    /// No longer keeps a seat for a player; tells whether one was kept.
    pub fn release(&mut self, player: PlayerId) -> bool {
        let kept = self.reserved.iter_mut().find(|kept| **kept == Some(player));
        kept.is_some_and(|kept| kept.take().is_some())
    }

    /// Whether a free seat is kept for a player.
    #[must_use]
    pub fn is_reserved(&self, player: PlayerId) -> bool {
        self.reserved.contains(&Some(player))
    }

    fn free_seat(&self) -> Option<usize> {
        (0..self.seats.len()).find(|&seat| self.seats[seat].is_none() && self.reserved[seat].is_none())
    }

    /// Frees a player's seat. If the host left, who has the lowest seat of those who are present becomes host, or of
    /// all if nobody is. Returns the freed seat.
    pub fn leave(&mut self, player: PlayerId) -> Option<u8> {
        let seat = self.seat_of(player)?;
        self.seats[usize::from(seat)] = None;
        if self.host == Some(player) {
            let next = self.occupants().find(|occupant| occupant.present).or(self.occupants().next());
            self.host = next.map(|occupant| occupant.player);
        }
        Some(seat)
    }

    /// Makes a player host; tells whether they have a seat.
    pub fn hand_over(&mut self, player: PlayerId) -> bool {
        let sits = self.seat_of(player).is_some();
        if sits {
            self.host = Some(player);
        }
        sits
    }

    /// The seat a player has.
    #[must_use]
    pub fn seat_of(&self, player: PlayerId) -> Option<u8> {
        let has = |seat: &Option<Occupant>| seat.as_ref().is_some_and(|occupant| occupant.player == player);
        self.seats.iter().position(has).map(|seat| seat as u8)
    }

    /// The player's place, to be changed.
    pub(crate) fn occupant_mut(&mut self, player: PlayerId) -> Option<&mut Occupant> {
        self.occupants_mut().find(|occupant| occupant.player == player)
    }

    /// All players who sit, to be changed.
    pub(crate) fn occupants_mut(&mut self) -> impl Iterator<Item = &mut Occupant> {
        self.seats.iter_mut().flatten()
    }

    /// All players who sit, in seat order.
    pub fn occupants(&self) -> impl Iterator<Item = &Occupant> {
        self.seats.iter().flatten()
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
        self.occupants().count() as u8
    }

    /// How many free seats are kept for somebody.
    #[must_use]
    pub fn reserved(&self) -> u8 {
        self.reserved.iter().flatten().count() as u8
    }

    /// Whether every seat is taken.
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

    fn name() -> PlayerName {
        PlayerName::try_from("p".to_owned()).unwrap()
    }

    proptest! {
        #[test]
        fn a_room_is_never_over_full_and_never_without_a_host(
            capacity in 1_u8..8,
            operations in proptest::collection::vec((0_u64..12, 0_u8..4), 0..200),
        ) {
            let mut roster = Roster::new(capacity);
            for (player, operation) in operations {
                let player = PlayerId(player);
                match operation {
                    0 | 1 => drop(roster.join(player, name())),
                    2 => drop(roster.reserve(player)),
                    _ => {
                        roster.leave(player);
                        prop_assert_eq!(roster.seat_of(player), None);
                    }
                }
                prop_assert!(roster.taken() + roster.reserved() <= capacity);
                let host_sits = roster.host().and_then(|host| roster.seat_of(host)).is_some();
                prop_assert_eq!(host_sits, !roster.is_empty());
            }
        }
    }

    #[test]
    fn a_host_who_leaves_is_followed_by_somebody_who_is_there() {
        let mut roster = Roster::new(4);
        for player in 1..=4 {
            roster.join(PlayerId(player), name()).unwrap();
        }
        for absent in [2, 3] {
            roster.occupant_mut(PlayerId(absent)).unwrap().present = false;
        }
        for (leaves, host) in [(1, Some(4)), (4, Some(2)), (2, Some(3)), (3, None)] {
            roster.leave(PlayerId(leaves));
            assert_eq!(roster.host(), host.map(PlayerId), "after {leaves} has left");
        }
    }

    #[test]
    fn a_reserved_seat_is_for_nobody_else() {
        let mut roster = Roster::new(2);
        assert_eq!(roster.reserve(PlayerId(9)), Ok(0));
        assert_eq!(roster.join(PlayerId(1), name()), Ok(1));
        assert_eq!(roster.join(PlayerId(2), name()), Err(Full(2)));
        assert_eq!(roster.join(PlayerId(9), name()), Ok(0));
        assert_eq!(roster.reserved(), 0);
    }
}
