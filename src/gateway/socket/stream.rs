//! `MessageStream`, the messages of one WebSocket connection.

use std::io;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

/// Bytes that are read of a connection at once. As many are cleared before each reading, also where there is nothing
/// to read: with the library's 128 KiB that was two fifths of the front door's work.
const READ_BYTES: usize = 2 << 10;

/// What bytes go over: a connection, or in tests memory.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// The messages of one WebSocket connection, the server's end.
pub(super) struct MessageStream {
    socket: WebSocketStream<Box<dyn Duplex>>,
}

/// Why a connection gives no message.
#[derive(Debug)]
pub(super) enum Broken {
    /// A frame or a message is over the limit.
    TooLarge,
    /// It ended, or what came is no WebSocket.
    Lost,
}

impl MessageStream {
    /// Speaks over a connection on which the handshake was made, with messages of so many bytes at most.
    pub(super) async fn new(stream: impl Duplex + 'static, bytes_max: usize) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .max_message_size(Some(bytes_max))
            .max_frame_size(Some(bytes_max));
        let stream: Box<dyn Duplex> = Box::new(stream);
        Self { socket: WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await }
    }

    /// The next message. Can be given up at any moment without a loss.
    pub(super) async fn receive(&mut self) -> Result<Message, Broken> {
        match self.socket.next().await {
            Some(Ok(message)) => Ok(message),
            Some(Err(Error::Capacity(_))) => Err(Broken::TooLarge),
            Some(Err(_)) | None => Err(Broken::Lost),
        }
    }

    /// Sends a message; waits until the connection has taken it.
    pub(super) async fn send(&mut self, message: Message) -> io::Result<()> {
        self.socket.send(message).await.map_err(io::Error::other)
    }
}
