//! `Chunks`, a part of a file as the body of an answer.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Bytes;
use bytes::BytesMut;
use hyper::body::{Body, Frame, SizeHint};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, SeekFrom, Take};
use tokio::sync::mpsc;

/// Bytes that are read at once; an answer holds three times as many at most, however long the file is.
const CHUNK_BYTES: usize = 64 << 10;

/// A part of a file that is read while it is sent. Who reads slowly has little read.
pub(crate) struct Chunks {
    read: mpsc::Receiver<io::Result<Bytes>>,
    left: u64,
}

impl Chunks {
    /// So many bytes from a place on.
    ///
    /// # Errors
    /// What the system says of a file that cannot be read.
    pub(crate) async fn open(path: &Path, first: u64, length: u64) -> io::Result<Self> {
        let mut file = File::open(path).await?;
        file.seek(SeekFrom::Start(first)).await?;
        let (sender, read) = mpsc::channel(1);
        tokio::spawn(pass_on(file.take(length), sender));
        Ok(Self { read, left: length })
    }
}

/// Reads until the end, or until nobody wants more.
async fn pass_on(mut file: Take<File>, sender: mpsc::Sender<io::Result<Bytes>>) {
    loop {
        let mut chunk = BytesMut::with_capacity(CHUNK_BYTES);
        let next = match file.read_buf(&mut chunk).await {
            Ok(0) => return,
            Ok(_) => Ok(chunk.freeze()),
            Err(error) => Err(error),
        };
        if sender.send(next).await.is_err() {
            return;
        }
    }
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(match ready!(self.read.poll_recv(context)) {
            Some(Ok(bytes)) => {
                self.left = self.left.saturating_sub(bytes.len() as u64);
                Some(Ok(Frame::data(bytes)))
            }
            Some(Err(error)) => Some(Err(error)),
            // The file has become shorter: whoever waits for the rest is told by the end of the connection.
            None if self.left > 0 => Some(Err(io::ErrorKind::UnexpectedEof.into())),
            None => None,
        })
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn gather(mut chunks: Chunks) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(frame) =
            std::future::poll_fn(|context| Pin::new(&mut chunks).poll_frame(context)).await
        {
            all.extend_from_slice(&frame?.into_data().unwrap_or_default());
        }
        Ok(all)
    }

    #[tokio::test]
    async fn a_part_of_a_file_is_whole_and_one_that_ends_early_is_no_answer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let bytes: Vec<u8> = (0..300_000_u32).map(|number| number as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let chunks = Chunks::open(&path, 7, 250_000).await.unwrap();
        assert_eq!(chunks.size_hint().exact(), Some(250_000));
        assert_eq!(gather(chunks).await.unwrap(), &bytes[7..250_007]);
        assert!(gather(Chunks::open(&path, 0, 0).await.unwrap()).await.unwrap().is_empty());
        let short = gather(Chunks::open(&path, 0, 300_001).await.unwrap()).await;
        assert_eq!(short.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
