//! `ViewFrames`, state views as WebSocket frames, made once for all who are shown the same.

use std::sync::Arc;

use framekeep_gate::StateView;
use prost::Message as _;
use prost::encoding::{encode_varint, encoded_len_varint};

use crate::delta::Delta;
use crate::frame::{JSON_BEGIN, JSON_END, MESSAGES_KEY};
use crate::wire::Encoding;

/// How a client is shown views.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manner {
    pub(crate) encoding: Encoding,
    /// Whether it wants to know when what it is shown was.
    pub(crate) times: bool,
}

/// `ack` of `ServerMessage`: field 2, a number.
const ACK_KEY: u8 = 0x10;
/// `view` of `ServerMessage`: field 11, with a length.
const VIEW_KEY: u8 = 0x5a;

/// Whole messages, which nobody masks, as text and as bytes.
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;

/// Makes frames of views. The members of a room who have seen the same are shown the same: what has changed is found
/// and written once for all that come one after the other.
#[derive(Default)]
pub(crate) struct ViewFrames {
    delta: Delta,
    /// What is written in `body`.
    of: Option<Of>,
    body: Vec<u8>,
    frame: Vec<u8>,
}

struct Of {
    base: Option<Arc<StateView>>,
    view: Arc<StateView>,
    manner: Manner,
}

impl ViewFrames {
    /// The frame that shows a view to who has seen `base`, and acknowledges; and how many bytes are counted for it.
    pub(crate) fn frame(
        &mut self,
        base: Option<&Arc<StateView>>,
        view: &Arc<StateView>,
        manner: Manner,
        ack: u64,
    ) -> (&[u8], usize) {
        if !self.of.as_ref().is_some_and(|of| of.is(base, view, manner)) {
            self.write_body(base, view, manner);
        }
        self.frame.clear();
        let bytes = match manner.encoding {
            Encoding::Protobuf => self.wrap_protobuf(ack),
            Encoding::Json => self.wrap_json(ack),
        };
        (&self.frame, bytes)
    }

    /// Forgets what was made last, so that nothing is kept of a room that is gone.
    pub(crate) fn forget(&mut self) {
        self.of = None;
    }

    fn write_body(&mut self, base: Option<&Arc<StateView>>, view: &Arc<StateView>, manner: Manner) {
        let mut message = self.delta.between(base.map(AsRef::as_ref), view);
        message.ended_unix_us = ended_unix_us(view, manner.times);
        self.body.clear();
        // Both are written to memory, which takes everything.
        match manner.encoding {
            Encoding::Protobuf => drop(message.encode(&mut self.body)),
            Encoding::Json => drop(serde_json::to_writer(&mut self.body, &message)),
        }
        self.delta.reuse(message);
        self.of = Some(Of { base: base.cloned(), view: view.clone(), manner });
    }

    fn wrap_protobuf(&mut self, ack: u64) -> usize {
        let length = |bytes: usize| encoded_len_varint(bytes as u64);
        let ack_bytes = if ack == 0 { 0 } else { 1 + encoded_len_varint(ack) };
        let message = ack_bytes + 1 + length(self.body.len()) + self.body.len();
        let payload = 1 + length(message) + message;
        begin(&mut self.frame, BINARY, payload);
        self.frame.push(MESSAGES_KEY);
        encode_varint(message as u64, &mut self.frame);
        if ack != 0 {
            self.frame.push(ACK_KEY);
            encode_varint(ack, &mut self.frame);
        }
        self.frame.push(VIEW_KEY);
        encode_varint(self.body.len() as u64, &mut self.frame);
        self.frame.extend_from_slice(&self.body);
        payload
    }

    fn wrap_json(&mut self, ack: u64) -> usize {
        let head = format!(r#"{{"id":0,"ack":{ack},"view":"#);
        let counted = JSON_BEGIN.len() + head.len() + self.body.len() + 1;
        begin(&mut self.frame, TEXT, counted + JSON_END.len());
        for part in [JSON_BEGIN, head.as_bytes(), &self.body, b"}", JSON_END] {
            self.frame.extend_from_slice(part);
        }
        counted
    }
}

impl Of {
    fn is(&self, base: Option<&Arc<StateView>>, view: &Arc<StateView>, manner: Manner) -> bool {
        let same_base = match (&self.base, base) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        };
        same_base && Arc::ptr_eq(&self.view, view) && self.manner == manner
    }
}

/// When the tick of a view had ended, for who wants to know and if it is known.
pub(crate) fn ended_unix_us(view: &StateView, is_wanted: bool) -> Option<u64> {
    (is_wanted && !view.ended_at.is_zero()).then_some(view.ended_at.as_micros() as u64)
}

/// The head of a frame (RFC 6455, section 5.2).
fn begin(frame: &mut Vec<u8>, kind: u8, bytes: usize) {
    frame.push(kind);
    match bytes {
        0..126 => frame.push(bytes as u8),
        126..=0xffff => {
            frame.push(126);
            frame.extend_from_slice(&(bytes as u16).to_be_bytes());
        }
        _ => {
            frame.push(127);
            frame.extend_from_slice(&(bytes as u64).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use framekeep_protocol::Epoch;
    use framekeep_sim::{Tick, View, ViewBody};
    use tokio_tungstenite::tungstenite::Message;

    use super::*;
    use crate::frame::FrameWriter;
    use crate::wire::{ServerBody, ServerMessage};

    fn view(tick: u32, bodies: i32) -> Arc<StateView> {
        let body = |id: i32| ViewBody { id: id as u32, x: id * tick as i32, ..ViewBody::default() };
        let view = View { bodies: (0..bodies).map(body).collect(), scores: vec![1, 0], ticks_left: 9 };
        let ended_at = Duration::from_millis(u64::from(tick));
        Arc::new(StateView { ended_at, ..StateView::of(Epoch::new(1), Tick(tick), view) })
    }

    /// The frame as a connection's own task makes it.
    fn alone(base: Option<&StateView>, view: &StateView, manner: Manner, ack: u64) -> (Vec<u8>, usize) {
        let mut body = Delta::default().between(base, view);
        body.ended_unix_us = ended_unix_us(view, manner.times);
        let mut writer = FrameWriter::new();
        let message = ServerMessage { id: 0, ack, body: Some(ServerBody::View(body)) };
        let counted = writer.push(manner.encoding, &message);
        let (kind, payload) = match writer.take() {
            Some(Message::Binary(bytes)) => (BINARY, bytes.to_vec()),
            Some(Message::Text(text)) => (TEXT, text.as_bytes().to_vec()),
            other => panic!("{other:?}"),
        };
        let mut frame = Vec::new();
        begin(&mut frame, kind, payload.len());
        frame.extend(payload);
        (frame, counted)
    }

    #[test]
    fn a_shared_frame_is_byte_by_byte_what_each_connection_would_make_alone() {
        let mut frames = ViewFrames::default();
        let (first, second) = (view(1, 3), view(2, 3));
        for (bodies, base) in [(3, Some(&first)), (0, None), (3, None), (40, Some(&first)), (9_000, None)] {
            let now = if bodies == 3 { second.clone() } else { view(2, bodies) };
            for encoding in [Encoding::Protobuf, Encoding::Json] {
                for times in [false, true] {
                    for ack in [0, 1, 127, 128, u64::MAX, 1] {
                        let manner = Manner { encoding, times };
                        let (frame, counted) = frames.frame(base, &now, manner, ack);
                        let frame = frame.to_vec();
                        let own = alone(base.map(AsRef::as_ref), &now, manner, ack);
                        assert_eq!((frame, counted), own, "{bodies} bodies, {manner:?}, ack {ack}");
                    }
                }
            }
        }
    }

    #[test]
    fn who_has_seen_something_else_is_not_shown_what_others_are() {
        let (mut frames, manner) =
            (ViewFrames::default(), Manner { encoding: Encoding::Protobuf, times: false });
        let (first, second, third) = (view(1, 2), view(2, 2), view(3, 2));
        for base in [Some(&second), Some(&first), None, Some(&second)] {
            let frame = frames.frame(base, &third, manner, 7).0.to_vec();
            assert_eq!(frame, alone(base.map(AsRef::as_ref), &third, manner, 7).0);
        }
        frames.forget();
        assert_eq!(Arc::strong_count(&third), 1, "nothing is kept of a room that is gone");
    }
}
