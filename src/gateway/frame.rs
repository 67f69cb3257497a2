//! `FrameWriter`, what the server says in one WebSocket frame.

use axum::body::Bytes;
use bytes::{BufMut as _, BytesMut};
use prost::Message as _;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::wire::{Encoding, ServerMessage};

/// A `ServerBatch` that grows message by message, in memory that is used again once the frame is written.
pub(crate) struct FrameWriter {
    encoding: Encoding,
    bytes: BytesMut,
    messages: usize,
}

/// `messages` of `ServerBatch`: field 1, with a length.
pub(crate) const MESSAGES_KEY: u8 = 0x0a;

pub(crate) const JSON_BEGIN: &[u8] = br#"{"messages":["#;
pub(crate) const JSON_END: &[u8] = b"]}";

impl FrameWriter {
    pub(crate) fn new() -> Self {
        Self { encoding: Encoding::Json, bytes: BytesMut::new(), messages: 0 }
    }

    /// Appends a message; the encoding is that of the frame's first. Gives by how many bytes the frame has grown.
    pub(crate) fn push(&mut self, encoding: Encoding, message: &ServerMessage) -> usize {
        let before = self.bytes.len();
        if self.messages == 0 {
            self.encoding = encoding;
        }
        match self.encoding {
            Encoding::Protobuf => {
                self.bytes.reserve(message.encoded_len() + 8);
                self.bytes.put_u8(MESSAGES_KEY);
                // There is room for whatever is written.
                let _ = message.encode_length_delimited(&mut self.bytes);
            }
            Encoding::Json => {
                self.bytes.put_slice(if self.messages == 0 { JSON_BEGIN } else { b"," });
                let _ = serde_json::to_writer((&mut self.bytes).writer(), message);
            }
        }
        self.messages += 1;
        self.bytes.len() - before
    }

    /// How many messages are in it.
    pub(crate) fn messages(&self) -> usize {
        self.messages
    }

    /// How many bytes it has.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The frame as it is to be sent, if anything is in it; the next one is begun.
    pub(crate) fn take(&mut self) -> Option<Message> {
        if self.messages == 0 {
            return None;
        }
        self.messages = 0;
        if self.encoding == Encoding::Json {
            self.bytes.put_slice(JSON_END);
        }
        let bytes: Bytes = self.bytes.split().freeze();
        Some(match self.encoding {
            Encoding::Protobuf => Message::Binary(bytes),
            // What serde writes is text.
            Encoding::Json => Message::Text(Utf8Bytes::try_from(bytes).unwrap_or_default()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Pong, ServerBatch, ServerBody};

    fn pong(nonce: u64) -> ServerMessage {
        ServerMessage { id: 0, ack: 3, body: Some(ServerBody::Pong(Pong { nonce })) }
    }

    #[test]
    fn a_frame_is_a_batch_in_both_encodings() {
        let batch = ServerBatch { messages: vec![pong(9), pong(70_000)] };
        let mut frame = FrameWriter::new();
        assert!(frame.take().is_none());
        for encoding in [Encoding::Json, Encoding::Protobuf] {
            let grown: usize = batch.messages.iter().map(|message| frame.push(encoding, message)).sum();
            assert_eq!((frame.messages(), frame.len()), (2, grown));
            match frame.take().unwrap() {
                Message::Binary(bytes) => assert_eq!(ServerBatch::decode(bytes).unwrap(), batch),
                Message::Text(text) => {
                    assert_eq!(serde_json::from_str::<ServerBatch>(&text).unwrap(), batch);
                    assert!(text.starts_with(r#"{"messages":[{"id":0,"ack":3,"pong":{"nonce":9}},"#));
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn the_memory_of_a_frame_that_was_sent_is_used_again() {
        let mut frame = FrameWriter::new();
        let mut places = Vec::new();
        for nonce in 0..1_000 {
            frame.push(Encoding::Protobuf, &pong(nonce));
            let Some(Message::Binary(bytes)) = frame.take() else { panic!("no frame") };
            places.push(bytes.as_ptr() as usize / 4_096);
        }
        places.sort_unstable();
        places.dedup();
        assert!(places.len() <= 4, "{} pages for 1,000 small frames", places.len());
    }
}
