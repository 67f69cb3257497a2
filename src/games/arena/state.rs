//! `ArenaState`, everything a match knows between two ticks.

use framekeep_sim::{BodyDesc, Combine, Fx, Pcg32, Vec2, World, WorldDesc};
use serde::{Deserialize, Serialize};

use crate::arena::kind::{Kind, NOBODY, SOLIDS, tag};
use crate::arena::rules::TICKS_PER_S;
use crate::arena::{ArenaContent, Pickup, Player, Projectile};

/// Most bodies at one time: far above what content and cool-downs allow.
const BODIES_MAX: u16 = 1_024;
/// Side of the cells in which the physics looks for neighbours, in world units.
const CELL: Fx = Fx::from_int(2);
/// Parts into which the physics cuts a tick.
const SUBSTEPS: u8 = 2;
/// The part of its speed and of its spin that a crate loses per second.
const CRATE_DAMPING: Fx = Fx::from_int(4);

/// Everything a match knows between two ticks.
///
/// A state from outside may hold anything its types allow: the rules look everything up and rely on nothing.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArenaState {
    /// Ticks until the match ends by time.
    pub ticks_left: u32,
    /// Where chance comes from.
    pub rng: Pcg32,
    /// In seat order.
    pub players: Vec<Player>,
    /// In the order they were made.
    pub projectiles: Vec<Projectile>,
    /// One for each place of the content.
    pub pickups: Vec<Pickup>,
    /// Everything with a place.
    pub world: World,
}

impl Clone for ArenaState {
    fn clone(&self) -> Self {
        Self {
            ticks_left: self.ticks_left,
            rng: self.rng.clone(),
            players: self.players.clone(),
            projectiles: self.projectiles.clone(),
            pickups: self.pickups.clone(),
            world: self.world.clone(),
        }
    }

    /// Copies into the memory this state already has.
    fn clone_from(&mut self, source: &Self) {
        self.ticks_left = source.ticks_left;
        self.rng.clone_from(&source.rng);
        self.players.clone_from(&source.players);
        self.projectiles.clone_from(&source.projectiles);
        self.pickups.clone_from(&source.pickups);
        self.world.clone_from(&source.world);
    }
}

impl ArenaState {
    /// The floor with all that stands on it, and nobody there yet.
    pub(crate) fn new(content: &ArenaContent, seed: u64, seats: u8) -> Self {
        let mut world = World::new(WorldDesc {
            half_extent: Vec2::new(content.width * Fx::HALF, content.height * Fx::HALF),
            cell: CELL,
            ticks_per_second: TICKS_PER_S as u16,
            bodies_max: BODIES_MAX,
            substeps: SUBSTEPS,
            ..WorldDesc::default()
        });
        for body in solids(content) {
            // Content holds 384 of them at most, so there is always room.
            let _ = world.add(body);
        }
        Self {
            ticks_left: content.ticks(),
            rng: Pcg32::new(seed, 0),
            players: vec![Player::new(); usize::from(seats)],
            projectiles: Vec::new(),
            pickups: content.pickups.iter().map(|place| Pickup::new(place.kind)).collect(),
            world,
        }
    }

    /// How many players there are.
    #[must_use]
    pub fn seat_count(&self) -> u8 {
        u8::try_from(self.players.len()).unwrap_or(u8::MAX)
    }

    /// Where a player is; nothing while it is knocked out.
    #[must_use]
    pub fn place_of(&self, seat: u8) -> Option<Vec2> {
        let body = self.players.get(usize::from(seat))?.body?;
        self.world.position(body)
    }

    /// Where pick-ups lie.
    pub fn pickup_places(&self) -> impl Iterator<Item = Vec2> {
        self.pickups.iter().filter_map(|pickup| self.world.position(pickup.body?))
    }
}

fn solids(content: &ArenaContent) -> impl Iterator<Item = BodyDesc> {
    let walls = content.walls.iter().map(|wall| {
        let body = BodyDesc::rect(Vec2::new(wall.half_width, wall.half_height));
        body.fixed().at(Vec2::new(wall.x, wall.y)).user(tag(Kind::Wall, NOBODY))
    });
    let pillars = content.pillars.iter().map(|pillar| {
        let body = BodyDesc::circle(pillar.radius);
        body.fixed().at(Vec2::new(pillar.x, pillar.y)).user(tag(Kind::Pillar, NOBODY))
    });
    let crates = content.crates.iter().map(|it| {
        let body = BodyDesc::rect(Vec2::splat(it.half));
        body.at(Vec2::new(it.x, it.y))
            .mass(Fx::from_int(2))
            .damping(CRATE_DAMPING)
            .spin_damping(CRATE_DAMPING)
            .user(tag(Kind::Crate, NOBODY))
    });
    let smooth = walls.chain(pillars).chain(crates).map(|body| body.friction(Fx::ZERO));
    smooth.chain(machines(content)).map(|body| body.layer(SOLIDS))
}

/// What turns, carries or lets through: the physics does it, no rule knows of it.
fn machines(content: &ArenaContent) -> impl Iterator<Item = BodyDesc> {
    let rotors = content.rotors.iter().map(|rotor| {
        let body = BodyDesc::rect(Vec2::new(rotor.half_width, rotor.half_height));
        let body = body.kinematic().spinning(rotor.spin).at(Vec2::new(rotor.x, rotor.y));
        body.friction(Fx::ZERO).user(tag(Kind::Rotor, NOBODY))
    });
    let belts = content.belts.iter().map(|belt| {
        let mut body = BodyDesc::rect(Vec2::new(belt.half_width, belt.half_height)).friction(Fx::ONE);
        // It pulls at everything, however smooth that is.
        body.shape.material.friction_combine = Combine::Maximum;
        body.shape.material.surface_speed = belt.speed;
        body.fixed().at(Vec2::new(belt.x, belt.y)).user(tag(Kind::Belt, NOBODY))
    });
    let gates = content.gates.iter().map(|gate| {
        let mut body = BodyDesc::rect(Vec2::new(gate.half_width, gate.half_height)).friction(Fx::ZERO);
        body.shape.material.one_way = true;
        body.fixed().turned(gate.turn()).at(Vec2::new(gate.x, gate.y)).user(tag(Kind::Gate, NOBODY))
    });
    rotors.chain(belts).chain(gates)
}
