//! `Games`, the rule sets a node hosts and what they are played on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bevy_ecs::prelude::Resource;
use framekeep_protocol::{CONTENT_SENT_BYTES_MAX, Refusal};
use framekeep_sim::{AnyGame, ContentError, GameRegistry, UnknownGame};

/// Largest content file that is read, in bytes.
const CONTENT_FILE_BYTES_MAX: u64 = 1 << 20;

/// The rule sets a node hosts, their fingerprints and their content.
#[derive(Resource)]
pub struct Games {
    registry: GameRegistry,
    fingerprints: BTreeMap<&'static str, u64>,
    content: BTreeMap<(String, String), Arc<[u8]>>,
}

/// Content that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ContentFault {
    /// The folder or a file cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is too long.
    #[error("{}: {bytes} bytes, content files have at most {CONTENT_FILE_BYTES_MAX}", path.display())]
    TooLong {
        /// Which one.
        path: PathBuf,
        /// Its length.
        bytes: u64,
    },
    /// There is no such game.
    #[error("{0}")]
    UnknownGame(#[from] UnknownGame),
    /// The game refuses it.
    #[error("{name}: {source}")]
    Refused {
        /// The content's name.
        name: String,
        /// Which field and why.
        source: ContentError,
    },
    /// Its encoding is too long to be sent to clients.
    #[error("{name}: encodes to {bytes} bytes, clients are sent at most {CONTENT_SENT_BYTES_MAX}")]
    TooLarge {
        /// The content's name.
        name: String,
        /// Length of its encoding.
        bytes: usize,
    },
}

impl Games {
    /// The games of a registry on their default content. Plays each game's probe match once.
    #[must_use]
    pub fn new(registry: GameRegistry) -> Self {
        let fingerprints = registry.iter().map(|game| (game.name(), game.fingerprint())).collect();
        let content = registry
            .iter()
            .map(|game| ((game.name().to_owned(), String::new()), game.default_content().into()))
            .collect();
        Self { registry, fingerprints, content }
    }

    /// Adds content from the text of a file.
    ///
    /// # Errors
    /// The game is unknown, refuses it, or it is too long to be sent.
    pub fn add_content(&mut self, game: &str, name: &str, text: &str) -> Result<(), ContentFault> {
        let rules = self.registry.get(game)?;
        let named = || format!("{game}/{name}");
        let bytes =
            rules.parse_content(text).map_err(|source| ContentFault::Refused { name: named(), source })?;
        if bytes.len() > CONTENT_SENT_BYTES_MAX {
            return Err(ContentFault::TooLarge { name: named(), bytes: bytes.len() });
        }
        self.content.insert((game.to_owned(), name.to_owned()), bytes.into());
        Ok(())
    }

    /// Adds all files `GAME/NAME.toml` below a folder; returns how many there were.
    ///
    /// # Errors
    /// The first file that cannot be used.
    pub fn add_folder(&mut self, folder: &Path) -> Result<usize, ContentFault> {
        let mut count = 0;
        for game in self.registry.clone().iter() {
            let folder = folder.join(game.name());
            if !folder.is_dir() {
                continue;
            }
            let io = |path: &Path| {
                let path = path.to_owned();
                move |source| ContentFault::Io { path, source }
            };
            let mut files: Vec<_> = std::fs::read_dir(&folder)
                .map_err(io(&folder))?
                .filter_map(|entry| entry.ok().map(|entry| entry.path()))
                .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
                .collect();
            files.sort();
            for path in files {
                let bytes = path.metadata().map_err(io(&path))?.len();
                if bytes > CONTENT_FILE_BYTES_MAX {
                    return Err(ContentFault::TooLong { path, bytes });
                }
                let text = std::fs::read_to_string(&path).map_err(io(&path))?;
                let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                self.add_content(game.name(), &name, &text)?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// The fingerprint of a game's rules.
    #[must_use]
    pub fn fingerprint(&self, game: &str) -> Option<u64> {
        self.fingerprints.get(game).copied()
    }

    /// Names of all games with their fingerprints.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.fingerprints.iter().map(|(name, fingerprint)| (*name, *fingerprint))
    }

    /// Names of all games, each with the names of its contents; the default's is empty.
    #[must_use]
    pub fn catalogue(&self) -> Vec<(String, Vec<String>)> {
        let contents = |game: &str| {
            let of_game = self.content.keys().filter(|(of, _)| of == game);
            of_game.map(|(_, name)| name.clone()).collect()
        };
        self.fingerprints.keys().map(|game| ((*game).to_owned(), contents(game))).collect()
    }

    /// A game and its content.
    ///
    /// # Errors
    /// The refusal names what there is instead.
    pub fn find(&self, game: &str, content: &str) -> Result<(Arc<dyn AnyGame>, Arc<[u8]>), Refusal> {
        let rules = self
            .registry
            .get(game)
            .map_err(|unknown| Refusal::UnknownGame { game: unknown.name, known: unknown.known })?;
        let bytes = self.content.get(&(game.to_owned(), content.to_owned())).ok_or_else(|| {
            let of_game = self.content.keys().filter(|(of, name)| of == game && !name.is_empty());
            let known = of_game.map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(", ");
            Refusal::UnknownContent { game: game.to_owned(), content: content.to_owned(), known }
        })?;
        Ok((rules.clone(), bytes.clone()))
    }
}
