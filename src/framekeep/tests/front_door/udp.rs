//! `UdpBot`, a player over UDP that needs no picture of the match.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use framekeep_client::{ClientHello, ClientLink};
use framekeep_games::arena::Arena;
use framekeep_protocol::{
    GameRules, JoinRoom, PlayerName, Role, RoomName, RoomOptions, ToClient, ToServer, peek_epoch,
};
use framekeep_rollback::{RollbackConfig, ThinMatch};
use framekeep_server::{TicketRequest, mint, player_id_of};
use framekeep_sim::{Game as _, fingerprint};

use crate::serving::{Serving, key};

/// A player over UDP, on a thread of its own; leaves when dropped.
pub(crate) struct UdpBot {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<u32>>,
}

impl UdpBot {
    /// Joins a room for two and walks to the right as soon as it plays.
    pub(crate) fn join(serving: &Serving, room: &str) -> Self {
        Self::join_as(serving, room, "udp-bot", "")
    }

    /// The same under that name, on that content if it comes first.
    pub(crate) fn join_as(serving: &Serving, room: &str, name: &str, content: &str) -> Self {
        let name = PlayerName::try_from(name).unwrap();
        let options = RoomOptions { content: content.to_owned(), ..RoomOptions::new(Arena::NAME, 2) };
        let (server, join) = (serving.udp, JoinRoom::seat(RoomName::try_from(room).unwrap(), Some(options)));
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        let thread = std::thread::spawn(move || play(server, name, join, &told));
        Self { stop, thread: Some(thread) }
    }

    /// Leaves; gives how many inputs it made.
    pub(crate) fn leave(mut self) -> u32 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().map_or(0, |thread| thread.join().expect("the bot"))
    }
}

impl Drop for UdpBot {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn play(server: std::net::SocketAddr, name: PlayerName, join: JoinRoom, stop: &AtomicBool) -> u32 {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let began = Instant::now();
    let player = player_id_of(&name);
    let request =
        TicketRequest { server, player, name: name.clone(), room: None, role: Role::Player, now: unix };
    let ticket = mint(&key(), &request).expect("a ticket");
    let games = vec![GameRules { name: Arena::NAME.to_owned(), fingerprint: fingerprint::<Arena>() }];
    let mut link = ClientLink::new(&ticket, ClientHello { name, games }, unix).expect("a link");
    link.send_control(&ToServer::Join(join)).expect("room for it");
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    // Waiting for a datagram is what paces the bot.
    socket.set_read_timeout(Some(Duration::from_millis(4))).expect("a time-out");
    let (mut thin, mut made): (Option<ThinMatch>, u32) = (None, 0);
    let (mut datagram, mut packet) = ([0; 2_048], Vec::new());
    while !stop.load(Ordering::Relaxed) {
        let now = unix + began.elapsed();
        if let Ok((length, _)) = socket.recv_from(&mut datagram) {
            link.handle_datagram(now, &mut datagram[..length]);
        }
        while let Some(message) = link.poll_control() {
            if let ToClient::Started(start) = message {
                thin = Some(ThinMatch::new(&start, RollbackConfig::default(), now, Duration::from_millis(5)));
            }
        }
        while let Some(payload) = link.poll_hot() {
            if let Some(thin) = thin.as_mut().filter(|thin| peek_epoch(payload) == Some(thin.epoch())) {
                let _ = thin.handle_frames(now, payload, |_| {});
            }
        }
        if let Some(thin) = &mut thin {
            made += thin.advance(now, |_| 1);
            packet.clear();
            if thin.poll_transmit(now, &mut packet) {
                link.send_hot(&packet, |datagram| drop(socket.send_to(datagram, server)));
            }
        }
        link.transmit(now, |datagram| drop(socket.send_to(datagram, server)));
    }
    made
}
