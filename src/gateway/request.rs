//! What requests have in common: who asks, and what is in the path and the body.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use framekeep_gate::Viewer;
use framekeep_protocol::RoomName;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};

use crate::front::Front;
use crate::problem::Problem;
use crate::sessions::SessionToken;
use crate::stats::Refused;

/// Longest body of a request, in bytes.
const BODY_BYTES_MAX: usize = 16 << 10;

/// Longest value of a filter, in bytes: no name, id or cursor is longer.
pub(crate) const FILTER_BYTES_MAX: usize = 128;

/// How long a body may take to arrive.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// The token of an `Authorization: Bearer` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token.trim_ascii())
}

/// Who looks at a room: the player of a session whose token comes along, or anybody.
pub(crate) fn viewer(front: &Front, headers: &HeaderMap) -> Viewer {
    let token = bearer(headers).and_then(|token| SessionToken::parse(str::from_utf8(token).ok()?));
    token.and_then(|token| front.sessions.player(token)).map_or(Viewer::Anybody, Viewer::Player)
}

/// Somebody who has the API key.
pub(crate) struct WithKey;

/// Whether a request has the API key; a wrong one is an error, not a request without.
pub(crate) fn has_key(front: &Front, headers: &HeaderMap) -> Result<bool, Problem> {
    let Some(token) = bearer(headers) else { return Ok(false) };
    if !front.live().config.api_key.as_ref().is_some_and(|key| key.is(token)) {
        front.stats.refuse(Refused::Unauthorized);
        return Err(Problem::unauthorized("this is not the API key of this server"));
    }
    if !front.live().budgets.take_with_key() {
        front.stats.refuse(Refused::Budget);
        return Err(over_budget());
    }
    Ok(true)
}

/// Too many requests.
pub(crate) fn over_budget() -> Problem {
    let detail = "too many requests: wait a second";
    Problem::new(axum::http::StatusCode::TOO_MANY_REQUESTS, "too_fast", detail).retry_after(1)
}

impl FromRequestParts<Arc<Front>> for WithKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, front: &Arc<Front>) -> Result<Self, Problem> {
        if has_key(front, &parts.headers)? {
            return Ok(Self);
        }
        front.stats.refuse(Refused::Unauthorized);
        Err(Problem::unauthorized("this needs the API key, as `Authorization: Bearer KEY`"))
    }
}

/// The one part of a path that is not fixed, as it is.
pub(crate) struct Segment(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(text)| Self(text)).map_err(|_| Problem::bad_request("the path is not UTF-8"))
    }
}

/// The name of a room in a path.
pub(crate) struct RoomPath(pub(crate) RoomName);

impl<S: Send + Sync> FromRequestParts<S> for RoomPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Segment(text) = Segment::from_request_parts(parts, state).await?;
        let name = RoomName::try_from(text);
        name.map(Self).map_err(|fault| Problem::bad_request(format!("the name of the room: {fault}")))
    }
}

/// How many of something are wanted: none is not an answer that anybody needs.
pub(crate) fn at_least_one<'de, D: Deserializer<'de>, T: Deserialize<'de> + PartialEq + From<u8>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let count = Option::<T>::deserialize(deserializer)?;
    if count == Some(T::from(0)) { Err(D::Error::custom("0 is under the least, 1")) } else { Ok(count) }
}

/// What stands behind the question mark. No value of it is over [`FILTER_BYTES_MAX`].
pub(crate) struct Asked<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let pairs = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let long = pairs
            .ok()
            .and_then(|Query(pairs)| pairs.into_iter().find(|(_, value)| value.len() > FILTER_BYTES_MAX));
        if let Some((name, value)) = long {
            let (name, length) = (name.chars().take(32).collect::<String>(), value.len());
            let detail = format!("{name}: {length} bytes are over the limit of {FILTER_BYTES_MAX}");
            return Err(Problem::bad_request(detail));
        }
        let query = Query::<T>::from_request_parts(parts, state).await;
        query.map(|Query(asked)| Self(asked)).map_err(|rejection| Problem::bad_request(rejection.body_text()))
    }
}

fn too_slow() -> Problem {
    let detail = format!("the body did not arrive within {} s", BODY_WITHIN.as_secs());
    Problem::new(axum::http::StatusCode::REQUEST_TIMEOUT, "too_slow", detail)
}

/// A body in JSON.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let is_json = kind.is_some_and(|kind| kind.split(';').next() == Some("application/json"));
        if !is_json {
            let status = axum::http::StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Problem::new(status, "not_json", "send `Content-Type: application/json`"));
        }
        let too_long = || {
            let detail = format!("the body has more than {BODY_BYTES_MAX} bytes");
            Problem::new(axum::http::StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
        };
        let arriving = tokio::time::timeout(BODY_WITHIN, Bytes::from_request(request, state)).await;
        let bytes = arriving.map_err(|_| too_slow())?.map_err(|_| too_long())?;
        if bytes.len() > BODY_BYTES_MAX {
            return Err(too_long());
        }
        let body = serde_json::from_slice(&bytes);
        body.map(Self).map_err(|error| Problem::bad_request(format!("the body: {error}")))
    }
}
