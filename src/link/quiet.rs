//! `QuietRenet`, renet that is silent when there is nothing to say.

use std::time::Duration;

use bytes::Bytes;
use framekeep_protocol::{
    CHANNELS, Channel, GAP_MS_MAX, Lane, PAYLOAD_BYTES_MAX, PacketPeek, PayloadFault, PayloadGuard, Side,
    is_hot, peek_packet,
};
use renet::{ChannelConfig, ConnectionConfig, RenetClient, SendType};

use crate::LinkFault;
use crate::outbox::Outbox;
use crate::pace::{BURST_BYTES, Pace};
use crate::round_trip::RoundTrip;

/// The pause between two acknowledgements: those that are due meanwhile go along with the second.
const ACK_PAUSE: Duration = Duration::from_millis(10);
/// Most separate ranges of packets in one acknowledgement. More do not arise between sides that follow the
/// protocol: long acknowledgements are acknowledged and the old ranges forgotten.
const RANGES_MAX: u64 = 96;

/// How many packets with messages a side sends twice, the first of its link: who comes back into a match has no time to
/// find out that one was lost.
const TWICE_PACKETS: u8 = 12;
/// How long after the first time the second is: what loses one packet at a time may lose its neighbour.
const TWICE_AFTER: Duration = Duration::from_millis(12);

/// One side of a link's reliable channels.
///
/// renet acknowledges acknowledgements and repeats itself for ever. This asks it for packets only while
/// messages are not acknowledged, or after a packet that owes an acknowledgement; otherwise it costs one
/// comparison. Time is an argument: a `Duration` since any moment, the same one for all calls; time that goes
/// back stands still.
pub struct QuietRenet {
    /// When there is something to do next; [`Duration::MAX`] if nothing.
    wake_at: Duration,
    /// Channels on which messages may lie, one bit each.
    unread: u8,
    side: Side,
    now: Duration,
    acked_at: Duration,
    ack_at: Option<Duration>,
    send_at: Option<Duration>,
    /// Packets that are to be sent a second time, when, and how many more there will be.
    again: Vec<Bytes>,
    again_at: Option<Duration>,
    twice_left: u8,
    pace: Pace,
    round_trip: RoundTrip,
    outboxes: Box<[Outbox]>,
    guard: PayloadGuard,
    renet: RenetClient,
    fault: Option<LinkFault>,
    /// Whether the last words were queued.
    says_last: bool,
}

impl QuietRenet {
    /// A new link, seen from `side`.
    #[must_use]
    pub fn new(side: Side) -> Self {
        let mut renet = RenetClient::new(ConnectionConfig {
            available_bytes_per_tick: BURST_BYTES,
            client_channels_config: channels(side)
                .map(|channel| config(channel, channel.memory_bytes_max))
                .collect(),
            // A sender may have as much again on the way while the receiver has not taken what it has.
            server_channels_config: channels(side.other())
                .map(|channel| config(channel, channel.memory_bytes_max * 2))
                .collect(),
        });
        renet.set_connected();
        Self {
            wake_at: Duration::MAX,
            unread: 0,
            side,
            now: Duration::ZERO,
            acked_at: Duration::ZERO,
            ack_at: None,
            send_at: None,
            again: Vec::new(),
            again_at: None,
            twice_left: TWICE_PACKETS,
            pace: Pace::default(),
            round_trip: RoundTrip::default(),
            outboxes: channels(side).map(Outbox::new).collect(),
            guard: PayloadGuard::new(),
            renet,
            fault: None,
            says_last: false,
        }
    }

    /// Takes a payload that netcode has opened. Those of the hot lane are told and left to the caller; of the
    /// others, messages can be [polled](Self::poll) afterwards.
    ///
    /// # Errors
    /// [`PayloadFault`] if the guard refuses it: count it. The link is over only if [`Self::fault`] says so.
    #[inline]
    pub fn receive(&mut self, now: Duration, payload: &[u8]) -> Result<Lane, PayloadFault> {
        if is_hot(payload) { Ok(Lane::Hot) } else { self.receive_renet(now, payload) }
    }

    /// Queues a message. It goes out with the next [`Self::transmit`].
    ///
    /// # Errors
    /// [`LinkFault::NotDraining`] if too much waits already, which ends the link;
    /// [`LinkFault::NoSuchChannel`] and [`LinkFault::MessageLength`] if the message cannot be sent at all;
    /// the link's fault if it has one.
    pub fn send(&mut self, channel: u8, message: impl Into<Bytes>) -> Result<(), LinkFault> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let outbox = self.outboxes.iter_mut().find(|outbox| outbox.id() == channel);
        let sent = outbox.ok_or(LinkFault::NoSuchChannel { channel })?.push(message.into());
        match &sent {
            Ok(()) => self.send_at = Some(Duration::ZERO),
            Err(fault @ LinkFault::NotDraining { .. }) => self.fault = Some(fault.clone()),
            Err(_) => {}
        }
        self.schedule();
        sent
    }

    /// Queues a message that is the last one of a channel, also after [`LinkFault::NotDraining`]: what waits there and
    /// was not sent even once is dropped for it. From then on nothing waits too long: the caller closes the link soon.
    ///
    /// # Errors
    /// As for [`Self::send`].
    pub fn send_last(&mut self, channel: u8, message: impl Into<Bytes>) -> Result<(), LinkFault> {
        if matches!(self.fault, Some(LinkFault::NotDraining { .. })) {
            self.fault = None;
        }
        self.says_last = true;
        if let Some(outbox) = self.outboxes.iter_mut().find(|outbox| outbox.id() == channel) {
            outbox.drop_waiting();
        }
        self.send(channel, message)
    }

    /// How many bytes can be sent on a channel before [`Self::send`] fails; 0 if there is no such channel.
    #[must_use]
    pub fn room(&self, channel: u8) -> usize {
        self.outboxes.iter().find(|outbox| outbox.id() == channel).map_or(0, Outbox::room)
    }

    /// The next message of a channel, in the order they were sent.
    #[inline]
    pub fn poll(&mut self, channel: u8) -> Option<Bytes> {
        if self.unread == 0 { None } else { self.poll_unread(channel) }
    }

    /// Whether [`Self::transmit`] has something to do: one comparison.
    #[must_use]
    #[inline]
    pub fn wants_to_send(&self, now: Duration) -> bool {
        self.wake_at <= now
    }

    /// Gives every payload that is due to `send`, to be sealed and sent at once, each at most
    /// [`PAYLOAD_BYTES_MAX`] bytes. Also notices when the link must end, see [`Self::fault`].
    pub fn transmit(&mut self, now: Duration, mut send: impl FnMut(&[u8])) {
        if !self.wants_to_send(now) || self.fault.is_some() {
            return;
        }
        if self.again_at.is_some_and(|at| at <= now) {
            self.again_at = None;
            self.again.drain(..).for_each(|packet| send(&packet));
            self.schedule();
        }
        if self.wants_to_send(now) {
            self.fault = self.try_transmit(now, send).err();
            self.schedule();
        }
    }

    /// Why the link is over, if it is. Nothing is sent or received any more then.
    #[must_use]
    pub fn fault(&self) -> Option<&LinkFault> {
        self.fault.as_ref()
    }

    /// Whether there is nothing to hear, to say, to wait for or to complain of.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.wake_at == Duration::MAX && self.unread == 0 && self.fault.is_none()
    }

    /// Whether every message sent has been acknowledged.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.outboxes.iter().all(Outbox::is_empty)
    }

    /// The round trip, averaged, the other side's wait before it acknowledges included; `None` before the
    /// first.
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        self.round_trip.average()
    }

    fn receive_renet(&mut self, now: Duration, payload: &[u8]) -> Result<Lane, PayloadFault> {
        self.advance(now);
        let lane = self.guard.check(self.side.other(), payload, millis(self.now))?;
        let Lane::Renet { owes_ack, is_ack } = lane else { return Ok(lane) };
        if self.fault.is_some() {
            return Ok(lane);
        }
        self.renet.process_packet(payload);
        if is_ack {
            self.note_acks(payload);
        } else {
            self.unread = channels(self.side.other()).fold(0, |bits, channel| bits | 1 << channel.id);
        }
        if owes_ack && self.ack_at.is_none() {
            self.ack_at = Some(self.acked_at + ACK_PAUSE);
        }
        self.fault = self.broken().err();
        self.schedule();
        Ok(lane)
    }

    fn note_acks(&mut self, packet: &[u8]) {
        if let Some(PacketPeek::Ack(acks)) = peek_packet(packet) {
            self.round_trip.heard(self.now, acks);
        }
        self.pace.heard();
        let mut more = self.pace.full;
        for outbox in &mut self.outboxes {
            more |= outbox.note_acks(self.now, &self.renet);
        }
        if self.is_drained() {
            self.send_at = None;
        } else if more {
            self.send_at = Some(self.now);
        }
    }

    fn poll_unread(&mut self, channel: u8) -> Option<Bytes> {
        let bit = 1_u8.checked_shl(channel.into()).unwrap_or(0);
        if self.unread & bit == 0 || channels(self.side.other()).all(|known| known.id != channel) {
            return None;
        }
        let message = self.renet.receive_message(channel);
        if message.is_none() {
            self.unread &= !bit;
        }
        message
    }

    fn try_transmit(&mut self, now: Duration, mut send: impl FnMut(&[u8])) -> Result<(), LinkFault> {
        self.advance(now);
        if self.guard.gap_expired(millis(self.now)) {
            return Err(LinkFault::GapExpired { after_ms: GAP_MS_MAX });
        }
        for outbox in &mut self.outboxes {
            if !self.says_last {
                outbox.check(self.now)?;
            }
            outbox.give(self.now, &mut self.renet);
        }
        let mut bytes = 0;
        let is_due = self.send_at.is_none_or(|at| at <= self.now);
        for packet in self.renet.get_packets_to_send() {
            match check_own_packet(&packet)? {
                Own::Ack => {}
                Own::Messages { sequence } => {
                    bytes += packet.len() as u64;
                    self.round_trip.sent(self.now, sequence);
                    if self.twice_left > 0 {
                        self.twice_left -= 1;
                        self.again.push(packet.clone().into());
                        self.again_at.get_or_insert(self.now + TWICE_AFTER);
                    }
                }
            }
            send(&packet);
        }
        self.broken()?;
        if self.ack_at.take().is_some() {
            self.acked_at = self.now;
        }
        self.guard.acknowledged();
        // An acknowledgement that went alone puts off nothing.
        if bytes > 0 || is_due {
            let wait = self.pace.sent(bytes, self.rtt());
            self.send_at = Some(self.now + wait);
        }
        self.send_at = self.send_at.filter(|_| !self.is_drained());
        Ok(())
    }

    fn broken(&self) -> Result<(), LinkFault> {
        match self.renet.disconnect_reason() {
            Some(reason) => Err(LinkFault::Broken(reason.to_string())),
            None => Ok(()),
        }
    }

    fn advance(&mut self, now: Duration) {
        if let Some(passed) = now.checked_sub(self.now) {
            self.renet.update(passed);
            self.now = now;
        }
    }

    fn schedule(&mut self) {
        let gap = self.guard.gap_since_ms().map(|since| Duration::from_millis(since + GAP_MS_MAX));
        let next = [self.ack_at, self.send_at, self.again_at, gap].into_iter().flatten().min();
        self.wake_at = if self.fault.is_some() { Duration::MAX } else { next.unwrap_or(Duration::MAX) };
    }
}

fn channels(from: Side) -> impl Iterator<Item = &'static Channel> {
    CHANNELS.iter().filter(move |channel| channel.from == from)
}

fn config(channel: &Channel, memory_bytes: usize) -> ChannelConfig {
    let resend_time = Duration::from_millis(channel.resend_ms.into());
    ChannelConfig {
        channel_id: channel.id,
        max_memory_usage_bytes: memory_bytes,
        send_type: SendType::ReliableOrdered { resend_time },
    }
}

/// A packet that renet wants to have sent.
enum Own {
    Ack,
    Messages { sequence: u64 },
}

fn check_own_packet(packet: &[u8]) -> Result<Own, LinkFault> {
    if packet.len() > PAYLOAD_BYTES_MAX {
        return Err(LinkFault::Broken(format!("a packet of {} bytes", packet.len())));
    }
    match peek_packet(packet) {
        Some(PacketPeek::Ack(acks)) if acks.range_count() > RANGES_MAX => {
            Err(LinkFault::TooScattered { ranges: acks.range_count(), limit: RANGES_MAX })
        }
        Some(PacketPeek::Ack(_)) => Ok(Own::Ack),
        Some(PacketPeek::Messages { sequence }) => Ok(Own::Messages { sequence }),
        None => Err(LinkFault::Broken("a packet of an unknown kind".to_owned())),
    }
}

fn millis(now: Duration) -> u64 {
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}
