//! An [`Fx`] in a content file: a decimal number in text, its bits in the canonical encoding.

use framekeep_sim::Fx;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// One unit in bits of [`Fx`], which has 16 fractional bits.
const ONE: f64 = 65_536.0;
/// The largest length a file may name; every length has a tighter bound of its own.
const MAX: f64 = 30_000.0;

pub(crate) fn serialize<S: Serializer>(value: &Fx, serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        (f64::from(value.to_bits()) / ONE).serialize(serializer)
    } else {
        value.serialize(serializer)
    }
}

/// Scaling by a power of two is exact, so every machine reads the same bits from the same text.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Fx, D::Error> {
    if !deserializer.is_human_readable() {
        return Fx::deserialize(deserializer);
    }
    let value = f64::deserialize(deserializer)?;
    if (-MAX..=MAX).contains(&value) {
        Ok(Fx::from_bits((value * ONE).round_ties_even() as i32))
    } else {
        Err(D::Error::custom(format!("{value} is not a length; it must be -{MAX} to {MAX}")))
    }
}
