//! Results: finished matches, as the data folder keeps them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use framekeep_results::{Cursor, MatchResult, Query, ResultError, ResultReader};
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::front::Front;
use crate::problem::{Problem, ProblemJson};
use crate::request::{Asked, FILTER_BYTES_MAX, Segment, at_least_one, has_key};
use crate::shelf::is_private;

/// The file within the data folder.
const FILE: &str = "results.redb";

/// Most results in one answer.
const RESULTS_MAX: usize = 500;

/// How often and after how long a file that cannot be read is tried again.
const ATTEMPTS: u32 = 5;
const AGAIN_AFTER: Duration = Duration::from_millis(20);

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
    #[serde(deserialize_with = "at_least_one")]
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// Where the page before ended: its `next_after`.
    after: Option<String>,
}

/// Finished matches, the newest first.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ResultsJson {
    #[schema(value_type = Vec<Object>)]
    results: Vec<MatchResult>,
    /// What is wrong with those that cannot be told because the file is damaged; each names its match.
    damaged: Vec<String>,
    /// What to give as `after` for older ones, if there may be any.
    next_after: Option<String>,
}

/// Finished matches, the newest first; those of private rooms with the key only, so that a page may have fewer
/// than asked for.
#[utoipa::path(get, path = "/api/v1/results", tag = "results", params(ResultFilter), security(("key" = []), ()),
    responses((status = 200, body = ResultsJson), (status = 400, body = ProblemJson),
    (status = 401, body = ProblemJson), (status = 503, body = ProblemJson)))]
pub(crate) async fn list(
    State(front): State<Arc<Front>>,
    headers: HeaderMap,
    Asked(filter): Asked<ResultFilter>,
) -> Result<Json<ResultsJson>, Problem> {
    let has_key = has_key(&front, &headers)?;
    let limit = filter.limit.unwrap_or(50).clamp(1, RESULTS_MAX);
    let after = filter.after.as_deref().map(read_cursor).transpose()?;
    let query = Query {
        player: filter.player,
        game: filter.game,
        since_unix_ms: filter.since_unix_ms.unwrap_or(0),
        until_unix_ms: filter.until_unix_ms.unwrap_or(u64::MAX),
        limit,
        after,
    };
    let found = read(&front, move |reader| reader.find(&query)).await?.unwrap_or_default();
    let may_see = |result: &MatchResult| has_key || !is_private(&result.id);
    Ok(Json(ResultsJson {
        results: found.results.into_iter().filter(may_see).collect(),
        damaged: found.damaged,
        next_after: found.next.map(|next| next.to_string()),
    }))
}

fn read_cursor(text: &str) -> Result<Cursor, Problem> {
    let cursor = Cursor::parse(text);
    let detail = "after is no place in the results: give the next_after of the page before";
    cursor.ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "after", detail))
}

/// A finished match, by its id or the beginning of it if no other begins so; of a private room with the key only.
#[utoipa::path(get, path = "/api/v1/results/{id}", tag = "results", params(("id" = String, Path)),
    security(("key" = []), ()), responses((status = 200, body = Object), (status = 401, body = ProblemJson),
    (status = 404, body = ProblemJson), (status = 503, body = ProblemJson)))]
pub(crate) async fn show(
    State(front): State<Arc<Front>>,
    Segment(id): Segment,
    headers: HeaderMap,
) -> Result<Json<MatchResult>, Problem> {
    let has_key = has_key(&front, &headers)?;
    let missing = || Problem::not_found("there is no such match: GET /api/v1/results lists them");
    if id.is_empty() || id.len() > FILTER_BYTES_MAX {
        return Err(missing());
    }
    let found = read(&front, move |reader| reader.get(&id)).await?.flatten();
    found.filter(|result| has_key || !is_private(&result.id)).map(Json).ok_or_else(missing)
}

/// Reads the results where waiting for the disk holds nobody up; `None` if there are none yet.
async fn read<T: Send + 'static>(
    front: &Front,
    ask: impl Fn(&ResultReader) -> Result<T, ResultError> + Send + Sync + 'static,
) -> Result<Option<T>, Problem> {
    let Some(path) = front.live().config.data.as_ref().map(|data| data.join(FILE)) else { return Ok(None) };
    let ask = Arc::new(ask);
    for attempt in 1.. {
        let (path, ask) = (path.clone(), ask.clone());
        match tokio::task::spawn_blocking(move || ask_file(&path, &*ask)).await {
            Ok(Ok(found)) => return Ok(found),
            // The server is just making the file, or mending it.
            Ok(Err(_)) if attempt < ATTEMPTS => tokio::time::sleep(AGAIN_AFTER).await,
            Ok(Err(error)) => {
                warn!(%error, "results cannot be read");
                break;
            }
            Err(_) => break,
        }
    }
    Err(unreadable())
}

fn unreadable() -> Problem {
    let detail = "the results cannot be read now: try again in a moment, or look at the log";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "results", detail).retry_after(1)
}

fn ask_file<T>(
    path: &Path,
    ask: &impl Fn(&ResultReader) -> Result<T, ResultError>,
) -> Result<Option<T>, ResultError> {
    if !path.is_file() {
        return Ok(None);
    }
    ask(&ResultReader::open(path)?).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_nothing_else_is_one() {
        let ended = MatchResult { id: "b".into(), ended_unix_ms: 7, ..MatchResult::default() };
        let after = Cursor::at(&ended);
        assert!(read_cursor(&after.to_string()).is_ok_and(|read| read == after));
        assert!(read_cursor("7").is_err() && read_cursor("x.b").is_err());
    }
}
