//! Players of many rooms, linked over a wire of memory, who do nothing but take frames.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use framekeep_client::{ClientHello, ClientLink};
use framekeep_games::arena::{Arena, ArenaInput};
use framekeep_protocol::{
    Epoch, GameRules, InputHead, JoinRoom, PlayerName, Role, RoomOptions, ToClient, ToServer, decode_frames,
    encode_inputs,
};
use framekeep_server::{MemoryWireEnd, NodeKey, TicketRequest, mint_with_timeout, player_id_of};
use framekeep_sim::{Game as _, Input as _, Tick, fingerprint};

/// A link that is never given up.
const TIMEOUT: Duration = Duration::from_secs(3_600);

/// Players of many rooms, two in each.
pub struct Players {
    wire: MemoryWireEnd,
    all: Vec<Player>,
    by_address: HashMap<SocketAddr, usize>,
}

struct Player {
    address: SocketAddr,
    link: ClientLink,
    room: String,
    has_asked: bool,
    epoch: Option<Epoch>,
    /// The next frame it lacks.
    next: Tick,
    owes_packet: bool,
}

impl Players {
    /// How long the server has to wait for a silent link of these.
    pub const TIMEOUT: Duration = TIMEOUT;

    /// Two players for each of so many rooms, who have not said anything yet.
    ///
    /// # Errors
    /// A ticket cannot be made or read.
    pub fn new(
        wire: MemoryWireEnd,
        key: &NodeKey,
        server: SocketAddr,
        rooms: u32,
        now: Duration,
    ) -> Result<Self> {
        let mut all = Vec::new();
        for number in 0..2 * rooms {
            let name = PlayerName::try_from(format!("p{number}"))?;
            let (player, role) = (player_id_of(&name), Role::Player);
            let request = TicketRequest { server, player, name: name.clone(), room: None, role, now };
            let ticket = mint_with_timeout(key, &request, TIMEOUT)?;
            let games = vec![GameRules { name: Arena::NAME.to_owned(), fingerprint: fingerprint::<Arena>() }];
            // Connection requests of one address have a budget.
            let address = SocketAddr::from(([127, 1, (number >> 8) as u8, number as u8], 40_000));
            all.push(Player {
                address,
                link: ClientLink::new(&ticket, ClientHello { name, games }, now)?,
                room: format!("r{}", number / 2),
                has_asked: false,
                epoch: None,
                next: Tick(0),
                owes_packet: false,
            });
        }
        let by_address = all.iter().enumerate().map(|(index, player)| (player.address, index)).collect();
        Ok(Self { wire, all, by_address })
    }

    /// Whether all are in matches.
    #[must_use]
    pub fn all_play(&self) -> bool {
        self.all.iter().all(|player| player.epoch.is_some())
    }

    /// The tick of which each has all frames before, of the one who has fewest.
    #[must_use]
    pub fn slowest(&self) -> Tick {
        self.all.iter().map(|player| player.next).min().unwrap_or(Tick(0))
    }

    /// Takes what was sent, and answers: every packet of frames with an acknowledgement.
    ///
    /// # Errors
    /// A link is over.
    pub fn turn(&mut self, now: Duration) -> Result<()> {
        while let Some((to, mut datagram)) = self.wire.take() {
            if let Some(&index) = self.by_address.get(&to) {
                self.all[index].link.handle_datagram(now, &mut datagram);
                self.all[index].hear()?;
            }
        }
        for player in &mut self.all {
            player.speak(now, &self.wire)?;
        }
        Ok(())
    }
}

impl Player {
    fn hear(&mut self) -> Result<()> {
        while let Some(message) = self.link.poll_control() {
            if let ToClient::Started(start) = message {
                (self.epoch, self.next) = (Some(start.epoch), start.next);
            }
        }
        while let Some(payload) = self.link.poll_hot() {
            let Ok((head, _)) = decode_frames(payload, self.next) else { continue };
            if self.epoch == Some(head.epoch) {
                self.next = self.next.max(head.first.later(u32::from(head.count)));
                self.owes_packet = true;
            }
        }
        Ok(())
    }

    fn speak(&mut self, now: Duration, wire: &MemoryWireEnd) -> Result<()> {
        let (address, link) = (self.address, &mut self.link);
        if !self.has_asked && *link.state() == framekeep_client::LinkState::Connected {
            let options = RoomOptions::new(Arena::NAME, 2);
            let join = JoinRoom::seat(self.room.as_str().try_into()?, Some(options));
            link.send_control(&ToServer::Join(join)).context("a link is over")?;
            self.has_asked = true;
        }
        if let Some(epoch) = self.epoch.filter(|_| std::mem::take(&mut self.owes_packet)) {
            let mut packet = Vec::new();
            let head = InputHead { epoch, newest: self.next, ack: self.next, hash: None, gap: false };
            encode_inputs(&head, ArenaInput::BITS, &[], &mut packet);
            link.send_hot(&packet, |datagram| wire.deliver(address, datagram.to_vec()));
        }
        link.transmit(now, |datagram| wire.deliver(address, datagram.to_vec()));
        Ok(())
    }
}
