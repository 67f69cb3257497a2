//! `ResultReader`, the side that reads.

use std::fmt;
use std::ops::Bound;
use std::path::{Path, PathBuf};

use redb::{ReadOnlyDatabase, ReadTransaction, ReadableDatabase, TableDefinition};

use crate::store::{GAMES, IDS, PLAYERS, RESULTS, builder, guarded};
use crate::{MatchResult, ResultError, sealed_row};

/// Which results are wanted; everything that is named must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Somebody of this id (16 hexadecimal digits) or name played in it.
    pub player: Option<String>,
    /// It is of this game.
    pub game: Option<String>,
    /// It ended at this time or later, in milliseconds since 1970.
    pub since_unix_ms: u64,
    /// It ended before this time.
    pub until_unix_ms: u64,
    /// At most so many, the newest first.
    pub limit: usize,
    /// Only what is older than the last one of the page before.
    pub after: Option<Cursor>,
}

impl Default for Query {
    fn default() -> Self {
        let (player, game, after) = (None, None, None);
        Self { player, game, since_unix_ms: 0, until_unix_ms: u64::MAX, limit: usize::MAX, after }
    }
}

/// Where a page of results ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    ended_unix_ms: u64,
    id: String,
}

impl Cursor {
    /// Where a page ends whose last result is this.
    #[must_use]
    pub fn at(result: &MatchResult) -> Self {
        Self { ended_unix_ms: result.ended_unix_ms, id: result.id.clone() }
    }

    /// Reads what [`Display`](fmt::Display) wrote; `None` if it is something else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (ended, id) = text.split_once('.')?;
        Some(Self { ended_unix_ms: ended.parse().ok()?, id: id.to_owned() })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.ended_unix_ms, self.id)
    }
}

/// Results that are wanted, as far as they are what was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The newest first.
    pub results: Vec<MatchResult>,
    /// What is wrong with those that are not told; each names the id.
    pub damaged: Vec<String>,
    /// Where it goes on, if there is perhaps more than the limit.
    pub next: Option<Cursor>,
}

impl Found {
    /// Takes a row.
    fn take(&mut self, row: &[u8], id: &str, is_wanted: impl FnOnce(&MatchResult) -> bool) {
        match sealed_row::read(row, id) {
            Ok(result) if is_wanted(&result) => self.results.push(result),
            Ok(_) => {}
            Err(what) => self.damaged.push(what),
        }
    }

    /// Whether the limit is reached, which damaged results count for too.
    fn is_full(&self, query: &Query) -> bool {
        self.results.len() + self.damaged.len() >= query.limit
    }
}

/// Finished matches, to be read; also while a server writes them.
pub struct ResultReader {
    database: ReadOnlyDatabase,
    path: PathBuf,
}

impl ResultReader {
    /// Opens the file. One that a killed server left unfinished is brought in order first, if no server runs.
    ///
    /// # Errors
    /// [`ResultError`].
    pub fn open(path: &Path) -> Result<Self, ResultError> {
        let database = guarded(path, || match builder().open_read_only(path) {
            Err(redb::DatabaseError::RepairAborted) => {
                drop(builder().open(path)?);
                Ok(builder().open_read_only(path)?)
            }
            opened => Ok(opened?),
        })?;
        Ok(Self { database, path: path.to_owned() })
    }

    /// The results that are wanted, the newest first, and what is wrong with those that cannot be told.
    ///
    /// # Errors
    /// [`ResultError`].
    pub fn find(&self, query: &Query) -> Result<Found, ResultError> {
        guarded(&self.path, || {
            let read = self.database.begin_read()?;
            match (&query.player, &query.game) {
                (Some(player), _) => find_indexed(&read, PLAYERS, player, query),
                (None, Some(game)) => find_indexed(&read, GAMES, game, query),
                (None, None) => find_all(&read, query),
            }
        })
    }

    /// The result of a match, by its id or the beginning of it if no other begins so.
    ///
    /// # Errors
    /// [`ResultError`].
    pub fn get(&self, id: &str) -> Result<Option<MatchResult>, ResultError> {
        guarded(&self.path, || {
            let read = self.database.begin_read()?;
            let ids = read.open_table(IDS)?;
            let mut like = ids.range(id..)?;
            let mut next = || -> Result<Option<(String, u64)>, redb::Error> {
                let entry =
                    like.next().transpose()?.map(|(id, ended)| (id.value().to_owned(), ended.value()));
                Ok(entry.filter(|(other, _)| other.starts_with(id)))
            };
            let Some((found, ended)) = next()? else { return Ok(None) };
            if found != id && next()?.is_some() {
                return Ok(None);
            }
            let results = read.open_table(RESULTS)?;
            let row = results.get((ended, found.as_str()))?;
            row.map(|row| parse(row.value(), &found)).transpose()
        })
    }
}

/// A row that is not what was written is as bad as a page that is not.
fn parse(row: &[u8], id: &str) -> Result<MatchResult, redb::Error> {
    sealed_row::read(row, id).map_err(redb::Error::Corrupted)
}

/// The time and id below which results are wanted.
fn upper(query: &Query) -> (u64, &str) {
    let until = (query.until_unix_ms, "");
    match &query.after {
        Some(after) => until.min((after.ended_unix_ms, after.id.as_str())),
        None => until,
    }
}

fn find_all(read: &ReadTransaction, query: &Query) -> Result<Found, redb::Error> {
    let results = read.open_table(RESULTS)?;
    let range: (Bound<(u64, &str)>, Bound<(u64, &str)>) =
        (Bound::Included((query.since_unix_ms, "")), Bound::Excluded(upper(query)));
    let mut found = Found::default();
    if query.since_unix_ms >= query.until_unix_ms {
        return Ok(found);
    }
    let mut last = None;
    for entry in results.range(range)?.rev() {
        if found.is_full(query) {
            found.next = last;
            break;
        }
        let entry = entry?;
        let (ended_unix_ms, id) = entry.0.value();
        found.take(entry.1.value(), id, |_| true);
        last = Some(Cursor { ended_unix_ms, id: id.to_owned() });
    }
    Ok(found)
}

fn find_indexed(
    read: &ReadTransaction,
    index: TableDefinition<'_, (&'static str, u64, &'static str), ()>,
    key: &str,
    query: &Query,
) -> Result<Found, redb::Error> {
    let (index, results) = (read.open_table(index)?, read.open_table(RESULTS)?);
    let (until, last) = upper(query);
    let range: (Bound<(&str, u64, &str)>, Bound<(&str, u64, &str)>) =
        (Bound::Included((key, query.since_unix_ms, "")), Bound::Excluded((key, until, last)));
    let mut found = Found::default();
    if query.since_unix_ms >= query.until_unix_ms {
        return Ok(found);
    }
    let mut last_seen = None;
    for entry in index.range(range)?.rev() {
        if found.is_full(query) {
            found.next = last_seen;
            break;
        }
        let entry = entry?;
        let (_, ended_unix_ms, id) = entry.0.value();
        last_seen = Some(Cursor { ended_unix_ms, id: id.to_owned() });
        let Some(row) = results.get((ended_unix_ms, id))? else { continue };
        found.take(row.value(), id, |result| query.game.as_ref().is_none_or(|game| result.game == *game));
    }
    Ok(found)
}
