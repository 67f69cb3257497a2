//! `Handshake`, how a request becomes a WebSocket (RFC 6455, section 4.2).

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::{SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

use super::deflate::{self, Agreed};
use crate::paced::Paced;
use crate::pipe::Stream;
use crate::wire::Encoding;

/// A request that becomes a WebSocket.
pub(super) struct Handshake {
    on_upgrade: OnUpgrade,
    /// What the client is told.
    pub(super) response: Response,
    /// The encoding of the subprotocol that was agreed on.
    pub(super) encoding: Option<Encoding>,
    /// How messages are packed, if they are.
    pub(super) packing: Option<Agreed>,
}

impl Handshake {
    /// Reads a request; `None` if it does not ask for a WebSocket. `compression` says whether messages may be packed:
    /// else nobody looks at what the client offers.
    pub(super) fn of(mut request: Request, compression: bool) -> Option<Self> {
        let mut response = create_response_with_body(&request, Body::empty).ok()?;
        let on_upgrade = request.extensions_mut().remove::<OnUpgrade>()?;
        let encoding = agreed(request.headers());
        if let Some((name, _)) = encoding {
            response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(name));
        }
        let packing = compression.then(|| deflate::agree(request.headers())).flatten();
        if let Some(answer) = packing.and_then(|agreed| HeaderValue::try_from(agreed.answer()).ok()) {
            response.headers_mut().insert(SEC_WEBSOCKET_EXTENSIONS, answer);
        }
        let encoding = encoding.map(|(_, encoding)| encoding);
        Some(Self { on_upgrade, response, encoding, packing })
    }

    /// What is done with the connection once the client has been told, and the answer that tells it. A connection
    /// that breaks meanwhile is forgotten.
    pub(super) fn then<F>(self, serve: impl FnOnce((Stream, Bytes)) -> F + Send + 'static) -> Response
    where
        F: Future<Output = ()> + Send + 'static,
    {
        tokio::spawn(async move {
            if let Ok(upgraded) = self.on_upgrade.await {
                serve(bare(upgraded)).await;
            }
        });
        self.response
    }
}

/// The connection without what made it one of HTTP, and what was read of it already.
fn bare(upgraded: Upgraded) -> (Stream, Bytes) {
    match upgraded.downcast::<TokioIo<Paced<TcpStream>>>() {
        Ok(parts) => (Stream::Tcp(parts.io.into_inner().into_inner()), parts.read_buf),
        // A connection of another kind gives by itself what was read of it.
        Err(upgraded) => (Stream::Other(Box::new(TokioIo::new(upgraded))), Bytes::new()),
    }
}

/// The subprotocol that both can speak, the better one first.
fn agreed(headers: &HeaderMap) -> Option<(&'static str, Encoding)> {
    let is_offered = |name: &str| {
        let offers = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
        offers
            .flat_map(|one| one.as_bytes().split(|&byte| byte == b','))
            .any(|one| one.trim_ascii() == name.as_bytes())
    };
    let name = Encoding::SUBPROTOCOLS.into_iter().find(|name| is_offered(name))?;
    Some((name, Encoding::of_subprotocol(name)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_better_of_the_offered_subprotocols_is_agreed_on() {
        let agreed_of = |offers: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for offer in offers {
                headers.append(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(offer));
            }
            agreed(&headers).map(|(_, encoding)| encoding)
        };
        assert_eq!(agreed_of(&["framekeep.v1.json , framekeep.v1.protobuf"]), Some(Encoding::Protobuf));
        assert_eq!(agreed_of(&["soap", "framekeep.v1.json"]), Some(Encoding::Json));
        assert_eq!(agreed_of(&["framekeep.v2.json"]), None);
        assert_eq!(agreed_of(&[]), None);
    }
}
