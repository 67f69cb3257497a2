//! What nodes say to each other about rooms that move: each letter is one request, signed with the cluster's secret.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode};
use axum::routing::post;
use framekeep_gate::{Claim, Later, Letter, Order};
use framekeep_protocol::RoomName;
use hmac::{Hmac, Mac as _};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use sha2::Sha256;
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tracing::debug;

use crate::Secret;
use crate::front::{Front, unix_now};
use crate::problem::Problem;

/// Longest letter, in bytes.
const LETTER_BYTES_MAX: usize = 9 << 20;

/// How long one may take.
const WITHIN: Duration = Duration::from_secs(5);

/// How long the store of names may hold a move up.
const HANDED_WITHIN: Duration = Duration::from_millis(250);

/// How long the store of names may take to say whose a room is.
const OWNER_WITHIN: Duration = Duration::from_secs(1);

/// Letters that wait for one node; more are lost.
const WAITING_MAX: usize = 1_024;

/// How far the clocks of two nodes may be apart. An older letter may have been sent again by somebody else.
const CLOCKS_APART_MAX_MS: u64 = 30_000;

const FROM: &str = "x-framekeep-from";
const TO: &str = "x-framekeep-to";
const AT: &str = "x-framekeep-at";
const SIGNATURE: &str = "x-framekeep-signature";
/// The room that is the receiver's from now on, in hexadecimal digits, and the number of that if it is known.
const HANDS: &str = "x-framekeep-hands";

/// Where the other nodes of a cluster are.
pub trait PeerBook: Send + Sync {
    /// Where the node of a name is answered by its peers.
    fn find(&self, name: &str) -> Option<SocketAddr>;

    /// The same by what the store of names says now: a node may have come since it was read last.
    fn look_up(&self, name: String) -> Later<'_, Option<SocketAddr>>;

    /// The names of the nodes that have rooms.
    fn with_rooms(&self) -> Vec<String>;

    /// Whether a node of that name is there and only takes clients in.
    fn is_gateway(&self, node: &str) -> bool;

    /// The name of the node at which a room is opened that somebody asks for now; none if no node takes rooms.
    fn for_room(&self) -> Option<String>;

    /// Hands the name of a room over to a node, where names are shared; gives the number under which it is the node's
    /// from then on, if that is known. The node that has the room has decided: a store that does not answer holds
    /// nothing up for long.
    fn hand_over(&self, room: RoomName, node: String) -> Later<'_, Option<u64>>;

    /// A room is this node's from now on, and was `from`'s: its name was handed over, or will be.
    fn expect(&self, room: &RoomName, from: &str);

    /// Keeps the name of a room that was handed over under that number.
    fn adopt(&self, room: RoomName, epoch: u64) -> Later<'_, ()>;

    /// Whose the name of a room is; `None` if it is nobody's.
    fn claim(&self, room: RoomName) -> Later<'_, Result<Option<RoomClaim>, NoAnswer>>;

    /// The number of the node with which a room was lost, as this one remembers, that the store of names has forgotten.
    fn lost_with(&self, room: RoomName) -> Later<'_, Result<Option<String>, NoAnswer>>;
}

/// The store of names does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoAnswer;

/// Whose the name of a room is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomClaim {
    /// The node's name; empty if the node is gone.
    pub node: String,
    /// The node's number, 16 hexadecimal digits.
    pub id: String,
    /// Under which number it has the name.
    pub epoch: u64,
    /// Whether it is this node's.
    pub is_own: bool,
    /// Whether the node is gone for so long that clients are told that the room is lost.
    pub is_lost: bool,
}

/// What the peers' port takes.
pub(crate) fn routes() -> Router<Arc<Front>> {
    Router::new().route("/peer/v1/mail", post(receive)).layer(DefaultBodyLimit::max(LETTER_BYTES_MAX))
}

/// What is proven to be of another node.
pub(crate) struct Proven<'a> {
    from: &'a str,
    /// What it is besides a letter.
    pub(crate) hands: &'a str,
}

/// Looks whether a request is signed by a node of the cluster, lately and for this one.
pub(crate) fn proven<'a>(front: &Front, headers: &'a HeaderMap, body: &[u8]) -> Result<Proven<'a>, Problem> {
    let live = front.live();
    let Some(secret) = &live.config.peer_secret else {
        return Err(Problem::not_found("this node has no secret of a cluster"));
    };
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (from, to, at, hands) = (text(FROM), text(TO), text(AT), text(HANDS));
    let signature = data_encoding::HEXLOWER.decode(text(SIGNATURE).as_bytes()).unwrap_or_default();
    if signer(secret, &head(from, to, at, hands), body).verify_slice(&signature).is_err() {
        return Err(Problem::unauthorized("this is not signed with the cluster's secret"));
    }
    let now_ms = unix_now().as_millis() as u64;
    let is_fresh = at.parse().is_ok_and(|at: u64| now_ms.abs_diff(at) <= CLOCKS_APART_MAX_MS);
    if !is_fresh || to != live.config.node {
        let why = format!("this is node {}, and its clock says {now_ms} ms", live.config.node);
        return Err(Problem::bad_request(why));
    }
    Ok(Proven { from, hands })
}

/// Takes a letter of another node.
async fn receive(
    State(front): State<Arc<Front>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let Proven { from, hands } = proven(&front, &headers, &body)?;
    if let (Some(peers), Some((room, epoch))) = (front.peers.get(), read_hands(hands)) {
        peers.expect(&room, from);
        if let Some(epoch) = epoch {
            let peers = peers.clone();
            // The room goes on meanwhile: nobody else gets a name that was handed to this node.
            tokio::spawn(async move { peers.adopt(room, epoch).await });
        }
    }
    let order = Order::Peer(from.to_owned(), body.to_vec());
    front.order(order).await.map_err(|_| Problem::busy())?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is signed besides the letter.
fn head(from: &str, to: &str, at: &str, hands: &str) -> Vec<u8> {
    let hands = if hands.is_empty() { String::new() } else { format!("{hands}\n") };
    format!("framekeep mail\n{from}\n{to}\n{at}\n{hands}").into_bytes()
}

/// A room that is the other node's, as a header.
fn written_hands(room: &RoomName, epoch: Option<u64>) -> String {
    let room = data_encoding::HEXLOWER.encode(room.as_str().as_bytes());
    epoch.map_or_else(|| room.clone(), |epoch| format!("{room} {epoch}"))
}

fn read_hands(hands: &str) -> Option<(RoomName, Option<u64>)> {
    let mut words = hands.split_ascii_whitespace();
    let room = data_encoding::HEXLOWER.decode(words.next()?.as_bytes()).ok()?;
    let room = RoomName::try_from(String::from_utf8(room).ok()?).ok()?;
    Some((room, words.next().and_then(|epoch| epoch.parse().ok())))
}

/// Brings letters to other nodes, in order for each of them.
pub(crate) async fn run(front: Arc<Front>) {
    let news = Arc::new(Notify::new());
    let wake = news.clone();
    front.door.on_mail(Box::new(move || wake.notify_one()));
    let (found, mut for_owners) = mpsc::channel(WAITING_MAX);
    let mut nodes: HashMap<String, mpsc::Sender<Letter>> = HashMap::new();
    loop {
        let owned = std::iter::from_fn(|| for_owners.try_recv().ok());
        for letter in front.door.take_mail().into_iter().chain(owned) {
            if let Some(room) = letter.seeks.clone() {
                let (front, found, news) = (front.clone(), found.clone(), news.clone());
                tokio::spawn(async move {
                    if let Some(letter) = find_owner(&front, room, letter).await {
                        let _ = found.try_send(letter);
                        news.notify_one();
                    }
                });
                continue;
            }
            let node = letter.node.clone();
            let queue = nodes.entry(node.clone()).or_insert_with(|| {
                let (sender, letters) = mpsc::channel(WAITING_MAX);
                tokio::spawn(bring(front.clone(), node, letters));
                sender
            });
            // What does not arrive is said again, or the room stays where it is.
            let _ = queue.try_send(letter);
        }
        news.notified().await;
    }
}

/// Finds the node that has a room, or takes the letter back.
async fn find_owner(front: &Front, room: RoomName, letter: Letter) -> Option<Letter> {
    let owner = || async {
        let peers = front.peers.get()?;
        tokio::time::timeout(OWNER_WITHIN, peers.claim(room.clone())).await.ok()?.ok()?
    };
    let mut claim = owner().await;
    if let (None, true, Some(cluster)) = (&claim, letter.opens, front.cluster.get())
        && let Claim::Theirs(_) = cluster.claim(room.clone()).await
    {
        // Another node was asked at the same time, and has it now.
        claim = owner().await;
    }
    match claim.filter(|claim| !claim.is_own) {
        Some(RoomClaim { node, .. }) if !node.is_empty() => Some(Letter { node, seeks: None, ..letter }),
        claim => {
            let is_lost = claim.is_some();
            // The server that is behind gives the room up by itself.
            let _ = front.order(Order::Sought { body: letter.body, is_lost }).await;
            None
        }
    }
}

/// Brings the letters for one node over a connection that is kept.
async fn bring(front: Arc<Front>, node: String, mut letters: mpsc::Receiver<Letter>) {
    let mut line = None;
    while let Some(Letter { body, hands_over, .. }) = letters.recv().await {
        let mut hands = String::new();
        if let (Some(peers), Some(room)) = (front.peers.get(), hands_over) {
            let handing = peers.hand_over(room.clone(), node.clone());
            let epoch = tokio::time::timeout(HANDED_WITHIN, handing).await.unwrap_or_else(|_| {
                debug!(node, "the name of a room is not handed over in time");
                None
            });
            hands = written_hands(&room, epoch);
        }
        let letter = (Bytes::from(body), hands);
        // A connection that was kept may be gone: then once more over a new one.
        for _ in 0..2 {
            match tokio::time::timeout(WITHIN, send(&front, &node, &letter, line.take())).await {
                Ok(Ok(kept)) => {
                    line = Some(kept);
                    break;
                }
                Ok(Err(error)) => debug!(node, error, "a letter to another node does not arrive"),
                Err(_) => debug!(node, "another node takes too long"),
            }
        }
    }
}

async fn send(
    front: &Front,
    node: &str,
    (letter, hands): &(Bytes, String),
    line: Option<SendRequest<Body>>,
) -> Result<SendRequest<Body>, String> {
    let mut line = match line {
        Some(line) => line,
        None => reach(front, node).await?,
    };
    let request = signed(front, node, "/peer/v1/mail", (letter, hands))?;
    line.ready().await.map_err(|error| error.to_string())?;
    let status = line.send_request(request).await.map_err(|error| error.to_string())?.status();
    if status.is_success() { Ok(line) } else { Err(format!("it answers {status}")) }
}

/// Connects to a node.
pub(crate) async fn reach(front: &Front, node: &str) -> Result<SendRequest<Body>, String> {
    let failed = match front.peer(node) {
        Some(address) => match connect(address).await {
            Ok(line) => return Ok(line),
            Err(error) => error,
        },
        None => format!("nobody knows where the node {node} is"),
    };
    // It has only just come, or was started again and is elsewhere.
    connect(look_up(front, node).await.ok_or(failed)?).await
}

/// That a room can go to a node of that name: somebody knows where it is, and it can have rooms.
///
/// # Errors
/// A [`Problem`] that names the nodes there are.
pub(crate) async fn know(front: &Front, node: &str) -> Result<(), Problem> {
    let live = front.live();
    if live.config.peer_secret.is_none() {
        let why = "this node has no peers: set cluster.peer, cluster.secret_file, and cluster.peers or \
                   cluster.redis_url";
        return Err(Problem::new(StatusCode::CONFLICT, "no_cluster", why));
    }
    let is_gateway = front.peers.get().is_some_and(|peers| peers.is_gateway(node));
    if !is_gateway && (front.peer(node).is_some() || look_up(front, node).await.is_some()) {
        return Ok(());
    }
    let mut known: Vec<String> = live.config.peers.iter().map(|(name, _)| name.clone()).collect();
    known.extend(front.peers.get().map(|peers| peers.with_rooms()).unwrap_or_default());
    known.sort_unstable();
    known.dedup();
    known.retain(|name| *name != live.config.node);
    let known = if known.is_empty() {
        "there is no other".to_owned()
    } else {
        format!("there are {}", known.join(", "))
    };
    let why = match is_gateway {
        true => format!("the node {node} is a gateway and has no rooms; {known}"),
        false => format!("nobody knows where the node {node} is; {known}"),
    };
    Err(Problem::new(StatusCode::NOT_FOUND, "no_such_node", why))
}

/// Where a node is by what the store of names says now.
async fn look_up(front: &Front, node: &str) -> Option<SocketAddr> {
    let peers = front.peers.get()?;
    tokio::time::timeout(OWNER_WITHIN, peers.look_up(node.to_owned())).await.unwrap_or_default()
}

/// A request to another node, signed.
pub(crate) fn signed(
    front: &Front,
    node: &str,
    path: &str,
    (body, hands): (&Bytes, &str),
) -> Result<Request<Body>, String> {
    let live = front.live();
    let secret = live.config.peer_secret.as_ref().ok_or("this node has no secret of a cluster")?;
    let at = (unix_now().as_millis() as u64).to_string();
    let signature = signer(secret, &head(&live.config.node, node, &at, hands), body).finalize().into_bytes();
    let value = |text: &str| HeaderValue::from_str(text).map_err(|error| error.to_string());
    Request::post(path)
        .header("host", "peer")
        .header(FROM, value(&live.config.node)?)
        .header(TO, value(node)?)
        .header(AT, at)
        .header(HANDS, value(hands)?)
        .header(SIGNATURE, data_encoding::HEXLOWER.encode(&signature))
        .body(Body::from(body.clone()))
        .map_err(|error| error.to_string())
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Body>, String> {
    let stream = TcpStream::connect(address).await.map_err(|error| format!("{address}: {error}"))?;
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    let (line, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    Ok(line)
}

/// Signs a head and what follows it.
fn signer(secret: &Secret, head: &[u8], body: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let signer: Hmac<Sha256> = Hmac::new_from_slice(secret.bytes()).expect("a key of any length");
    signer.chain_update(head).chain_update(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_signed_with_who_it_is_from_and_for() {
        let secret = Secret::new("0123456789abcdef").unwrap();
        let signature = signer(&secret, &head("a", "b", "7", ""), b"text").finalize().into_bytes();
        let is_signed =
            |head: Vec<u8>, body: &[u8]| signer(&secret, &head, body).verify_slice(&signature[..]).is_ok();
        assert!(is_signed(head("a", "b", "7", ""), b"text"));
        assert!(!is_signed(head("a", "c", "7", ""), b"text") && !is_signed(head("x", "b", "7", ""), b"text"));
        assert!(!is_signed(head("a", "b", "8", ""), b"text") && !is_signed(head("a", "b", "7", ""), b"test"));
        assert!(!is_signed(head("a", "b", "7", "61"), b"text"));
    }

    #[test]
    fn a_room_that_is_handed_over_is_a_header() {
        let room: RoomName = "fri day \u{e9}".parse().unwrap();
        for epoch in [None, Some(7)] {
            assert_eq!(read_hands(&written_hands(&room, epoch)), Some((room.clone(), epoch)));
        }
        assert_eq!((read_hands(""), read_hands("zz 7"), read_hands("ff")), (None, None, None));
    }
}
