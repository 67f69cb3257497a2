//! Results: finished matches, as the data folder keeps them.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use framekeep_results::{Cursor, MatchResult, Query, ResultError, ResultReader};
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::front::Front;
use crate::problem::{Problem, ProblemJson};
use crate::request::{Asked, Segment};

/// The file within the data folder.
const FILE: &str = "results.redb";

/// Most results in one answer.
const RESULTS_MAX: usize = 500;

/// Longest id, player or game that is asked for, in bytes.
const WORD_BYTES_MAX: usize = 128;

/// Which results are wanted; everything that is said must hold.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ResultFilter {
    /// Somebody of this id (16 hexadecimal digits) or name played in it.
    player: Option<String>,
    /// It is of this game.
    game: Option<String>,
    /// It ended then or later.
    since_unix_ms: Option<u64>,
    /// It ended before then.
    until_unix_ms: Option<u64>,
    /// At most so many, 500 at most.
    limit: Option<usize>,
    /// Where the page before ended: its `next_after`.
    after: Option<String>,
}

/// Finished matches, the newest first.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ResultsJson {
    #[schema(value_type = Vec<Object>)]
    results: Vec<MatchResult>,
    /// What to give as `after` for older ones, if there may be any.
    next_after: Option<String>,
}

/// Finished matches, the newest first.
#[utoipa::path(get, path = "/api/v1/results", tag = "results", params(ResultFilter), responses(
    (status = 200, body = ResultsJson), (status = 400, body = ProblemJson), (status = 503, body = ProblemJson)))]
pub(crate) async fn list(
    State(front): State<Arc<Front>>,
    Asked(filter): Asked<ResultFilter>,
) -> Result<Json<ResultsJson>, Problem> {
    let limit = filter.limit.unwrap_or(50).clamp(1, RESULTS_MAX);
    let after = filter.after.as_deref().map(read_cursor).transpose()?;
    let query = Query {
        player: filter.player.filter(|player| player.len() <= WORD_BYTES_MAX),
        game: filter.game.filter(|game| game.len() <= WORD_BYTES_MAX),
        since_unix_ms: filter.since_unix_ms.unwrap_or(0),
        until_unix_ms: filter.until_unix_ms.unwrap_or(u64::MAX),
        limit,
        after,
    };
    let results = read(&front, move |reader| reader.find(&query)).await?.unwrap_or_default();
    Ok(Json(page(results, limit)))
}

fn page(results: Vec<MatchResult>, limit: usize) -> ResultsJson {
    let last = results.last().filter(|_| results.len() == limit);
    let next_after = last.map(|last| Cursor::at(last).to_string());
    ResultsJson { results, next_after }
}

fn read_cursor(text: &str) -> Result<Cursor, Problem> {
    let cursor = Cursor::parse(text).filter(|_| text.len() <= WORD_BYTES_MAX);
    let detail = "after is no place in the results: give the next_after of the page before";
    cursor.ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "after", detail))
}

/// A finished match, by its id or the beginning of it if no other begins so.
#[utoipa::path(get, path = "/api/v1/results/{id}", tag = "results", params(("id" = String, Path)), responses(
    (status = 200, body = Object), (status = 404, body = ProblemJson), (status = 503, body = ProblemJson)))]
pub(crate) async fn show(
    State(front): State<Arc<Front>>,
    Segment(id): Segment,
) -> Result<Json<MatchResult>, Problem> {
    let missing = || Problem::not_found("there is no such match: GET /api/v1/results lists them");
    if id.is_empty() || id.len() > WORD_BYTES_MAX {
        return Err(missing());
    }
    let found = read(&front, move |reader| reader.get(&id)).await?.flatten();
    found.map(Json).ok_or_else(missing)
}

/// Reads the results where waiting for the disk holds nobody up; `None` if there are none yet.
async fn read<T: Send + 'static>(
    front: &Front,
    ask: impl FnOnce(&ResultReader) -> Result<T, ResultError> + Send + 'static,
) -> Result<Option<T>, Problem> {
    let Some(path) = front.live().config.data.as_ref().map(|data| data.join(FILE)) else { return Ok(None) };
    let asked = tokio::task::spawn_blocking(move || ask_file(path, ask)).await;
    match asked {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => {
            warn!(%error, "results cannot be read");
            Err(unreadable())
        }
        Err(_) => Err(unreadable()),
    }
}

fn unreadable() -> Problem {
    let detail = "the results cannot be read now: try again in a moment, or look at the log";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "results", detail).retry_after(1)
}

fn ask_file<T>(
    path: PathBuf,
    ask: impl FnOnce(&ResultReader) -> Result<T, ResultError>,
) -> Result<Option<T>, ResultError> {
    if !path.is_file() {
        return Ok(None);
    }
    ask(&ResultReader::open(&path)?).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_that_ended_together_are_on_one_page_or_the_next() {
        let ended = |id: &str| MatchResult { id: id.into(), ended_unix_ms: 7, ..MatchResult::default() };
        let page = page(vec![ended("c"), ended("b")], 2);
        let after = read_cursor(&page.next_after.unwrap()).ok().unwrap();
        assert_eq!(after, Cursor::at(&ended("b")));
        assert!(read_cursor("7").is_err() && read_cursor("x.b").is_err());
        assert!(super::page(vec![ended("a")], 2).next_after.is_none());
    }
}
