//! The games that ship with Framekeep. `docs/GAMES.md` has their rules, their content files and how to write one.
//!
//! ```
//! let games = framekeep_games::registry();
//! assert_eq!(games.get("arena")?.seats(), 2..=16);
//! for file in framekeep_games::CONTENT {
//!     assert!(games.get(file.game)?.parse_content(file.text).is_ok());
//! }
//! # Ok::<(), framekeep_sim::UnknownGame>(())
//! ```

pub mod arena;
pub mod rhythm;

use framekeep_sim::GameRegistry;

/// A registry of every game that ships.
#[must_use]
pub fn registry() -> GameRegistry {
    GameRegistry::new().with::<arena::Arena>().with::<rhythm::Rhythm>()
}

/// A content file that ships.
#[derive(Clone, Copy, Debug)]
pub struct ContentFile {
    /// The game it is for.
    pub game: &'static str,
    /// The file's name without its ending.
    pub name: &'static str,
    /// The file's text.
    pub text: &'static str,
}

/// Every content file that ships; a game's first one is its default content.
pub const CONTENT: &[ContentFile] = &[
    ContentFile {
        game: "arena",
        name: "courtyard",
        text: include_str!("../../assets/arenas/courtyard.toml"),
    },
    ContentFile { game: "arena", name: "foundry", text: include_str!("../../assets/arenas/foundry.toml") },
    ContentFile { game: "arena", name: "pit", text: include_str!("../../assets/arenas/pit.toml") },
    ContentFile { game: "rhythm", name: "sunrise", text: include_str!("../../assets/songs/sunrise.toml") },
    ContentFile {
        game: "rhythm",
        name: "clockwork",
        text: include_str!("../../assets/songs/clockwork.toml"),
    },
];

/// Compiles the code of the guide.
#[cfg(doctest)]
#[doc = include_str!("../../docs/GAMES.md")]
pub struct Guide;
