//! Sending an alert to a webhook: one HTTP/1.1 request.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// How long a webhook may take.
const WITHIN: Duration = Duration::from_secs(10);

/// A webhook that did not take an alert.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WebhookError {
    #[error(
        "the address of the webhook is not http://HOST[:PORT]/PATH; for https put a proxy on this machine"
    )]
    Address,
    #[error("the webhook cannot be reached: {0}")]
    Connect(#[from] std::io::Error),
    #[error("the webhook does not speak HTTP: {0}")]
    Http(#[from] hyper::Error),
    #[error("the webhook answered {0}")]
    Status(StatusCode),
    #[error("the webhook took more than {} s", WITHIN.as_secs())]
    TooSlow,
}

/// Posts JSON to a webhook.
pub(crate) async fn post(url: &str, body: Vec<u8>) -> Result<(), WebhookError> {
    tokio::time::timeout(WITHIN, exchange(url, body)).await.unwrap_or(Err(WebhookError::TooSlow))
}

async fn exchange(url: &str, body: Vec<u8>) -> Result<(), WebhookError> {
    let uri: Uri = url.parse().map_err(|_| WebhookError::Address)?;
    let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(WebhookError::Address);
    };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, authority.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::post(uri.path_and_query().map_or("/", |path| path.as_str()))
        .header(header::HOST, authority.as_str())
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(Bytes::from(body)))
        .map_err(|_| WebhookError::Address)?;
    let talk = tokio::spawn(connection);
    let answered = sender.send_request(request).await;
    talk.abort();
    let status = answered?.status();
    if status.is_success() { Ok(()) } else { Err(WebhookError::Status(status)) }
}
