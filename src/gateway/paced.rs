//! `Paced`, a connection whose client has to take what it asked for.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// How long a client may take nothing of an answer.
const WRITE_WITHIN: Duration = Duration::from_secs(10);

/// Bytes a second that it takes at least, over such a time.
const BYTES_PER_S: u64 = 4 << 10;

/// A connection whose client has to take what it asked for, while it speaks HTTP: WebSockets have limits of their own.
pub(crate) struct Paced<S> {
    stream: S,
    /// Whether it became a WebSocket.
    upgraded: Arc<AtomicBool>,
    /// When it is given up, while something waits to be taken.
    until: Option<Pin<Box<Sleep>>>,
}

impl<S> Paced<S> {
    pub(crate) fn new(stream: S, upgraded: Arc<AtomicBool>) -> Self {
        Self { stream, upgraded, until: None }
    }

    /// The connection itself.
    pub(crate) fn into_inner(self) -> S {
        self.stream
    }

    /// Looks at the clock after a write: each byte taken gives time for further ones, never more than there was at the
    /// beginning.
    fn pace(&mut self, cx: &mut Context<'_>, wrote: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if self.upgraded.load(Ordering::Relaxed) {
            return wrote;
        }
        match (&wrote, &mut self.until) {
            (Poll::Ready(Ok(bytes)), Some(until)) => {
                let more = Duration::from_micros(*bytes as u64 * 1_000_000 / BYTES_PER_S);
                let most = Instant::now() + WRITE_WITHIN;
                let next = (until.deadline() + more).min(most);
                until.as_mut().reset(next);
            }
            (Poll::Ready(_), _) => {}
            (Poll::Pending, until) => {
                let until = until.get_or_insert_with(|| Box::pin(tokio::time::sleep(WRITE_WITHIN)));
                ready!(until.as_mut().poll(cx));
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        wrote
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.pace(cx, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.pace(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Everything was taken.
        self.until = None;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// Writes much more than the other end has room for, on a clock that stands still while anything can be done.
    fn write_to(reads: usize, upgraded: bool) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(async {
            let (mut client, server) = tokio::io::duplex(1 << 10);
            let mut server = Paced::new(server, Arc::new(AtomicBool::new(upgraded)));
            let reading = tokio::spawn(async move {
                let mut buffer = vec![0; 1 << 10];
                // One slow, but not too slow: two seconds for each KiB are.
                while reads > 0 && client.read(&mut buffer).await.is_ok_and(|bytes| bytes > 0) {
                    tokio::time::advance(Duration::from_millis(reads as u64)).await;
                }
                std::future::pending::<()>().await;
            });
            let written =
                tokio::time::timeout(Duration::from_secs(3_600), server.write_all(&[0; 64 << 10])).await;
            reading.abort();
            written.unwrap_or_else(|_| Err(io::Error::other("it waits for ever")))
        })
    }

    #[test]
    fn who_takes_nothing_or_too_little_is_given_up_unless_it_is_a_websocket() {
        assert_eq!(write_to(0, false).unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(write_to(2_000, false).unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(write_to(200, false).is_ok());
        assert_eq!(write_to(0, true).unwrap_err().to_string(), "it waits for ever");
    }
}
