//! The games that ship with Framekeep.
//!
//! ```
//! let games = framekeep_games::registry();
//! assert_eq!(games.get("arena")?.seats(), 2..=16);
//! # Ok::<(), framekeep_sim::UnknownGame>(())
//! ```

pub mod arena;

use framekeep_sim::GameRegistry;

/// A registry of every game that ships.
#[must_use]
pub fn registry() -> GameRegistry {
    GameRegistry::new().with::<arena::Arena>()
}
