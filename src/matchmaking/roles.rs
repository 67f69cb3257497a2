//! Roles as sets: how many seats are for each set of roles, and how many players take no others.

use crate::limits::ROLES_MAX;

/// Sets of roles: 2 to the power of their number.
pub(crate) const ROLE_SETS: usize = 1 << ROLES_MAX;

/// A number of seats or players for each set of roles.
pub(crate) type BySet = [u8; ROLE_SETS];

/// How many seats each set of roles has.
pub(crate) fn seats_of_sets(by_role: impl Iterator<Item = u8> + Clone) -> BySet {
    core::array::from_fn(|set| {
        let of_set = by_role.clone().enumerate().filter(|(role, _)| set & (1 << role) != 0);
        of_set.map(|(_, seats)| seats).sum()
    })
}

/// Whom each set counts: 1 for every set in which all roles of a player are.
const COUNTED: [BySet; ROLE_SETS] = {
    let mut counted = [[0; ROLE_SETS]; ROLE_SETS];
    let mut roles = 0;
    while roles < ROLE_SETS {
        let mut set = 0;
        while set < ROLE_SETS {
            counted[roles][set] = (roles & !set == 0) as u8;
            set += 1;
        }
        roles += 1;
    }
    counted
};

/// Of each set how many of these players take no role but those of it.
pub(crate) fn bound_to_sets(roles: &[u8]) -> BySet {
    let mut bound = [0; ROLE_SETS];
    for role in roles {
        add(&mut bound, &COUNTED[usize::from(*role) % ROLE_SETS]);
    }
    bound
}

pub(crate) fn add(to: &mut BySet, more: &BySet) {
    to.iter_mut().zip(more).for_each(|(to, more)| *to += more);
}

pub(crate) fn take_off(from: &mut BySet, less: &BySet) {
    from.iter_mut().zip(less).for_each(|(from, less)| *from -= less);
}

/// Whether there are seats for so many players of every set. By Hall's theorem everybody gets a role of theirs then.
pub(crate) fn fit(players: &BySet, seats: &BySet) -> bool {
    // Looked at all at once: that is quicker than to stop at the first.
    (0..ROLE_SETS).fold(0, |any, set| any | u8::from(players[set] > seats[set])) == 0
}
