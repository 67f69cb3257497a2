//! Connections to other nodes.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tracing::{debug, info, warn};

use super::{Shared, chance};
use crate::limits::{GREET_WITHIN, GREETING_BYTES_MAX, SILENCE_MAX, TO_NEAR_BYTES_MAX, WRITE_BYTES};
use crate::outbox::Outbox;
use crate::stats::RelayStats;
use crate::wire::{FrameReader, ToNear};
use crate::{Greeting, GreetingFault, Name, PeerId, answer};

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    /// Nobody knows where the node is.
    #[error("no address of it is known")]
    NoAddress,
    /// It takes too long.
    #[error("it does not answer")]
    Silent,
    /// The connection failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The other is not believed, or does not believe us.
    #[error(transparent)]
    Greeting(#[from] GreetingFault),
}

/// Connects to a node and serves the connection until it ends.
pub(super) async fn dial(shared: Arc<Shared>, peer: PeerId) {
    let connected = match tokio::time::timeout(GREET_WITHIN, connect(&shared, peer)).await {
        Ok(connected) => connected,
        Err(_) => Err(ConnectError::Silent),
    };
    let (stream, reader) = match connected {
        Ok(connected) => connected,
        Err(error) => {
            if let ConnectError::Greeting(fault) = &error {
                RelayStats::add(&shared.stats.refused, 1);
                warn!(%peer, %fault, "no connection to a node of this cluster");
            }
            debug!(%peer, %error, "a node cannot be reached");
            return shared.with_near(|near, now| near.not_connected(peer, now, chance()));
        }
    };
    info!(%peer, "connected to a node");
    let outbox = Arc::new(Outbox::default());
    shared.with_near(|near, now| near.connected(peer, outbox.clone(), now));
    let (read, write) = stream.into_split();
    let error = tokio::select! {
        error = hear(&shared, peer, read, reader) => error,
        error = write_out(&shared.stats, &outbox, write) => error,
    };
    info!(%peer, %error, "the connection to a node is lost");
    shared.with_near(|near, now| near.lost(peer, now, chance()));
}

async fn connect(shared: &Shared, peer: PeerId) -> Result<(TcpStream, FrameReader), ConnectError> {
    let address = shared.directory.address(peer).ok_or(ConnectError::NoAddress)?;
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(io::Error::other)?;
    let own = Name::of(shared.node, nonce);
    let mut reader = FrameReader::new(GREETING_BYTES_MAX);
    say(&mut stream, &Greeting::Hello(own)).await?;
    let asked = listen(&mut stream, &mut reader).await?;
    let proof = answer(&shared.secret, &own, peer, &asked)?;
    say(&mut stream, &proof).await?;
    match listen(&mut stream, &mut reader).await? {
        Greeting::Welcome => Ok((stream, reader.with_limit(TO_NEAR_BYTES_MAX))),
        Greeting::Refused(fault) => Err(fault.into()),
        _ => Err(GreetingFault::Malformed.into()),
    }
}

pub(super) async fn say(stream: &mut (impl AsyncWrite + Unpin), greeting: &Greeting) -> io::Result<()> {
    stream.write_all(&greeting.frame()).await
}

/// The next message of a hand-shake.
pub(super) async fn listen(
    stream: &mut (impl AsyncRead + Unpin),
    reader: &mut FrameReader,
) -> Result<Greeting, ConnectError> {
    let mut bytes = [0; 256];
    loop {
        if let Some(body) = reader.next_body().map_err(|_| GreetingFault::Malformed)? {
            return Ok(Greeting::decode(body)?);
        }
        let count = stream.read(&mut bytes).await?;
        if count == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        reader.push(&bytes[..count]);
    }
}

/// Hears a node until it is silent; says why it ended.
async fn hear(shared: &Shared, peer: PeerId, mut read: OwnedReadHalf, mut reader: FrameReader) -> io::Error {
    let mut bytes = vec![0; WRITE_BYTES];
    loop {
        let done = shared.with_near(|near, now| {
            let mut heard = Ok(());
            while heard.is_ok() {
                match reader.next_body() {
                    Ok(None) => break,
                    Ok(Some(body)) => {
                        heard = ToNear::decode(body).map_err(io::Error::other).map(|message| {
                            near.hear(peer, message, now);
                        });
                    }
                    Err(fault) => heard = Err(io::Error::other(fault)),
                }
            }
            near.heard_all();
            heard
        });
        if let Err(error) = done {
            RelayStats::add(&shared.stats.malformed, 1);
            return error;
        }
        match receive(&shared.stats, &mut read, &mut bytes).await {
            Ok(count) => reader.push(&bytes[..count]),
            Err(error) => return error,
        }
    }
}

/// More bytes; never none.
pub(super) async fn receive(
    stats: &RelayStats,
    read: &mut OwnedReadHalf,
    bytes: &mut [u8],
) -> io::Result<usize> {
    let count = tokio::time::timeout(SILENCE_MAX, read.read(bytes)).await;
    let count = count.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    if count == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    stats.bytes[0].fetch_add(count as i64, Ordering::Relaxed);
    Ok(count)
}

/// Writes what waits, until the connection or the outbox ends.
pub(super) async fn write_out(stats: &RelayStats, outbox: &Outbox, mut write: OwnedWriteHalf) -> io::Error {
    loop {
        let bytes = outbox.take(WRITE_BYTES);
        if bytes.is_empty() {
            if outbox.is_closed() {
                return io::ErrorKind::ConnectionAborted.into();
            }
            outbox.rung().await;
            continue;
        }
        match tokio::time::timeout(SILENCE_MAX, write.write_all(&bytes)).await {
            Ok(Ok(())) => RelayStats::add(&stats.bytes[1], bytes.len() as i64),
            Ok(Err(error)) => return error,
            Err(_) => return io::ErrorKind::TimedOut.into(),
        }
    }
}
