//! `ArenaContent`, what a match is played on: the floor, what stands on it, and how long it lasts.
//!
//! Lengths are world units measured from the centre of the floor; right and up are positive; a player is one
//! unit wide.

use framekeep_sim::{Angle, ContentError, Fx, Vec2};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::arena::decimal;
use crate::arena::pickup::PickupKind;
use crate::arena::player::PLAYER_RADIUS;
use crate::arena::rules::TICKS_PER_S;

/// Longest name of an arena, in bytes.
pub(crate) const NAME_BYTES_MAX: usize = 40;
/// Fewest and most places to appear at; one for every seat at least.
pub(crate) const SPAWNS: core::ops::RangeInclusive<usize> = 16..=64;
/// Most walls, pillars, crates, pick-ups, rotors, belts or gates, each.
pub(crate) const THINGS_MAX: usize = 64;
/// Shortest and longest match, in seconds.
pub(crate) const TIME_LIMIT_S: core::ops::RangeInclusive<u32> = 5..=3_600;
/// Largest score limit.
pub(crate) const SCORE_LIMIT_MAX: i32 = 1_000;
/// Smallest and largest width or height of the floor, in world units.
const FLOOR: core::ops::RangeInclusive<Fx> = Fx::from_int(8)..=Fx::from_int(200);
/// Slowest and fastest rotor, in radians per second.
const SPIN: core::ops::RangeInclusive<Fx> = Fx::from_int(-6)..=Fx::from_int(6);
/// Slowest and fastest belt, in world units per second.
const BELT_SPEED: core::ops::RangeInclusive<Fx> = Fx::from_int(-20)..=Fx::from_int(20);
/// Smallest half width, half height or radius of a thing, in world units.
const HALF_MIN: Fx = Fx::from_ratio(1, 4);

/// A place to appear at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spawn {
    /// Right of the centre.
    #[serde(with = "decimal")]
    pub x: Fx,
    /// Above the centre.
    #[serde(with = "decimal")]
    pub y: Fx,
}

/// A box that never moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wall {
    /// Its centre, right of the floor's.
    #[serde(with = "decimal")]
    pub x: Fx,
    /// Its centre, above the floor's.
    #[serde(with = "decimal")]
    pub y: Fx,
    /// Half its width, at least 0.25.
    #[serde(with = "decimal")]
    pub half_width: Fx,
    /// Half its height, at least 0.25.
    #[serde(with = "decimal")]
    pub half_height: Fx,
}

/// A disc that never moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pillar {
    /// Its centre, right of the floor's.
    #[serde(with = "decimal")]
    pub x: Fx,
    /// Its centre, above the floor's.
    #[serde(with = "decimal")]
    pub y: Fx,
    /// At least 0.25.
    #[serde(with = "decimal")]
    pub radius: Fx,
}

/// A square box that can be pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crate {
    /// Its centre at the start, right of the floor's.
    #[serde(with = "decimal")]
    pub x: Fx,
    /// Its centre at the start, above the floor's.
    #[serde(with = "decimal")]
    pub y: Fx,
    /// Half its width and height, at least 0.25.
    #[serde(with = "decimal")]
    pub half: Fx,
}

/// A bar that turns around its centre.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotor {
    /// Its centre, right of the floor's.
    #[serde(with = "decimal")]
    pub x: Fx,
    /// Its centre, above the floor's.
    #[serde(with = "decimal")]
    pub y: Fx,
    /// Half its length, at least 0.25.
    #[serde(with = "decimal")]
    pub half_width: Fx,
    /// Half its thickness, at least 0.25.
    #[serde(with = "decimal")]
    pub half_height: Fx,
    /// Radians per second, counter-clockwise, −6 to 6.
    #[serde(with = "decimal")]
    pub spin: Fx,
}

/// A box whose sides run around it and carry along what leans on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Belt {
    /// Its centre, right of the floor's.
    #[serde(with = "decimal")]
    pub x: Fx,
    /// Its centre, above the floor's.
    #[serde(with = "decimal")]
    pub y: Fx,
    /// Half its width, at least 0.25.
    #[serde(with = "decimal")]
    pub half_width: Fx,
    /// Half its height, at least 0.25.
    #[serde(with = "decimal")]
    pub half_height: Fx,
    /// World units per second, counter-clockwise, −20 to 20.
    #[serde(with = "decimal")]
    pub speed: Fx,
}

/// A bar that lets through one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// Its centre, right of the floor's.
    #[serde(with = "decimal")]
    pub x: Fx,
    /// Its centre, above the floor's.
    #[serde(with = "decimal")]
    pub y: Fx,
    /// Half its length, at least 0.25.
    #[serde(with = "decimal")]
    pub half_width: Fx,
    /// Half its thickness, at least 0.25.
    #[serde(with = "decimal")]
    pub half_height: Fx,
    /// The way through, counter-clockwise from the right, 0 to 359.
    pub degrees: u16,
}

impl Gate {
    /// How its bar is turned; what comes against its own upward direction passes.
    pub(crate) fn turn(self) -> Angle {
        Angle((u32::from(self.degrees) * 65_536 / 360) as u16) - Angle::QUARTER
    }
}

/// A place where a pick-up lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PickupPlace {
    /// Right of the centre.
    #[serde(with = "decimal")]
    pub x: Fx,
    /// Above the centre.
    #[serde(with = "decimal")]
    pub y: Fx,
    /// What lies there; `any` draws one each time.
    pub kind: PickupKind,
}

/// What a match is played on. A value that was read is valid: both the TOML form and the canonical encoding are
/// checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct ArenaContent {
    /// Shown to players, 1 to 40 bytes.
    pub name: String,
    /// Of the floor, 8 to 200.
    #[serde(with = "decimal")]
    pub width: Fx,
    /// Of the floor, 8 to 200.
    #[serde(with = "decimal")]
    pub height: Fx,
    /// How long a match lasts, 5 to 3,600 seconds of 30 ticks.
    #[serde(default = "time_limit_default_s")]
    pub time_limit_s: u32,
    /// The score that ends a match early, 1 to 1,000; 0 is none.
    #[serde(default)]
    pub score_limit: i32,
    /// Where players appear, 16 to 64 places.
    pub spawns: Vec<Spawn>,
    /// Boxes that stand still, at most 64.
    #[serde(default)]
    pub walls: Vec<Wall>,
    /// Discs that stand still, at most 64.
    #[serde(default)]
    pub pillars: Vec<Pillar>,
    /// Boxes that can be pushed, at most 64.
    #[serde(default)]
    pub crates: Vec<Crate>,
    /// Where pick-ups lie, at most 64.
    #[serde(default)]
    pub pickups: Vec<PickupPlace>,
    /// Bars that turn, at most 64.
    #[serde(default)]
    pub rotors: Vec<Rotor>,
    /// Boxes that carry along, at most 64.
    #[serde(default)]
    pub belts: Vec<Belt>,
    /// Bars that let through one way, at most 64.
    #[serde(default)]
    pub gates: Vec<Gate>,
}

const fn time_limit_default_s() -> u32 {
    60
}

impl Serialize for ArenaContent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for ArenaContent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let content = Self::deserialize(deserializer)?;
        content.check().map_err(|ContentError(text)| D::Error::custom(text))?;
        Ok(content)
    }
}

impl ArenaContent {
    /// Reads the text of an arena file.
    ///
    /// # Errors
    /// [`ContentError`] names the field and what it may be.
    pub fn parse(text: &str) -> Result<Self, ContentError> {
        toml::from_str(text).map_err(|error| ContentError(error.to_string().trim_end().to_owned()))
    }

    /// How many ticks a match lasts.
    #[must_use]
    pub fn ticks(&self) -> u32 {
        self.time_limit_s.saturating_mul(TICKS_PER_S)
    }

    fn check(&self) -> Result<(), ContentError> {
        within("name", self.name.len(), &(1..=NAME_BYTES_MAX), "bytes long")?;
        for (field, value) in [("width", self.width), ("height", self.height)] {
            if !FLOOR.contains(&value) {
                return refuse(format!("{field} is {value}; it must be 8 to 200"));
            }
        }
        within("time_limit_s", self.time_limit_s, &TIME_LIMIT_S, "seconds")?;
        within("score_limit", self.score_limit, &(0..=SCORE_LIMIT_MAX), "knock-outs")?;
        within("spawns", self.spawns.len(), &SPAWNS, "places")?;
        within("walls", self.walls.len(), &(0..=THINGS_MAX), "walls")?;
        within("pillars", self.pillars.len(), &(0..=THINGS_MAX), "pillars")?;
        within("crates", self.crates.len(), &(0..=THINGS_MAX), "crates")?;
        within("pickups", self.pickups.len(), &(0..=THINGS_MAX), "pick-ups")?;
        within("rotors", self.rotors.len(), &(0..=THINGS_MAX), "rotors")?;
        within("belts", self.belts.len(), &(0..=THINGS_MAX), "belts")?;
        within("gates", self.gates.len(), &(0..=THINGS_MAX), "gates")?;
        self.check_machines()?;
        self.check_things()
    }

    fn check_machines(&self) -> Result<(), ContentError> {
        for (index, rotor) in self.rotors.iter().enumerate() {
            within(&format!("rotors[{index}].spin"), rotor.spin, &SPIN, "radians per second")?;
        }
        for (index, belt) in self.belts.iter().enumerate() {
            within(&format!("belts[{index}].speed"), belt.speed, &BELT_SPEED, "units per second")?;
        }
        for (index, gate) in self.gates.iter().enumerate() {
            within(&format!("gates[{index}].degrees"), gate.degrees, &(0..=359), "degrees")?;
        }
        Ok(())
    }

    /// Everything lies on the floor and has a size; nobody appears inside a thing.
    fn check_things(&self) -> Result<(), ContentError> {
        let solids = self.solids();
        for solid in &solids {
            self.check_place(solid.field, solid.index, solid.centre)?;
            if solid.half.x < HALF_MIN || solid.half.y < HALF_MIN {
                return refuse(format!(
                    "{}[{}] is too small; halves are at least 0.25",
                    solid.field, solid.index
                ));
            }
        }
        for (index, place) in self.pickups.iter().enumerate() {
            self.check_place("pickups", index, Vec2::new(place.x, place.y))?;
        }
        for (index, spawn) in self.spawns.iter().enumerate() {
            let place = Vec2::new(spawn.x, spawn.y);
            self.check_place("spawns", index, place)?;
            if let Some(solid) = solids.iter().find(|solid| solid.touches_player(place)) {
                return refuse(format!("spawns[{index}] is inside {}[{}]", solid.field, solid.index));
            }
        }
        Ok(())
    }

    fn check_place(&self, field: &str, index: usize, place: Vec2) -> Result<(), ContentError> {
        let (x_max, y_max) = (self.width * Fx::HALF - PLAYER_RADIUS, self.height * Fx::HALF - PLAYER_RADIUS);
        for (axis, value, max) in [("x", place.x, x_max), ("y", place.y, y_max)] {
            if value > max || value < -max {
                return refuse(format!("{field}[{index}].{axis} is {value}; it must be -{max} to {max}"));
            }
        }
        Ok(())
    }

    fn solids(&self) -> Vec<Solid> {
        let walls = self
            .walls
            .iter()
            .map(|wall| ("walls", Vec2::new(wall.x, wall.y), Vec2::new(wall.half_width, wall.half_height)));
        let pillars = self.pillars.iter().map(|pillar| {
            ("pillars", Vec2::new(pillar.x, pillar.y), Vec2::new(pillar.radius, pillar.radius))
        });
        let crates =
            self.crates.iter().map(|it| ("crates", Vec2::new(it.x, it.y), Vec2::new(it.half, it.half)));
        // What turns, or is turned, takes as much room in each direction as in its longest.
        let around = |x: Fx, y: Fx, half_width: Fx, half_height: Fx| {
            let small = half_width.min(half_height) < HALF_MIN;
            let reach = Vec2::splat(half_width.max(half_height));
            (Vec2::new(x, y), if small { Vec2::ZERO } else { reach })
        };
        let rotors = self.rotors.iter().map(|it| {
            let (centre, half) = around(it.x, it.y, it.half_width, it.half_height);
            ("rotors", centre, half)
        });
        let belts = self
            .belts
            .iter()
            .map(|it| ("belts", Vec2::new(it.x, it.y), Vec2::new(it.half_width, it.half_height)));
        let gates = self.gates.iter().map(|it| {
            let (centre, half) = around(it.x, it.y, it.half_width, it.half_height);
            ("gates", centre, half)
        });
        let still = walls.enumerate().chain(pillars.enumerate()).chain(crates.enumerate());
        let numbered = still.chain(rotors.enumerate()).chain(belts.enumerate()).chain(gates.enumerate());
        numbered.map(|(index, (field, centre, half))| Solid { field, index, centre, half }).collect()
    }
}

/// Something solid and the box around it.
struct Solid {
    field: &'static str,
    index: usize,
    centre: Vec2,
    half: Vec2,
}

impl Solid {
    fn touches_player(&self, place: Vec2) -> bool {
        let apart = |a: Fx, b: Fx, half: Fx| (a - b).abs() >= half + PLAYER_RADIUS;
        !apart(place.x, self.centre.x, self.half.x) && !apart(place.y, self.centre.y, self.half.y)
    }
}

fn within<T>(
    field: &str,
    value: T,
    bounds: &core::ops::RangeInclusive<T>,
    unit: &str,
) -> Result<(), ContentError>
where
    T: PartialOrd + core::fmt::Display,
{
    if bounds.contains(&value) {
        return Ok(());
    }
    refuse(format!("{field}: {value} {unit}; it must be {} to {}", bounds.start(), bounds.end()))
}

fn refuse(text: String) -> Result<(), ContentError> {
    Err(ContentError(text))
}
