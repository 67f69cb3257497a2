//! `Projectile`, a shot on its way: it bounces until it hits somebody or its time is over.

use framekeep_sim::{BodyDesc, BodyId, Fx, Vec2};
use serde::{Deserialize, Serialize};

use crate::arena::Aim;
use crate::arena::kind::{Kind, PLAYERS, PROJECTILES, SOLIDS, tag};
use crate::arena::player::PLAYER_RADIUS;

/// Half the width of a shot, in world units.
pub(crate) const PROJECTILE_RADIUS: Fx = Fx::from_ratio(1, 5);
/// How fast a shot flies, in world units per second.
pub(crate) const PROJECTILE_SPEED: Fx = Fx::from_int(14);
/// How heavy a shot is; a player weighs 1.
pub(crate) const PROJECTILE_MASS: Fx = Fx::from_ratio(1, 16);
/// What a hit takes from a player's health.
pub(crate) const PROJECTILE_DAMAGE: u8 = 20;
/// How hard a hit pushes a player, in world units per second.
pub(crate) const PROJECTILE_PUSH: Fx = Fx::from_int(4);
/// How long a shot lives.
pub(crate) const PROJECTILE_TICKS: u8 = 50;
/// For how long a shot cannot hit who made it.
pub(crate) const PROJECTILE_HARMLESS_TICKS: u8 = 4;

/// A shot on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Projectile {
    /// Its body.
    pub body: BodyId,
    /// The seat that made it.
    pub owner: u8,
    /// Ticks it still lives.
    pub ticks_left: u8,
}

impl Projectile {
    /// The body of a shot that leaves a player who stands at `from`.
    pub(crate) fn body(owner: u8, from: Vec2, aim: Aim) -> BodyDesc {
        let muzzle = from + Vec2::from_angle(aim.angle(), PLAYER_RADIUS + PROJECTILE_RADIUS);
        BodyDesc::circle(PROJECTILE_RADIUS)
            .at(muzzle)
            .moving(Vec2::from_angle(aim.angle(), PROJECTILE_SPEED))
            .mass(PROJECTILE_MASS)
            .lock_rotation()
            .friction(Fx::ZERO)
            .restitution(Fx::ONE)
            .layer(PROJECTILES)
            .mask(PLAYERS | SOLIDS)
            .user(tag(Kind::Projectile, owner))
    }

    /// Whether it can harm the player of that seat yet.
    pub(crate) const fn harms(&self, seat: u8) -> bool {
        self.ticks_left > 0
            && (self.owner != seat || self.ticks_left < PROJECTILE_TICKS - PROJECTILE_HARMLESS_TICKS)
    }
}
