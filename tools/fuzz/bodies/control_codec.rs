//! Any bytes as a control message and as a snapshot. What is read can be written again and reads the same.

use framekeep_protocol::{
    CONTENT_SENT_BYTES_MAX, SNAPSHOT_BYTES_MAX, SNAPSHOT_MESSAGE_BYTES_MAX, Snapshot, Ticket, ToClient,
    ToServer,
};

pub fn run(data: &[u8]) {
    if let Ok(message) = ToServer::decode(data) {
        assert_eq!(ToServer::decode(&message.encode()), Ok(message));
    }
    if let Ok(message) = ToClient::decode(data) {
        assert!(message.encode().len() <= CONTENT_SENT_BYTES_MAX + 4_096);
        assert_eq!(ToClient::decode(&message.encode()), Ok(message));
    }
    if let Ok(snapshot) = Snapshot::decode(data) {
        assert!(data.len() <= SNAPSHOT_MESSAGE_BYTES_MAX);
        if let Ok(state) = snapshot.unpack() {
            assert!(state.len() == snapshot.len as usize && state.len() <= SNAPSHOT_BYTES_MAX);
        }
        let _ = snapshot.frame_before();
        assert_eq!(Snapshot::decode(&snapshot.encode()), Ok(snapshot));
    }
    if let Some(bytes) = data.first_chunk::<256>()
        && let Ok((ticket, _, mac)) = Ticket::decode(bytes)
    {
        assert_eq!(ticket.encode(|_| mac), *bytes, "a ticket has two encodings");
    }
}
