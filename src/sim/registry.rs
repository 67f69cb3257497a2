//! `GameRegistry`, the games a program knows.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;

use crate::erased::Erased;
use crate::{AnyGame, Game};

/// The games a program knows, by name.
#[derive(Clone, Default)]
pub struct GameRegistry {
    games: BTreeMap<&'static str, Arc<dyn AnyGame>>,
}

/// A game that is not registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown game {name:?}; this program knows: {known}")]
pub struct UnknownGame {
    /// The name that was asked for.
    pub name: String,
    /// The names there are, separated by commas.
    pub known: String,
}

impl GameRegistry {
    /// A registry without games.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a game; one of the same name is replaced.
    #[must_use]
    pub fn with<G: Game>(mut self) -> Self {
        self.games.insert(G::NAME, Arc::new(Erased::<G>::new()));
        self
    }

    /// The game of that name.
    ///
    /// # Errors
    /// [`UnknownGame`] lists the names there are.
    pub fn get(&self, name: &str) -> Result<&Arc<dyn AnyGame>, UnknownGame> {
        self.games.get(name).ok_or_else(|| UnknownGame {
            name: name.chars().take(64).collect(),
            known: self.games.keys().copied().collect::<alloc::vec::Vec<_>>().join(", "),
        })
    }

    /// All games in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn AnyGame>> {
        self.games.values()
    }
}
