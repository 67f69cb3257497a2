//! `Player`, what a seat is on the floor: health, score and what it may do again when.

use framekeep_sim::{BodyDesc, BodyId, Fx, Vec2};
use serde::{Deserialize, Serialize};

use crate::arena::kind::{Kind, PLAYERS, tag};
use crate::arena::rules::TICKS_PER_S;

/// Half the width of a player, in world units.
pub(crate) const PLAYER_RADIUS: Fx = Fx::HALF;
/// Health at the start and after a respawn.
pub(crate) const HEALTH_FULL: u8 = 100;
/// How fast a player walks, in world units per second.
pub(crate) const WALK_SPEED: Fx = Fx::from_int(6);
/// The part of the way to the wanted velocity that a player comes nearer in a tick.
pub(crate) const WALK_GRIP: Fx = Fx::from_ratio(1, 4);
/// How fast a dash starts, in world units per second.
pub(crate) const DASH_SPEED: Fx = Fx::from_int(20);
/// From one dash to the next.
pub(crate) const DASH_TICKS: u16 = TICKS_PER_S as u16 * 3 / 2;
/// From one shot to the next; half of it while rapid.
pub(crate) const SHOT_TICKS: u16 = 8;
/// How long a knocked-out player stays away.
pub(crate) const RESPAWN_TICKS: u16 = 2 * TICKS_PER_S as u16;
/// How long a player is shielded after a respawn.
pub(crate) const SPAWN_SHIELD_TICKS: u16 = TICKS_PER_S as u16;
/// How long a shield pick-up lasts.
pub(crate) const SHIELD_TICKS: u16 = 4 * TICKS_PER_S as u16;
/// How long a rapid pick-up lasts.
pub(crate) const RAPID_TICKS: u16 = 6 * TICKS_PER_S as u16;

/// What a seat is on the floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Player {
    /// Its body; none while knocked out.
    pub body: Option<BodyId>,
    /// Knock-outs of others minus knock-outs by own shots.
    pub score: i32,
    /// 1 to 100; 0 while knocked out.
    pub health: u8,
    /// Ticks until it is back, while knocked out.
    pub away_ticks: u16,
    /// Ticks until it may shoot.
    pub shot_ticks: u16,
    /// Ticks until it may dash.
    pub dash_ticks: u16,
    /// Ticks for which nothing harms it.
    pub shield_ticks: u16,
    /// Ticks for which it shoots twice as fast.
    pub rapid_ticks: u16,
}

impl Player {
    /// A player who has not appeared yet.
    pub(crate) const fn new() -> Self {
        Self {
            body: None,
            score: 0,
            health: 0,
            away_ticks: 0,
            shot_ticks: 0,
            dash_ticks: 0,
            shield_ticks: 0,
            rapid_ticks: 0,
        }
    }

    /// The body of a player who appears at `place`.
    pub(crate) fn body(seat: u8, place: Vec2) -> BodyDesc {
        BodyDesc::circle(PLAYER_RADIUS)
            .at(place)
            .mass(Fx::ONE)
            .lock_rotation()
            .friction(Fx::ZERO)
            .layer(PLAYERS)
            .user(tag(Kind::Player, seat))
    }

    /// Brings every wait one tick nearer to its end.
    pub(crate) const fn tick(&mut self) {
        self.away_ticks = self.away_ticks.saturating_sub(1);
        self.shot_ticks = self.shot_ticks.saturating_sub(1);
        self.dash_ticks = self.dash_ticks.saturating_sub(1);
        self.shield_ticks = self.shield_ticks.saturating_sub(1);
        self.rapid_ticks = self.rapid_ticks.saturating_sub(1);
    }

    /// Appears with a body, full health and a short shield.
    pub(crate) const fn appear(&mut self, body: BodyId) {
        *self = Self { body: Some(body), health: HEALTH_FULL, shield_ticks: SPAWN_SHIELD_TICKS, ..*self };
    }

    /// Takes away health; returns whether none is left.
    pub(crate) const fn hurt(&mut self, damage: u8) -> bool {
        self.health = self.health.saturating_sub(damage);
        self.health == 0
    }
}
