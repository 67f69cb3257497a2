//! `MemberRow`, a taken seat as operators see it.

/// A taken seat as operators see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberRow {
    /// The seat's number; 255 for who watches.
    pub seat: u8,
    /// Who has it, 16 hexadecimal digits.
    pub player: String,
    /// What others call the player; empty for who watches.
    pub name: String,
    /// "udp" or "websocket"; empty while the player is away.
    pub transport: &'static str,
    /// The round trip: over UDP in a match, the client's wait for its next packet included, over WebSocket of pings.
    pub rtt_ms: Option<u32>,
    /// Of a hundred: over UDP packets that are lost or late, in a match; over WebSocket views that were left out
    /// because the client takes them too slowly.
    pub loss_percent: Option<u32>,
    /// How much before they are needed inputs arrive, in a match; below zero they are late. Over UDP the worst
    /// of the last ones, over WebSocket the last.
    pub lead_ms: Option<i32>,
}
