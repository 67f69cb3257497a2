//! `Problem`, an error as RFC 9457 says it.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use framekeep_protocol::Refusal;
use serde::Serialize;

/// Longest problem that another node tells, in bytes.
const TOLD_BYTES_MAX: usize = 64 << 10;

/// The code of a room that is here without a match.
const NO_MATCH: &str = "no_match";

/// Why a request was not done: `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    status: StatusCode,
    code: String,
    detail: String,
    retry_after_s: Option<u64>,
}

/// The members of a problem.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ProblemJson {
    /// `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: String,
    /// The status.
    status: u16,
    /// What happened and what to do, for people.
    detail: String,
    /// One word for programs.
    code: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), detail: detail.into(), retry_after_s: None }
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// The room is here, and no match runs in it that could be shown.
    pub(crate) fn no_match(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, NO_MATCH, detail)
    }

    /// Whether what was asked for is not here: another node may have it.
    pub(crate) fn is_not_here(&self) -> bool {
        self.status == StatusCode::NOT_FOUND && self.code != NO_MATCH
    }

    pub(crate) fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    pub(crate) fn forbidden(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// The server has more to do than it can take.
    pub(crate) fn busy() -> Self {
        let detail = "the server is busy or about to stop: try again in a moment";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(1)
    }

    /// What another node has answered instead of doing what it was asked.
    pub(crate) async fn of(answer: Response) -> Self {
        let (head, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, TOLD_BYTES_MAX).await.unwrap_or_default();
        let said: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let text = |name: &str| said[name].as_str().filter(|text| !text.is_empty());
        let detail = text("detail").unwrap_or("the node of the room does not say why");
        let after = head.headers.get(header::RETRY_AFTER).and_then(|after| after.to_str().ok()?.parse().ok());
        let problem = Self::new(head.status, text("code").unwrap_or("unknown"), detail);
        Self { retry_after_s: after, ..problem }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = match &refusal {
            Refusal::TooManyRooms { .. } | Refusal::ServerFull { .. } | Refusal::ShuttingDown => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Refusal::TooFast { .. } | Refusal::TooManyMatches { .. } => StatusCode::TOO_MANY_REQUESTS,
            Refusal::NoSuchRoom { .. } => StatusCode::NOT_FOUND,
            Refusal::AlreadyInRoom { .. }
            | Refusal::RoomClosed { .. }
            | Refusal::RoomFull { .. }
            | Refusal::RoomMoved { .. }
            | Refusal::RoomLost { .. } => StatusCode::CONFLICT,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        let detail = match &refusal {
            Refusal::AlreadyInRoom { room } => format!("there is a room {room}: take another name"),
            other => other.to_string(),
        };
        Self::new(status, &code_of(&refusal), detail)
    }
}

/// A refusal as one word: the name of its kind.
pub(crate) fn code_of(refusal: &Refusal) -> String {
    let text = format!("{refusal:?}");
    snake(text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default())
}

/// A name of Rust's as others write it: `KnockedOut` as `knocked_out`.
pub(crate) fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for (index, c) in name.chars().enumerate() {
        if c.is_uppercase() && index > 0 {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let json = ProblemJson {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
            code: self.code,
        };
        let text = serde_json::to_string(&json).unwrap_or_default();
        let mut response = (self.status, text).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_one_word_and_a_status() {
        assert_eq!(code_of(&Refusal::NotInRoom), "not_in_room");
        assert_eq!(code_of(&Refusal::TooManyRooms { limit: 7 }), "too_many_rooms");
        let problem = Problem::from(Refusal::TooManyRooms { limit: 7 });
        assert_eq!(problem.status, StatusCode::SERVICE_UNAVAILABLE);
    }
}
