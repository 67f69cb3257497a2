//! Two bots play a match of tag on the server of this example, over a wire of memory and a clock of their own.

use std::net::SocketAddr;
use std::time::Duration;

use framekeep_client::{ClientHello, ClientLink};
use framekeep_protocol::{
    GameRules, JoinRoom, MatchEnd, PlayerName, Role, RoomName, RoomOptions, ToClient, ToServer,
};
use framekeep_rollback::{RollbackConfig, RollbackMatch};
use framekeep_server::{
    Chance, Clock, Games, MemoryWire, MemoryWireEnd, NodeKey, Recorder, Server, ServerConfig, TicketRequest,
    mint, player_id_of,
};
use framekeep_sim::{Game as _, GameRegistry, Pcg32};
use tag::{Run, Tag};

const BEGIN: Duration = Duration::from_secs(1_000_000);
const TURN: Duration = Duration::from_millis(4);

struct Bot {
    link: ClientLink,
    address: SocketAddr,
    rng: Pcg32,
    joined: bool,
    play: Option<RollbackMatch<Tag>>,
    end: Option<MatchEnd>,
}

impl Bot {
    fn new(number: u16, server: SocketAddr, key: &NodeKey, fingerprint: u64) -> Self {
        let name = PlayerName::try_from(format!("bot-{number}")).unwrap();
        let request = TicketRequest {
            server,
            player: player_id_of(&name),
            name: name.clone(),
            room: None,
            role: Role::Player,
            now: BEGIN,
        };
        let hello = ClientHello { name, games: vec![GameRules { name: Tag::NAME.to_owned(), fingerprint }] };
        Self {
            link: ClientLink::new(&mint(key, &request).unwrap(), hello, BEGIN).unwrap(),
            address: SocketAddr::from(([127, 0, 0, 1], 50_000 + number)),
            rng: Pcg32::new(number.into(), 0),
            joined: false,
            play: None,
            end: None,
        }
    }

    fn turn(&mut self, now: Duration, wire: &MemoryWireEnd) {
        while let Some(message) = self.link.poll_control() {
            self.hear(now, message);
        }
        if let Some(play) = &mut self.play {
            while let Some(frames) = self.link.poll_hot() {
                // A packet of before the match is of no use and no harm.
                let _ = play.handle_frames(now, frames);
            }
            // Holds a direction for half a second.
            let rng = &mut self.rng;
            play.advance(now, |tick| Run::toward(((tick.0 / 15).wrapping_mul(5) + rng.below(2)) as u8 % 8));
            let mut packet = Vec::new();
            if play.poll_transmit(now, &mut packet) {
                let address = self.address;
                self.link.send_hot(&packet, |datagram| wire.deliver(address, datagram.to_vec()));
            }
        }
        let address = self.address;
        self.link.transmit(now, |datagram| wire.deliver(address, datagram.to_vec()));
    }

    fn hear(&mut self, now: Duration, message: ToClient) {
        match message {
            ToClient::Welcome { .. } | ToClient::Admitted { .. } if !self.joined => self.join(),
            ToClient::Started(start) => {
                let play = RollbackMatch::new(&start, RollbackConfig::default(), now, TURN);
                self.play = Some(play.unwrap());
            }
            ToClient::Ended(end) => {
                if let Some(play) = &mut self.play {
                    play.finish(&end);
                }
                self.end = Some(end);
            }
            ToClient::Refused(refusal) => panic!("refused: {refusal}"),
            _ => {}
        }
    }

    fn join(&mut self) {
        let options = RoomOptions::new(Tag::NAME, 2);
        let room = RoomName::try_from("yard".to_owned()).unwrap();
        let join = ToServer::Join(JoinRoom::seat(room, Some(options)));
        self.joined = self.link.send_control(&join).is_ok();
    }

    fn is_done(&self) -> bool {
        self.end.is_some() && self.play.as_ref().is_some_and(RollbackMatch::is_complete)
    }
}

#[test]
fn two_bots_play_a_whole_match_of_tag() {
    let (config, key) = (ServerConfig { threads: 1, ..ServerConfig::default() }, NodeKey::new([3; 32]));
    let games = Games::new(GameRegistry::new().with::<Tag>());
    let fingerprint = games.fingerprint(Tag::NAME).unwrap();
    let (wire, end) = MemoryWire::pair(config.udp);
    let (clock, chance) = (Clock::manual(BEGIN), Chance::seeded(1));
    let mut server =
        Server::new(config, games, key.clone(), Box::new(wire), clock, chance, Recorder::default());
    let mut bots = [0, 1].map(|number| Bot::new(number, server.local_addr(), &key, fingerprint));
    let mut now = BEGIN;
    while !bots.iter().all(Bot::is_done) {
        now += TURN;
        assert!(
            now < BEGIN + Duration::from_secs(90),
            "a match of a minute is over within a minute and a half"
        );
        bots.iter_mut().for_each(|bot| bot.turn(now, &end));
        server.pump_at(now);
        while let Some((to, mut datagram)) = end.take() {
            if let Some(bot) = bots.iter_mut().find(|bot| bot.address == to) {
                bot.link.handle_datagram(now, &mut datagram);
            }
        }
    }
    for bot in &bots {
        let (end, play) = (bot.end.as_ref().unwrap(), bot.play.as_ref().unwrap());
        assert_eq!(end.hash, play.confirmed_hash());
        let scores = play.confirmed().outcome().unwrap().scores;
        assert_eq!(scores.iter().sum::<i32>(), 1_800);
    }
}

#[test]
fn a_key_is_64_hexadecimal_digits() {
    assert!(super::parse_key(&"0a".repeat(32)).is_some());
    assert!(super::parse_key(&"0a".repeat(31)).is_none());
    assert!(super::parse_key(&"0x".repeat(32)).is_none());
}
