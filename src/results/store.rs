//! `ResultStore`, the side that writes.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::{
    Builder, ConcurrencyMode, Database, DatabaseError, ReadableTable, ReadableTableMetadata, TableDefinition,
};

use crate::salvage::{self, SetAside};
use crate::{MatchResult, sealed_row};

/// Every result: the time of its end in milliseconds, and its id.
pub(crate) const RESULTS: TableDefinition<'_, (u64, &str), &[u8]> = TableDefinition::new("results");
/// When the match of an id ended.
pub(crate) const IDS: TableDefinition<'_, &str, u64> = TableDefinition::new("ids");
/// By the player's id, and by the player's name.
pub(crate) const PLAYERS: TableDefinition<'_, (&str, u64, &str), ()> = TableDefinition::new("players");
/// By the game.
pub(crate) const GAMES: TableDefinition<'_, (&str, u64, &str), ()> = TableDefinition::new("games");

/// Memory for pages of the file.
const CACHE_BYTES: usize = 8 << 20;

/// The store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ResultError {
    /// No server has kept results there.
    #[error("{} is not there: no server has finished a match with this data folder", .0.display())]
    NoFile(PathBuf),
    /// Another process writes it.
    #[error("{} is being written by another process", .0.display())]
    InUse(PathBuf),
    /// The file is not what was written.
    #[error("{} is damaged: {what}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// It cannot be read or written.
    #[error("{}: {what}", path.display())]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        what: String,
    },
}

impl ResultError {
    pub(crate) fn new(path: &Path, error: impl Into<redb::Error>) -> Self {
        let (path, error) = (path.to_owned(), error.into());
        match error {
            redb::Error::DatabaseAlreadyOpen => Self::InUse(path),
            redb::Error::Io(error) if error.kind() == io::ErrorKind::NotFound => Self::NoFile(path),
            // A file that is no database at all is told so.
            redb::Error::Io(error) if error.kind() != io::ErrorKind::InvalidData => {
                Self::Unusable { path, what: error.to_string() }
            }
            error => Self::Damaged { path, what: error.to_string() },
        }
    }
}

/// How the file is shared: the server writes, others read meanwhile.
pub(crate) fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_concurrency_mode(ConcurrencyMode::SingleWriter).set_cache_size(CACHE_BYTES);
    builder
}

/// Calls into the database. What a damaged file makes it do, be it a panic, is an error afterwards.
pub(crate) fn guarded<T>(
    path: &Path,
    call: impl FnOnce() -> Result<T, redb::Error>,
) -> Result<T, ResultError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(|error| ResultError::new(path, error)),
        Err(panic) => {
            std::mem::forget(panic);
            Err(ResultError::Damaged { path: path.to_owned(), what: "the database panicked over it".into() })
        }
    }
}

/// Finished matches, to be written. Each call is one transaction: it is done wholly, and outlasts a loss of power.
pub struct ResultStore {
    database: Database,
    path: PathBuf,
}

impl ResultStore {
    /// Opens the file or makes it. Every page is checked: a damaged file is refused.
    ///
    /// # Errors
    /// [`ResultError`].
    pub fn open(path: &Path) -> Result<Self, ResultError> {
        let database = guarded(path, || {
            let database =
                builder().set_check_integrity_on_open(true).create(path).map_err(|error| match error {
                    DatabaseError::Storage(storage) => redb::Error::from(storage),
                    error => redb::Error::from(error),
                })?;
            let write = database.begin_write()?;
            write.open_table(RESULTS)?;
            write.open_table(IDS)?;
            write.open_table(PLAYERS)?;
            write.open_table(GAMES)?;
            write.commit()?;
            Ok(database)
        })?;
        Ok(Self { database, path: path.to_owned() })
    }

    /// Adds results. One of an id that is there stays as it is: what is told of a match again is told from less.
    ///
    /// # Errors
    /// [`ResultError`]; nothing is added then.
    pub fn insert(&mut self, results: &[MatchResult]) -> Result<(), ResultError> {
        guarded(&self.path, || {
            let write = self.database.begin_write()?;
            for result in results {
                remember(&write, result)?;
            }
            write.commit()?;
            Ok(())
        })
    }

    /// How many of these ids it does not have.
    pub(crate) fn lacks(&self, ids: &[String]) -> Result<u64, ResultError> {
        guarded(&self.path, || {
            let (write, mut lacking) = (self.database.begin_write()?, 0);
            let table = write.open_table(IDS)?;
            for id in ids {
                lacking += u64::from(table.get(id.as_str())?.is_none());
            }
            drop(table);
            write.abort()?;
            Ok(lacking)
        })
    }

    /// How many results there are.
    ///
    /// # Errors
    /// [`ResultError`].
    pub fn count(&self) -> Result<u64, ResultError> {
        guarded(&self.path, || {
            let write = self.database.begin_write()?;
            let count = write.open_table(RESULTS)?.len()?;
            write.abort()?;
            Ok(count)
        })
    }

    /// Forgets the oldest results over `count_max`, at most a thousand at once; gives how many.
    ///
    /// # Errors
    /// [`ResultError`].
    pub fn trim(&mut self, count_max: u64) -> Result<u64, ResultError> {
        let over = self.count()?.saturating_sub(count_max).min(1_000);
        if over == 0 {
            return Ok(0);
        }
        guarded(&self.path, || {
            let write = self.database.begin_write()?;
            let mut oldest = Vec::new();
            for entry in write.open_table(RESULTS)?.iter()?.take(over as usize) {
                oldest.push(entry?.0.value().1.to_owned());
            }
            for id in oldest {
                forget(&write, &id)?;
            }
            write.commit()?;
            Ok(over)
        })
    }
}

/// Writes a result and its indexes, unless it is there.
fn remember(write: &redb::WriteTransaction, result: &MatchResult) -> Result<(), redb::Error> {
    let (id, ended) = (result.id.as_str(), result.ended_unix_ms);
    let mut ids = write.open_table(IDS)?;
    if ids.get(id)?.is_some() {
        return Ok(());
    }
    ids.insert(id, ended)?;
    write.open_table(RESULTS)?.insert((ended, id), sealed_row::write(result).as_slice())?;
    write.open_table(GAMES)?.insert((result.game.as_str(), ended, id), ())?;
    let mut players = write.open_table(PLAYERS)?;
    for seat in &result.players {
        players.insert((seat.player.as_str(), ended, id), ())?;
        players.insert((seat.name.as_str(), ended, id), ())?;
    }
    Ok(())
}

/// Removes a result and its indexes, if it is there.
fn forget(write: &redb::WriteTransaction, id: &str) -> Result<(), redb::Error> {
    let Some(ended) = write.open_table(IDS)?.remove(id)?.map(|ended| ended.value()) else { return Ok(()) };
    let mut results = write.open_table(RESULTS)?;
    let old = results.remove((ended, id))?;
    // Of one that is not what was written the indexes are left; they lead nowhere.
    let old = old.and_then(|row| sealed_row::read(row.value(), id).ok());
    let Some(old) = old else { return Ok(()) };
    write.open_table(GAMES)?.remove((old.game.as_str(), ended, id))?;
    let mut players = write.open_table(PLAYERS)?;
    for seat in &old.players {
        players.remove((seat.player.as_str(), ended, id))?;
        players.remove((seat.name.as_str(), ended, id))?;
    }
    Ok(())
}

/// Opens the file; one that is damaged is set aside, and a new one begun with every result of it whose checksum fits.
///
/// # Errors
/// [`ResultError`] if that cannot be done either.
pub fn open_or_set_aside(
    path: &Path,
    now_unix_s: u64,
) -> Result<(ResultStore, Option<SetAside>), ResultError> {
    match ResultStore::open(path) {
        Ok(store) => Ok((store, None)),
        Err(ResultError::Damaged { .. }) => {
            let aside = salvage::set_aside(path, now_unix_s)?;
            Ok((ResultStore::open(path)?, Some(aside)))
        }
        Err(error) => Err(error),
    }
}
