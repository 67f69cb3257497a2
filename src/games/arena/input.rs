//! `ArenaInput`, what one player does in one tick: walk, aim, shoot, dash. Eleven bits.

use framekeep_sim::{Angle, Input};

/// One of the eight ways to walk, counter-clockwise from the right; up is positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Direction {
    Right = 1,
    UpRight = 2,
    Up = 3,
    UpLeft = 4,
    Left = 5,
    DownLeft = 6,
    Down = 7,
    DownRight = 8,
}

impl Direction {
    /// All eight, in the order of their angle.
    pub const ALL: [Self; 8] = [
        Self::Right,
        Self::UpRight,
        Self::Up,
        Self::UpLeft,
        Self::Left,
        Self::DownLeft,
        Self::Down,
        Self::DownRight,
    ];

    /// The same angle as an aim.
    #[must_use]
    pub const fn aim(self) -> Aim {
        Aim::new((self as u8 - 1) * (Aim::STEPS / 8))
    }

    /// The angle as the simulation's.
    #[must_use]
    pub const fn angle(self) -> Angle {
        self.aim().angle()
    }
}

/// Where a player points: one of [`Aim::STEPS`] angles, counter-clockwise from the right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Aim(u8);

impl Aim {
    /// How many angles there are: 11.25 degrees apart.
    pub const STEPS: u8 = 32;

    /// The angle `step` / 32 of a turn; whole turns are dropped.
    #[must_use]
    pub const fn new(step: u8) -> Self {
        Self(step % Self::STEPS)
    }

    /// The angle in 32nds of a turn, 0 to 31.
    #[must_use]
    pub const fn step(self) -> u8 {
        self.0
    }

    /// The angle as the simulation's.
    #[must_use]
    pub const fn angle(self) -> Angle {
        Angle((self.0 as u16) << 11)
    }
}

/// What one player does in one tick.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArenaInput {
    /// Where to walk; `None` stands still.
    pub walk: Option<Direction>,
    /// Where to shoot.
    pub aim: Aim,
    /// Shoot whenever the weapon is ready.
    pub shoot: bool,
    /// Dash where one walks, if the legs are rested.
    pub dash: bool,
}

const AIM_SHIFT: u32 = 4;
const SHOOT_BIT: u64 = 1 << 9;
const DASH_BIT: u64 = 1 << 10;

impl Input for ArenaInput {
    /// Bits 0 to 3 walk (0 stands, 1 to 8 walk), 4 to 8 aim, 9 shoot, 10 dash.
    const BITS: u32 = 11;

    fn pack(self) -> u64 {
        self.walk.map_or(0, |direction| direction as u64)
            | u64::from(self.aim.step()) << AIM_SHIFT
            | if self.shoot { SHOOT_BIT } else { 0 }
            | if self.dash { DASH_BIT } else { 0 }
    }

    /// A way to walk that does not exist (9 to 15) stands still.
    fn unpack(bits: u64) -> Self {
        Self {
            walk: Direction::ALL.iter().copied().find(|&direction| direction as u64 == bits & 0xf),
            aim: Aim::new((bits >> AIM_SHIFT) as u8),
            shoot: bits & SHOOT_BIT != 0,
            dash: bits & DASH_BIT != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Aim, ArenaInput, Direction};
    use framekeep_sim::{Input, input_mask};
    use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};

    fn inputs() -> impl Strategy<Value = ArenaInput> {
        (0_usize..9, any::<u8>(), any::<bool>(), any::<bool>()).prop_map(|(walk, aim, shoot, dash)| {
            ArenaInput { walk: Direction::ALL.get(walk).copied(), aim: Aim::new(aim), shoot, dash }
        })
    }

    proptest! {
        #[test]
        fn an_input_survives_packing(input in inputs()) {
            prop_assert_eq!(ArenaInput::unpack(input.pack()), input);
            prop_assert!(input.pack() <= input_mask(ArenaInput::BITS));
        }

        #[test]
        fn any_bits_are_a_valid_input(bits in any::<u64>()) {
            let input = ArenaInput::unpack(bits);
            prop_assert_eq!(ArenaInput::unpack(input.pack()), input);
            prop_assert!(input.pack() <= input_mask(ArenaInput::BITS));
        }
    }

    #[test]
    fn the_default_input_is_no_bits() {
        assert_eq!(ArenaInput::default().pack(), 0);
        assert_eq!(ArenaInput::unpack(0), ArenaInput::default());
    }

    #[test]
    fn a_direction_and_its_aim_point_the_same_way() {
        assert_eq!(Direction::Right.aim(), Aim::new(0));
        assert_eq!(Direction::Up.aim(), Aim::new(8));
        assert_eq!(Direction::DownRight.aim(), Aim::new(28));
    }
}
