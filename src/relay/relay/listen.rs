//! Connections of other nodes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::MissedTickBehavior;
use tracing::{debug, info, warn};

use super::Shared;
use super::dial::{ConnectError, listen, receive, say, write_out};
use crate::far::{Far, FarShared};
use crate::limits::{
    GREET_WITHIN, GREETING_BYTES_MAX, GREETING_MAX, NODES_MAX, TO_FAR_BYTES_MAX, WRITE_BYTES,
};
use crate::outbox::Outbox;
use crate::stats::RelayStats;
use crate::wire::{FrameReader, ToFar};
use crate::{Greeting, Name, PeerId, believe, challenge};

/// How long is waited when the system has no more sockets.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// How often orders are tried again that the server had no place for.
const TRY_AGAIN_EVERY: Duration = Duration::from_millis(10);

/// Takes connections of other nodes, as many as there may be.
pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>, far: Arc<FarShared>) {
    let (greeting, nodes) = (Arc::new(Semaphore::new(GREETING_MAX)), Arc::new(Semaphore::new(NODES_MAX)));
    loop {
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                debug!(%error, "a connection of a node cannot be taken");
                tokio::time::sleep(ACCEPT_AGAIN_AFTER).await;
                continue;
            }
        };
        let Ok(place) = nodes.clone().try_acquire_owned() else {
            shared.stats.crowd();
            continue;
        };
        let Ok(greeting) = greeting.clone().try_acquire_owned() else {
            RelayStats::add(&shared.stats.refused, 1);
            continue;
        };
        let (shared, far) = (shared.clone(), far.clone());
        tokio::spawn(async move {
            let greeted = tokio::time::timeout(GREET_WITHIN, greet(&shared, stream, from)).await;
            drop(greeting);
            if let Ok(Some((peer, stream, reader))) = greeted {
                RelayStats::add(&shared.stats.connections, 1);
                let error = serve(&shared, far, stream, reader).await;
                info!(%peer, %error, "the connection of a node has ended");
                RelayStats::add(&shared.stats.connections, -1);
            }
            drop(place);
        });
    }
}

/// Finds out who it is; says why not.
async fn greet(
    shared: &Shared,
    mut stream: TcpStream,
    from: SocketAddr,
) -> Option<(PeerId, TcpStream, FrameReader)> {
    match prove(shared, &mut stream).await {
        Ok((peer, reader)) => {
            info!(%peer, %from, "a node has connected");
            Some((peer, stream, reader))
        }
        Err(error) => {
            RelayStats::add(&shared.stats.refused, 1);
            if let ConnectError::Greeting(fault) = error {
                warn!(%from, %fault, "a connection from another machine is refused");
                let _ = say(&mut stream, &Greeting::Refused(fault)).await;
            }
            None
        }
    }
}

async fn prove(shared: &Shared, stream: &mut TcpStream) -> Result<(PeerId, FrameReader), ConnectError> {
    stream.set_nodelay(true)?;
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(io::Error::other)?;
    let own = Name::of(shared.node, nonce);
    let mut reader = FrameReader::new(GREETING_BYTES_MAX);
    let hello = listen(stream, &mut reader).await?;
    let (near, asked) = challenge(&shared.secret, &own, &hello)?;
    say(stream, &asked).await?;
    let proof = listen(stream, &mut reader).await?;
    believe(&shared.secret, &own, &near, &proof)?;
    say(stream, &Greeting::Welcome).await?;
    Ok((PeerId(near.node), reader.with_limit(TO_FAR_BYTES_MAX)))
}

/// Serves a node until its connection ends; says why it did.
async fn serve(shared: &Shared, far: Arc<FarShared>, stream: TcpStream, reader: FrameReader) -> io::Error {
    let outbox = Arc::new(Outbox::default());
    let far = Far::new(far, outbox.clone());
    let (read, write) = stream.into_split();
    tokio::select! {
        error = hear(shared, far, read, reader) => error,
        error = write_out(&shared.stats, &outbox, write) => error,
    }
}

async fn hear(shared: &Shared, mut far: Far, mut read: OwnedReadHalf, mut reader: FrameReader) -> io::Error {
    let mut bytes = vec![0; WRITE_BYTES];
    let mut clock = tokio::time::interval(TRY_AGAIN_EVERY);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        loop {
            let heard = match reader.next_body() {
                Ok(None) => break,
                Ok(Some(body)) => ToFar::decode(body).map_err(io::Error::other),
                Err(fault) => Err(io::Error::other(fault)),
            };
            match heard {
                Ok(message) => far.hear(message),
                Err(error) => {
                    RelayStats::add(&shared.stats.malformed, 1);
                    return error;
                }
            }
        }
        let received = {
            let mut received = std::pin::pin!(receive(&shared.stats, &mut read, &mut bytes));
            loop {
                tokio::select! {
                    received = &mut received => break received,
                    _ = clock.tick(), if far.is_behind() => far.look(),
                }
            }
        };
        match received {
            Ok(count) => reader.push(&bytes[..count]),
            Err(error) => return error,
        }
    }
}
