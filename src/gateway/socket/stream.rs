//! `MessageStream`, the messages of one WebSocket connection.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::deflate::{Agreed, Deflater, Inflating, Refused};
use crate::pipe::{Duplex, Pipe, Stream};

/// Bytes that are read of a connection at once. As many are cleared before each reading, also where there is nothing
/// to read: with the library's 128 KiB that was two fifths of the front door's work.
const READ_BYTES: usize = 2 << 10;

/// The messages of one WebSocket connection, the server's end.
pub(super) struct MessageStream {
    socket: WebSocketStream<Box<dyn Duplex>>,
    pipe: Arc<Pipe>,
    /// How messages are packed, if they are.
    packing: Option<Agreed>,
    /// Whether what is sent is worth a [`Deflater`].
    is_known: bool,
    deflater: Option<Box<Deflater>>,
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
    /// Speaks over a connection on which the handshake was made and of which this was read already, with messages of
    /// so many bytes at most, which are packed if that was agreed on.
    pub(super) async fn new(
        (stream, early): (Stream, Bytes),
        bytes_max: usize,
        packing: Option<Agreed>,
    ) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .max_message_size(Some(bytes_max))
            .max_frame_size(Some(bytes_max));
        let (pipe, end) = Pipe::new(stream, early);
        let stream: Box<dyn Duplex> = match packing {
            None => Box::new(end),
            Some(_) => Box::new(Inflating::new(end, bytes_max)),
        };
        let socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
        Self { socket, pipe, packing, is_known: false, deflater: None }
    }

    /// From now on it is known who is there, and what is sent is packed if that was agreed on. Who has not said who
    /// it is gets no tables of a compressor, which are larger than everything else a connection has.
    pub(super) fn serve(&mut self) {
        self.is_known = true;
    }

    /// The next message. Can be given up at any moment without a loss.
    pub(super) async fn receive(&mut self) -> Result<Message, Broken> {
        match self.socket.next().await {
            Some(Ok(message)) => Ok(message),
            Some(Err(error)) if is_too_large(&error) => Err(Broken::TooLarge),
            Some(Err(_)) | None => Err(Broken::Lost),
        }
    }

    /// Bytes of messages that went out packed since this was asked last: before and after.
    pub(super) fn take_deflated(&mut self) -> Option<[usize; 2]> {
        self.deflater.as_mut().map(|deflater| deflater.take_figures())
    }

    /// Where frames may be put while this sends nothing; `None` if they would have to be packed.
    pub(super) fn pipe(&self) -> Option<Arc<Pipe>> {
        self.packing.is_none().then(|| self.pipe.clone())
    }

    /// Waits until the connection has taken everything.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        self.socket.flush().await.map_err(io::Error::other)
    }

    /// Sends a message; waits until the connection has taken it.
    pub(super) async fn send(&mut self, message: Message) -> io::Result<()> {
        let message = match self.packing.filter(|_| self.is_known) {
            None => message,
            Some(agreed) => packed(&mut self.deflater, agreed, message),
        };
        self.socket.send(message).await.map_err(io::Error::other)
    }
}

fn is_too_large(error: &Error) -> bool {
    match error {
        Error::Capacity(_) => true,
        Error::Io(error) => {
            error.get_ref().and_then(|inner| inner.downcast_ref()) == Some(&Refused::TooLarge)
        }
        _ => false,
    }
}

/// The message as one packed frame, where it is worth it.
fn packed(deflater: &mut Option<Box<Deflater>>, agreed: Agreed, message: Message) -> Message {
    let (bytes, kind) = match &message {
        Message::Text(text) => (text.as_bytes(), Data::Text),
        Message::Binary(bytes) => (&bytes[..], Data::Binary),
        _ => return message,
    };
    if !Deflater::takes(bytes) {
        return message;
    }
    let deflater = deflater.get_or_insert_with(|| Box::new(Deflater::new(agreed)));
    let Some(bytes) = deflater.pack(bytes) else { return message };
    let mut frame = Frame::message(bytes, OpCode::Data(kind), true);
    frame.header_mut().rsv1 = true;
    Message::Frame(frame)
}
