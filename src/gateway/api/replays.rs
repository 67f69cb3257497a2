//! Replays: the sealed matches of the data folder.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::chunks::Chunks;
use crate::front::Front;
use crate::problem::{Problem, ProblemJson};
use crate::request::{Asked, Segment, at_least_one, has_key};
use crate::shelf::{SealedMatch, is_private, is_replay};
use crate::stats::Refused;

/// Most replays in one answer.
const REPLAYS_MAX: usize = 500;

/// A sealed match.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ReplayJson {
    name: String,
    bytes: u64,
    sealed_unix_ms: u64,
}

impl From<&SealedMatch> for ReplayJson {
    fn from(one: &SealedMatch) -> Self {
        Self { name: one.name.clone(), bytes: one.bytes, sealed_unix_ms: one.sealed_unix_ms }
    }
}

/// Which replays are wanted.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReplayFilter {
    /// Only those whose name has this in it.
    q: Option<String>,
    /// At most so many, 500 at most.
    #[serde(deserialize_with = "at_least_one")]
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// The sealed matches, the newest first; those of private rooms with the key only.
#[utoipa::path(get, path = "/api/v1/replays", tag = "replays", params(ReplayFilter), security(("key" = []), ()),
    responses((status = 200, body = Vec<ReplayJson>), (status = 400, body = ProblemJson),
    (status = 401, body = ProblemJson)))]
pub(crate) async fn list(
    State(front): State<Arc<Front>>,
    headers: HeaderMap,
    Asked(filter): Asked<ReplayFilter>,
) -> Result<Json<Vec<ReplayJson>>, Problem> {
    let has_key = has_key(&front, &headers)?;
    let Some(folder) = folder(&front) else { return Ok(Json(Vec::new())) };
    let limit = filter.limit.unwrap_or(100).clamp(1, REPLAYS_MAX);
    let shelf = front.shelf.clone();
    // Looking through a folder waits for the disk.
    let there = tokio::task::spawn_blocking(move || shelf.look(&folder)).await.unwrap_or_default();
    let wanted = there.iter().filter(|one| {
        (has_key || !is_private(&one.name)) && filter.q.as_deref().is_none_or(|part| one.name.contains(part))
    });
    Ok(Json(wanted.take(limit).map(ReplayJson::from).collect()))
}

fn folder(front: &Front) -> Option<PathBuf> {
    front.live().config.data.as_ref().map(|data| data.join("replays"))
}

/// Where the replay of a name lies, for whoever may see it.
pub(super) fn path_of(front: &Front, headers: &HeaderMap, name: &str) -> Result<PathBuf, Problem> {
    let missing = || Problem::not_found("there is no such replay: GET /api/v1/replays lists them");
    if !is_replay(name) {
        return Err(missing());
    }
    if !has_key(front, headers)? && is_private(name) {
        front.stats.refuse(Refused::Unauthorized);
        let detail =
            "a match of a private room is shown with the API key only, as `Authorization: Bearer KEY`";
        return Err(Problem::unauthorized(detail));
    }
    Ok(folder(front).ok_or_else(missing)?.join(name))
}

/// A sealed match, or a range of its bytes; of a private room with the key only.
#[utoipa::path(get, path = "/api/v1/replays/{name}", tag = "replays", params(("name" = String, Path)),
    security(("key" = []), ()), responses((status = 401, body = ProblemJson),
    (status = 200, content_type = "application/octet-stream"),
    (status = 206, content_type = "application/octet-stream"),
    (status = 400, body = ProblemJson), (status = 404, body = ProblemJson), (status = 416, body = ProblemJson)))]
pub(crate) async fn download(
    State(front): State<Arc<Front>>,
    Segment(name): Segment,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let missing = || Problem::not_found("there is no such replay: GET /api/v1/replays lists them");
    let path = path_of(&front, &headers, &name)?;
    // What is a link leads elsewhere.
    let metadata = tokio::fs::symlink_metadata(&path).await.map_err(|_| missing())?;
    if !metadata.is_file() {
        return Err(missing());
    }
    let length = metadata.len();
    let asked = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let range = match asked.map(|asked| range(asked, length)) {
        None | Some(Asking::Whole) => None,
        Some(Asking::Part(first, last)) => Some((first, last)),
        Some(Asking::Nothing) => {
            let problem = Problem::new(
                StatusCode::RANGE_NOT_SATISFIABLE,
                "range",
                format!("the replay has {length} bytes"),
            );
            return Err(problem);
        }
    };
    let (first, last) = range.unwrap_or((0, length.saturating_sub(1)));
    let wanted = if length == 0 { 0 } else { last - first + 1 };
    let chunks = Chunks::open(&path, first, wanted).await.map_err(|_| missing())?;
    Ok(answer(&name, chunks, range.map(|(first, last)| format!("bytes {first}-{last}/{length}"))))
}

fn answer(name: &str, chunks: Chunks, range: Option<String>) -> Response {
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let mut response = (status, Body::new(chunks)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // A name of a replay is plain, and so are numbers.
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    if let Some(value) = range.and_then(|range| HeaderValue::from_str(&range).ok()) {
        headers.insert(header::CONTENT_RANGE, value);
    }
    response
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asking {
    /// Everything; also where the header is one to be ignored.
    Whole,
    /// From the first to the last byte, both included.
    Part(u64, u64),
    /// What is not there.
    Nothing,
}

/// One range of bytes, as RFC 9110 says it in section 14. Several at once are answered with everything.
fn range(header: &str, length: u64) -> Asking {
    let Some((first, last)) = header.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Asking::Whole;
    };
    let end = length.saturating_sub(1);
    let number = |text: &str| text.trim().parse::<u64>().ok();
    match (number(first), number(last)) {
        (None, Some(0)) => Asking::Nothing,
        (None, Some(count)) if first.trim().is_empty() && length > 0 => {
            Asking::Part(length.saturating_sub(count), end)
        }
        (Some(first), _) if first >= length => Asking::Nothing,
        (Some(first), None) if last.trim().is_empty() => Asking::Part(first, end),
        (Some(first), Some(last)) if first <= last => Asking::Part(first, last.min(end)),
        _ => Asking::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        for (header, asking) in [
            ("bytes=0-9", Asking::Part(0, 9)),
            ("bytes=90-", Asking::Part(90, 99)),
            ("bytes=-10", Asking::Part(90, 99)),
            ("bytes=-1000", Asking::Part(0, 99)),
            ("bytes=50-1000", Asking::Part(50, 99)),
            ("bytes=100-", Asking::Nothing),
            ("bytes=-0", Asking::Nothing),
            ("bytes=9-0", Asking::Whole),
            ("bytes=0-1,5-6", Asking::Whole),
            ("lines=0-1", Asking::Whole),
            ("bytes=a-b", Asking::Whole),
        ] {
            assert_eq!(range(header, 100), asking, "{header}");
        }
    }
}
