//! `Softness`, how a constraint gives way: as a damped spring (Catto, "Soft Constraints", 2011; "Solver2D", 2024).

use crate::Fx;

/// 2π in 1/2³².
const TURN: i128 = 26_986_075_409;

/// How a constraint gives way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Softness {
    /// Speed per distance, per second, in 1/2¹⁶.
    pub(crate) rate: i64,
    /// The part of a wanted change of speed that is made, in 1/2³⁰.
    pub(crate) change: i64,
    /// The part of the total that is given back, in 1/2³⁰.
    pub(crate) give: i64,
}

impl Softness {
    /// Does not give way, and is not pulled back either.
    pub(crate) const RIGID: Self = Self { rate: 0, change: 1 << 30, give: 0 };

    /// A spring of `hertz` swings per second; a substep is `substep` in 1/2³² of a second.
    pub(crate) fn new(hertz: Fx, damping_ratio: Fx, substep: i64) -> Self {
        let mul = |a: i128, b: i128| (a * b) >> 32;
        let omega = (TURN * i128::from(hertz.to_bits())) >> 16;
        let turned = mul(omega, i128::from(substep));
        let damped = (i128::from(damping_ratio.to_bits()) << 17) + turned;
        let stiff = mul(turned, damped);
        let one = 1_i128 << 32;
        let give = (one << 30) / (one + stiff);
        let rate = if damped == 0 { 0 } else { (omega << 16) / damped };
        Self { rate: rate.min(1 << 40) as i64, change: (1 << 30) - give as i64, give: give as i64 }
    }
}
