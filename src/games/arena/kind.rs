//! `Kind`, what a body of the arena is: who meets whom, and what a view shows.

/// What a body is: its [`ViewBody::kind`](framekeep_sim::ViewBody::kind).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A player; its `seat` is set.
    Player = 0,
    /// A shot; its `seat` is who made it.
    Projectile = 1,
    /// A box that can be pushed.
    Crate = 2,
    /// A box that cannot.
    Wall = 3,
    /// A disc that stands still.
    Pillar = 4,
    /// A health pick-up.
    Health = 5,
    /// A shield pick-up.
    Shield = 6,
    /// A rapid-fire pick-up.
    Rapid = 7,
    /// A bar that turns.
    Rotor = 8,
    /// A box whose sides run around it.
    Belt = 9,
    /// A bar that lets through one way.
    Gate = 10,
}

const ALL: [Kind; 11] = [
    Kind::Player,
    Kind::Projectile,
    Kind::Crate,
    Kind::Wall,
    Kind::Pillar,
    Kind::Health,
    Kind::Shield,
    Kind::Rapid,
    Kind::Rotor,
    Kind::Belt,
    Kind::Gate,
];

/// The seat of a body that belongs to nobody.
pub(crate) const NOBODY: u8 = u8::MAX;

/// The layer of players.
pub(crate) const PLAYERS: u32 = 1;
/// The layer of shots, which do not meet each other.
pub(crate) const PROJECTILES: u32 = 2;
/// The layer of all that stands, turns or can be pushed.
pub(crate) const SOLIDS: u32 = 4;
/// The layer of pick-ups, which only players meet.
pub(crate) const PICKUPS: u32 = 8;

/// A body's own number: what it is and whose.
pub(crate) const fn tag(kind: Kind, seat: u8) -> u32 {
    (kind as u32) << 8 | seat as u32
}

/// What and whose a body with this number is; nothing for a number that [`tag`] never gives.
pub(crate) fn read_tag(user: u32) -> Option<(Kind, u8)> {
    Some((*ALL.get((user >> 8) as usize)?, user as u8))
}
