//! Finished matches in an embedded database: written by one server, read by anyone, also while the server runs.
//!
//! ```
//! use framekeep_results::{MatchResult, Query, ResultReader, ResultStore};
//! let folder = tempfile::tempdir().unwrap();
//! let file = folder.path().join("results.redb");
//! let mut store = ResultStore::open(&file).unwrap();
//! store.insert(&[MatchResult { id: "a-1".into(), game: "arena".into(), ..MatchResult::default() }]).unwrap();
//! let found = ResultReader::open(&file).unwrap().find(&Query { game: Some("arena".into()), ..Query::default() });
//! assert_eq!(found.unwrap()[0].id, "a-1");
//! ```
//!
//! The file is one of redb 4 in its mode for one writer and any number of readers. Each result is a JSON text with a
//! checksum under the time of its end and its id; two tables index it by player and by game, a third finds an id.

mod query;
mod retention;
mod row;
mod salvage;
mod sealed_row;
mod store;
#[cfg(test)]
mod tests;

pub use query::{Cursor, Found, Query, ResultReader};
pub use retention::{ReplayRules, retain_replays};
pub use row::{MatchResult, RESULT_SCHEMA_VERSION, SeatResult};
pub use salvage::SetAside;
pub use store::{ResultError, ResultStore, open_or_set_aside};
