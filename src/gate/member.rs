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
    /// The round trip, the client's wait for its next packet included; only over UDP, in a match.
    pub rtt_ms: Option<u32>,
    /// Packets that are lost or late, of a hundred; only over UDP, in a match.
    pub loss_percent: Option<u32>,
    /// How much before they are needed inputs arrive; below zero they are late. Only over UDP, in a match.
    pub lead_ms: Option<i32>,
}
