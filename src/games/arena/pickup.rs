//! `Pickup`, something that lies on the floor and helps who walks over it.

use framekeep_sim::{BodyDesc, BodyId, Fx, Pcg32, Vec2};
use serde::{Deserialize, Serialize};

use crate::arena::kind::{Kind, NOBODY, PICKUPS, PLAYERS, tag};
use crate::arena::rules::TICKS_PER_S;

/// Half the width of a pick-up, in world units.
pub(crate) const PICKUP_RADIUS: Fx = Fx::from_ratio(2, 5);
/// How long a place stays empty after its pick-up was taken.
pub(crate) const PICKUP_AWAY_TICKS: u16 = 8 * TICKS_PER_S as u16;

/// What a pick-up does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PickupKind {
    /// Full health.
    Health,
    /// No harm for 4 seconds.
    Shield,
    /// Shoots twice as fast for 6 seconds.
    Rapid,
    /// In content: one of the others, drawn each time it appears. Never lies on the floor.
    Any,
}

impl PickupKind {
    /// The kind itself, or a drawn one for [`PickupKind::Any`].
    pub(crate) fn draw(self, rng: &mut Pcg32) -> Self {
        match (self, rng.below(3)) {
            (Self::Any, 0) => Self::Health,
            (Self::Any, 1) => Self::Shield,
            (Self::Any, _) => Self::Rapid,
            (kind, _) => kind,
        }
    }
}

/// One place of the content and what lies there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pickup {
    /// The body that players walk over; none while the place is empty.
    pub body: Option<BodyId>,
    /// What lies there, or lay there last.
    pub kind: PickupKind,
    /// Ticks until a new one appears; 0 while one lies there.
    pub away_ticks: u16,
}

impl Pickup {
    /// A place where something of this kind is about to appear.
    pub(crate) const fn new(kind: PickupKind) -> Self {
        Self { body: None, kind, away_ticks: 0 }
    }

    /// The body of a pick-up that lies at `place`.
    pub(crate) fn body(kind: PickupKind, place: Vec2) -> BodyDesc {
        let kind = match kind {
            PickupKind::Health | PickupKind::Any => Kind::Health,
            PickupKind::Shield => Kind::Shield,
            PickupKind::Rapid => Kind::Rapid,
        };
        let body = BodyDesc::circle(PICKUP_RADIUS).fixed().sensor().at(place);
        body.layer(PICKUPS).mask(PLAYERS).user(tag(kind, NOBODY))
    }
}
