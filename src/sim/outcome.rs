//! `Outcome`, how a match ended.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

/// How a match ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The score of each seat, in seat order.
    pub scores: Vec<i32>,
    /// The seat that won; `None` is a draw.
    pub winner: Option<u8>,
}
