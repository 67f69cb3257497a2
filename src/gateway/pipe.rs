//! `Pipe`, a connection into which frames are put by whoever has one.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use rustix::net::{SendFlags, send};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What bytes go over.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// A connection, or in tests memory.
pub(crate) enum Stream {
    Tcp(TcpStream),
    Other(Box<dyn Duplex>),
}

impl Stream {
    fn as_pin(&mut self) -> Pin<&mut dyn Duplex> {
        match self {
            Self::Tcp(stream) => Pin::new(stream),
            Self::Other(stream) => Pin::new(stream),
        }
    }

    /// Writes as much as there is room for now; nobody is woken when there is more.
    fn write_now(&mut self, bytes: &[u8]) -> Option<usize> {
        match self {
            // The runtime is not asked whether there may be room: thousands of connections would each bring what it
            // knows of them from far away, to find that there nearly always is.
            Self::Tcp(stream) => send(&*stream, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL).ok(),
            Self::Other(stream) => {
                let mut cx = Context::from_waker(Waker::noop());
                match Pin::new(stream).poll_write(&mut cx, bytes) {
                    Poll::Ready(written) => written.ok(),
                    Poll::Pending => None,
                }
            }
        }
    }
}

/// A connection that two write to, each of them whole frames: its task, over a [`PipeEnd`], and with [`Pipe::put`]
/// whoever has something that need not wait for the task. What a write begins is never cut by another one.
pub(crate) struct Pipe(Mutex<Ends>);

struct Ends {
    stream: Stream,
    /// What was read before this was a pipe.
    early: Bytes,
    /// What was taken and has not gone out: the end of one write.
    rest: BytesMut,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    Whole,
    /// The rest of it goes out when the end of the pipe is flushed.
    InPart,
    /// There is no room, or the connection is broken.
    Not,
}

impl Pipe {
    /// A pipe over a connection of which this was read already, and its end.
    pub(crate) fn new(stream: Stream, early: Bytes) -> (Arc<Self>, PipeEnd) {
        let pipe = Arc::new(Self(Mutex::new(Ends { stream, early, rest: BytesMut::new() })));
        (pipe.clone(), PipeEnd(pipe))
    }

    /// Puts a frame into the pipe, if there is room for any of it. Nobody is woken when there is: the task has to try.
    pub(crate) fn put(&self, frame: &[u8]) -> Put {
        let mut ends = self.ends();
        if !ends.rest.is_empty() {
            return Put::Not;
        }
        match ends.stream.write_now(frame) {
            Some(bytes) if bytes == frame.len() => Put::Whole,
            Some(bytes @ 1..) => {
                ends.rest.extend_from_slice(&frame[bytes..]);
                Put::InPart
            }
            _ => Put::Not,
        }
    }

    fn ends(&self) -> MutexGuard<'_, Ends> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ends {
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.rest.is_empty() {
            let bytes = ready!(self.stream.as_pin().poll_write(cx, &self.rest))?;
            if bytes == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.rest.advance(bytes);
        }
        Poll::Ready(Ok(()))
    }
}

/// The end of a [`Pipe`] that its task has.
pub(crate) struct PipeEnd(Arc<Pipe>);

impl AsyncRead for PipeEnd {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut ends = self.0.ends();
        if ends.early.is_empty() {
            return ends.stream.as_pin().poll_read(cx, to);
        }
        let bytes = ends.early.len().min(to.remaining());
        to.put_slice(&ends.early.split_to(bytes));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for PipeEnd {
    /// Takes all or nothing: what is given begins and ends with a frame, and so does what goes out in between.
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut ends = self.0.ends();
        ready!(ends.poll_rest(cx))?;
        let gone = ready!(ends.stream.as_pin().poll_write(cx, bytes))?;
        if gone > 0 {
            ends.rest.extend_from_slice(&bytes[gone..]);
            return Poll::Ready(Ok(bytes.len()));
        }
        Poll::Ready(Ok(0))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut ends = self.0.ends();
        ready!(ends.poll_rest(cx))?;
        ends.stream.as_pin().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut ends = self.0.ends();
        ready!(ends.poll_rest(cx))?;
        ends.stream.as_pin().poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn what_was_read_before_comes_first() {
        let (mut client, server) = tokio::io::duplex(16);
        let (_, mut end) = Pipe::new(Stream::Other(Box::new(server)), Bytes::from_static(b"abc"));
        client.write_all(b"def").await.unwrap();
        let mut read = [0; 6];
        end.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"abcdef");
    }

    #[tokio::test]
    async fn a_frame_for_which_there_is_half_the_room_goes_out_whole_before_all_others() {
        let (mut client, server) = tokio::io::duplex(4);
        let (pipe, mut end) = Pipe::new(Stream::Other(Box::new(server)), Bytes::new());
        assert_eq!(pipe.put(b"aa"), Put::Whole);
        assert_eq!(pipe.put(b"bbbb"), Put::InPart);
        assert_eq!(pipe.put(b"c"), Put::Not, "it would come in the middle of another one");
        let task = tokio::spawn(async move {
            end.write_all(b"dddd").await.unwrap();
            end.flush().await.unwrap();
        });
        let mut read = [0; 10];
        client.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"aabbbbdddd");
        task.await.unwrap();
        assert_eq!(pipe.put(b"c"), Put::Whole);
    }

    #[tokio::test]
    async fn what_the_task_has_begun_is_not_cut() {
        let (mut client, server) = tokio::io::duplex(2);
        let (pipe, mut end) = Pipe::new(Stream::Other(Box::new(server)), Bytes::new());
        assert_eq!(end.write(b"aaaa").await.unwrap(), 4, "all of it is taken");
        assert_eq!(pipe.put(b"b"), Put::Not);
        let mut read = [0; 2];
        client.read_exact(&mut read).await.unwrap();
        assert_eq!(pipe.put(b"b"), Put::Not, "there is room, but not for this");
        end.flush().await.unwrap();
        client.read_exact(&mut read).await.unwrap();
        assert_eq!((&read, pipe.put(b"b")), (b"aa", Put::Whole));
        drop(client);
        assert_eq!(pipe.put(b"b"), Put::Not, "nobody is there any more");
    }

    #[tokio::test]
    async fn over_a_socket_frames_go_out_until_its_buffer_is_full_and_whole_thereafter() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let (pipe, mut end) = Pipe::new(Stream::Tcp(server), Bytes::new());
        let frame = |number: u32| [number.to_le_bytes(); 2_048].concat();
        let mut count = 0;
        while pipe.put(&frame(count)) == Put::Whole {
            count += 1;
        }
        // The one that found too little room went in part, or not at all; the task waits for room.
        let is_cut = !pipe.ends().rest.is_empty();
        let flushing = tokio::spawn(async move {
            end.write_all(&frame(u32::MAX)).await.unwrap();
            end.flush().await.unwrap();
        });
        let wanted = (0..count + u32::from(is_cut)).chain([u32::MAX]);
        for number in wanted {
            let mut read = vec![0; 8_192];
            client.read_exact(&mut read).await.unwrap();
            assert_eq!(read, frame(number), "{number} of {count}");
        }
        flushing.await.unwrap();
        assert_eq!(pipe.put(b"more"), Put::Whole);
        drop(client);
    }
}
