//! `Inflating`, a connection whose client may pack what it says.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::intake::{Intake, Refused};

/// Bytes that are read at once.
const READ_BYTES: usize = 2 << 10;

/// A connection whose client may pack what it says: what is read of it is not packed any more. What cannot be
/// unpacked is an error that holds [`Refused`], and the last thing that is read.
pub(in super::super) struct Inflating<S> {
    stream: S,
    intake: Intake,
    read: Box<[u8; READ_BYTES]>,
    /// What was read and not taken in yet.
    from: usize,
    to: usize,
    /// What is to be read in its place.
    ready: BytesMut,
    refused: Option<Refused>,
}

impl<S> Inflating<S> {
    /// Messages may have so many bytes, unpacked.
    pub(in super::super) fn new(stream: S, bytes_max: usize) -> Self {
        Self {
            stream,
            intake: Intake::new(bytes_max),
            read: Box::new([0; READ_BYTES]),
            from: 0,
            to: 0,
            ready: BytesMut::new(),
            refused: None,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Inflating<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.ready.is_empty() {
            if let Some(refused) = this.refused {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, refused)));
            }
            if this.from == this.to {
                let mut read = ReadBuf::new(&mut this.read[..]);
                ready!(Pin::new(&mut this.stream).poll_read(cx, &mut read))?;
                (this.from, this.to) = (0, read.filled().len());
                if this.to == 0 {
                    return Poll::Ready(Ok(()));
                }
            }
            match this.intake.take(&this.read[this.from..this.to], &mut this.ready) {
                Ok(taken) => this.from += taken,
                Err(refused) => this.refused = Some(refused),
            }
        }
        let length = this.ready.len().min(buffer.remaining());
        buffer.put_slice(&this.ready[..length]);
        this.ready.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Inflating<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
