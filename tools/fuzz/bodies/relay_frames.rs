//! Any bytes as what one node says to another. What is read can be written again and reads the same, and a stream of
//! frames is cut alike however it arrives.

use framekeep_relay::{FrameReader, Greeting, TO_FAR_BYTES_MAX, ToFar, ToNear};

pub fn run(data: &[u8]) {
    if let Ok(message) = ToFar::decode(data) {
        assert_eq!(ToFar::decode(&message.frame()[4..]), Ok(message));
    }
    if let Ok(message) = ToNear::decode(data) {
        let frame = message.frame().expect("what was read fits a frame");
        assert_eq!(ToNear::decode(&frame[4..]), Ok(message));
    }
    if let Ok(greeting) = Greeting::decode(data) {
        assert_eq!(Greeting::decode(&greeting.frame()[4..]), Ok(greeting));
    }
    let (mut whole, mut bytewise) = (Vec::new(), Vec::new());
    let end = cut(data, data.len().max(1), &mut whole);
    assert_eq!(cut(data, 1, &mut bytewise), end);
    assert_eq!(whole, bytewise);
}

/// The bodies of all frames, and whether the stream ended in a fault.
fn cut(data: &[u8], piece: usize, bodies: &mut Vec<Vec<u8>>) -> bool {
    let mut reader = FrameReader::new(TO_FAR_BYTES_MAX);
    for piece in data.chunks(piece) {
        reader.push(piece);
        loop {
            match reader.next_body() {
                Ok(Some(body)) => bodies.push(body.to_vec()),
                Ok(None) => break,
                Err(_) => return true,
            }
        }
    }
    false
}
