//! Three nodes, a pipe between them, clients at one of them, and a server at each that does what a test says.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use framekeep_gate::{
    Door, Keeper, LinkSink, Mint, MintFailed, Minted, NewLink, Order, StateView, TicketWish, WebLinkId, gate,
};
use framekeep_protocol::{
    Epoch, JoinRoom, PlayerId, Refusal, Role, RoomEvent, RoomEventKind, RoomId, RoomName, RoomOptions,
    RoomPhase, RoomView, SPECTATOR_SEAT, StartRule, Ticket, ToClient, ToServer, TokenId,
};
use framekeep_sim::{Tick, View};

use crate::far::{Far, FarShared};
use crate::near::{Home, HomeNews, Near, Todo};
use crate::outbox::Outbox;
use crate::stats::RelayStats;
use crate::wire::{FrameReader, ToFar, ToNear};
use crate::{Admission, Awaited, Directory, LOST_AFTER, PeerId, Place};

pub(super) const HERE: PeerId = PeerId(1);
pub(super) const THERE: PeerId = PeerId(2);

fn ticket(player: PlayerId) -> Ticket {
    Ticket {
        token_id: TokenId([player.0 as u8; 16]),
        player,
        name: "Ada".parse().unwrap(),
        room: None,
        role: Role::Player,
        issued_at_s: 1,
        expires_at_s: 2,
    }
}

/// What the tests know of the nodes.
#[derive(Default)]
pub(super) struct Places(Mutex<(BTreeMap<String, Place>, Option<PeerId>, Option<Duration>)>);

impl Places {
    pub(super) fn put(&self, room: &str, place: Place) {
        self.0.lock().unwrap().0.insert(room.to_owned(), place);
    }

    pub(super) fn least_loaded(&self, node: Option<PeerId>) {
        self.0.lock().unwrap().1 = node;
    }

    pub(super) fn lost_after(&self, time: Duration) {
        self.0.lock().unwrap().2 = Some(time);
    }

    fn get(&self, room: &RoomName) -> Place {
        self.0.lock().unwrap().0.get(room.as_str()).copied().unwrap_or(Place::Nowhere)
    }
}

impl Directory for Places {
    fn find(&self, room: RoomName, _: bool) -> Awaited<Place> {
        let place = self.get(&room);
        Box::pin(async move { place })
    }

    fn address(&self, _: PeerId) -> Option<SocketAddr> {
        None
    }

    fn at(&self, address: &str) -> Option<PeerId> {
        address.strip_prefix("node ").and_then(|node| node.parse().ok()).map(PeerId)
    }

    fn least_loaded(&self) -> Option<PeerId> {
        self.0.lock().unwrap().1
    }

    fn lost_after(&self) -> Duration {
        self.0.lock().unwrap().2.unwrap_or(LOST_AFTER)
    }
}

struct Tickets;

impl Mint for Tickets {
    fn mint(&self, wish: &TicketWish) -> Result<Minted, MintFailed> {
        self.mint_for(wish, SocketAddr::from(([127, 0, 0, 1], 1)))
    }

    fn mint_for(&self, wish: &TicketWish, udp_address: SocketAddr) -> Result<Minted, MintFailed> {
        let player = wish.player.unwrap();
        let ticket = Ticket { room: wish.room.clone(), role: wish.role, ..ticket(player) };
        let web = Box::new(ticket.encode(|_| [7; 32]));
        Ok(Minted { player, udp: Vec::new(), udp_address, web, valid_s: 10 })
    }

    fn seal(&self, _: &str, _: &[u8]) -> [u8; 32] {
        [0; 32]
    }
}

impl Admission for Tickets {
    fn redeem(&self, ticket: &[u8; 256]) -> Result<Ticket, Refusal> {
        Ticket::decode(ticket).map(|(ticket, ..)| ticket).map_err(|_| Refusal::TicketForeign)
    }
}

/// What a client has got.
#[derive(Default)]
struct Got {
    told: Vec<ToClient>,
    answers: Vec<u64>,
    ticks: Vec<u32>,
    left: Option<usize>,
    has_hung_up: bool,
    follows: bool,
}

struct Sink(Arc<Mutex<Got>>);

impl LinkSink for Sink {
    fn tell(&self, message: &ToClient, to: u64) -> bool {
        let mut got = self.0.lock().unwrap();
        match &mut got.left {
            Some(0) => return false,
            Some(left) => *left -= 1,
            None => {}
        }
        got.told.push(message.clone());
        got.answers.push(to);
        true
    }

    fn room(&self) -> usize {
        1_000
    }

    fn capacity(&self) -> usize {
        1_000
    }

    fn is_gone(&self) -> bool {
        self.0.lock().unwrap().has_hung_up
    }

    fn follows(&self) -> bool {
        self.0.lock().unwrap().follows
    }

    fn show(&self, view: &Arc<StateView>) {
        self.0.lock().unwrap().ticks.push(view.tick.0);
    }

    fn let_go(&self) {}
}

/// A client here.
pub(super) struct Client {
    pub(super) link: WebLinkId,
    pub(super) player: PlayerId,
    got: Arc<Mutex<Got>>,
}

impl Client {
    /// What it was told since it was asked last.
    pub(super) fn told(&self) -> Vec<ToClient> {
        self.got.lock().unwrap().told.drain(..).collect()
    }

    /// The numbers of what the messages of the last second answer.
    pub(super) fn answers(&self) -> Vec<u64> {
        self.got.lock().unwrap().answers.drain(..).collect()
    }

    pub(super) fn ticks(&self) -> Vec<u32> {
        std::mem::take(&mut self.got.lock().unwrap().ticks)
    }

    /// From now on it takes so many messages.
    pub(super) fn take_only(&self, messages: usize) {
        self.got.lock().unwrap().left = Some(messages);
    }

    /// It goes after its rooms itself.
    pub(super) fn follow_rooms(&self) {
        self.got.lock().unwrap().follows = true;
    }

    /// From now on it waits for nothing.
    pub(super) fn hang_up(&self) {
        self.got.lock().unwrap().has_hung_up = true;
    }

    /// Whether nobody can tell it anything any more.
    pub(super) fn is_gone(&self) -> bool {
        Arc::strong_count(&self.got) == 1
    }
}

/// A server that does what a test says.
pub(super) struct Server {
    pub(super) door: Door,
    keeper: Keeper,
    sinks: BTreeMap<WebLinkId, Arc<dyn LinkSink>>,
    waiting: Vec<Order>,
}

impl Server {
    fn new() -> Self {
        let (door, keeper) = gate(10_000);
        Self { door, keeper, sinks: BTreeMap::new(), waiting: Vec::new() }
    }

    fn take(&mut self) {
        while let Some(order) = self.keeper.take() {
            match &order {
                Order::Open(NewLink { link, sink, .. }) => drop(self.sinks.insert(*link, sink.clone())),
                Order::Close(link) => drop(self.sinks.remove(link)),
                _ => {}
            }
            self.waiting.push(order);
        }
        // An order holds a sink that would never be dropped.
        for order in &mut self.waiting {
            if let Order::Open(new) = order {
                new.sink = Arc::new(Sink(Arc::default()));
            }
        }
    }

    /// What was ordered since it was asked last.
    pub(super) fn orders(&mut self) -> Vec<Order> {
        self.take();
        std::mem::take(&mut self.waiting)
    }

    pub(super) fn links(&mut self) -> usize {
        self.take();
        self.sinks.len()
    }

    pub(super) fn all_links(&mut self) -> Vec<WebLinkId> {
        self.orders();
        self.sinks.keys().copied().collect()
    }

    pub(super) fn only_link(&mut self) -> WebLinkId {
        let links = self.all_links();
        assert_eq!(links.len(), 1, "{links:?}");
        links[0]
    }

    pub(super) fn tell(&self, link: WebLinkId, message: &ToClient, to: u64) -> bool {
        self.sinks.get(&link).is_some_and(|sink| sink.tell(message, to))
    }

    pub(super) fn tell_all(&self, message: &ToClient) {
        self.sinks.values().for_each(|sink| assert!(sink.tell(message, 0)));
    }

    /// Whether nobody waits for what this link is told.
    pub(super) fn is_gone(&self, link: WebLinkId) -> bool {
        self.sinks[&link].is_gone()
    }

    /// Shows all of these links the same view, of the first match.
    pub(super) fn show(&self, links: &[WebLinkId], tick: u32) {
        let view = Arc::new(StateView::of(Epoch::new(1), Tick(tick), View::default()));
        links.iter().for_each(|link| self.sinks[link].show(&view));
    }

    /// The server's turn is over.
    pub(super) fn turn(&self) {
        self.sinks.values().for_each(|sink| sink.let_go());
    }

    pub(super) fn drop_link(&mut self, link: WebLinkId) {
        self.sinks.remove(&link);
    }
}

/// A connection from here to there.
struct Pipe {
    peer: PeerId,
    out: Arc<Outbox>,
    back: Arc<Outbox>,
    far: Far,
}

/// Everything.
pub(super) struct Stage {
    pub(super) here: Server,
    pub(super) there: Server,
    pub(super) third: Server,
    pub(super) places: Arc<Places>,
    pub(super) near: Near,
    pub(super) stats: Arc<RelayStats>,
    pub(super) now: Duration,
    /// Nodes that can be connected to.
    pub(super) reachable: Vec<PeerId>,
    /// Whether a frame from there is lost on its way, given its number.
    pub(super) loses: fn(&ToNear, u64) -> bool,
    received: u64,
    fars: BTreeMap<PeerId, Arc<FarShared>>,
    pipes: Vec<Pipe>,
    news: Arc<HomeNews>,
    is_gateway: bool,
}

impl Stage {
    /// Two nodes with rooms, and the room friday there.
    pub(super) fn new() -> Self {
        Self::of(false)
    }

    /// A gateway, and a node with rooms.
    pub(super) fn without_rooms() -> Self {
        Self::of(true)
    }

    fn of(is_gateway: bool) -> Self {
        let (here, there, third) = (Server::new(), Server::new(), Server::new());
        let (places, stats) = (Arc::new(Places::default()), Arc::new(RelayStats::default()));
        places.put("friday", Place::At(THERE));
        let news = Arc::new(HomeNews::default());
        let home = Home::new(here.door.clone(), Arc::new(Tickets), places.clone(), news.clone());
        let admission: Arc<dyn Admission> = Arc::new(Tickets);
        let (home, admission) = if is_gateway { (None, Some(admission)) } else { (Some(home), None) };
        let near = Near::new(HERE, home, admission, places.clone(), stats.clone());
        let far = |server: &Server| {
            Arc::new(FarShared::new(server.door.clone(), Arc::new(Tickets), Arc::default()))
        };
        let fars = BTreeMap::from([(THERE, far(&there)), (PeerId(3), far(&third))]);
        Self {
            here,
            there,
            third,
            places,
            near,
            stats,
            now: Duration::from_secs(1),
            reachable: vec![THERE, PeerId(3)],
            loses: |_, _| false,
            received: 0,
            fars,
            pipes: Vec::new(),
            news,
            is_gateway,
        }
    }

    /// A client that is connected here and was let in.
    pub(super) fn client(&mut self, number: u64) -> Client {
        let (link, player, got) = (WebLinkId(number), PlayerId(100 + number), Arc::<Mutex<Got>>::default());
        let ticket = Box::new(ticket(player).encode(|_| [7; 32]));
        let from = SocketAddr::from(([192, 0, 2, 1], 1));
        let sink = Arc::new(Sink(got.clone()));
        self.order(Order::Open(NewLink { link, ticket, from, views_hz: 30, sink }));
        if !self.is_gateway {
            self.here.orders();
            self.here.tell(link, &ToClient::Admitted { player }, 0);
        }
        Client { link, player, got }
    }

    pub(super) fn order(&mut self, order: Order) {
        self.near.order(order, self.now).unwrap();
    }

    /// A client wants into the room friday.
    pub(super) fn join(&mut self, client: &Client, creates: bool) {
        self.enter(client, creates, false);
    }

    pub(super) fn watch(&mut self, client: &Client) {
        self.enter(client, false, true);
    }

    fn enter(&mut self, client: &Client, creates: bool, spectate: bool) {
        let create = creates.then(|| RoomOptions::new("arena", 2));
        let join = JoinRoom { spectate, ..JoinRoom::seat("friday".parse().unwrap(), create) };
        self.order(Order::Say(client.link, 7, ToServer::Join(join)));
        self.run();
    }

    /// Time goes on, in steps of a tenth of a second.
    pub(super) fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            self.now += Duration::from_millis(100);
            self.run();
        }
    }

    /// Everything that can happen now happens.
    pub(super) fn run(&mut self) {
        for server in [&self.here, &self.there, &self.third] {
            server.turn();
        }
        for _ in 0..20 {
            self.near.look(self.now);
            self.near.hear_home(self.news.take(), self.now);
            while let Some(todo) = self.near.todo() {
                match todo {
                    Todo::Find(link, room, _) => {
                        let place = self.places.get(&room);
                        self.near.found(link, place, self.now);
                    }
                    Todo::Dial(peer) => self.dial(peer),
                }
            }
            self.carry();
            for server in [&mut self.here, &mut self.there, &mut self.third] {
                server.take();
            }
        }
    }

    fn dial(&mut self, peer: PeerId) {
        if !self.reachable.contains(&peer) {
            return self.near.not_connected(peer, self.now, 0);
        }
        let (out, back) = (Arc::new(Outbox::default()), Arc::new(Outbox::default()));
        let far = Far::new(self.fars[&peer].clone(), back.clone());
        self.near.connected(peer, out.clone(), self.now);
        self.pipes.push(Pipe { peer, out, back, far });
    }

    fn carry(&mut self) {
        for pipe in &mut self.pipes {
            let mut reader = FrameReader::new(crate::TO_FAR_BYTES_MAX);
            reader.push(&pipe.out.take(usize::MAX));
            while let Some(body) = reader.next_body().unwrap() {
                pipe.far.hear(ToFar::decode(body).unwrap());
            }
            let mut reader = FrameReader::new(crate::TO_NEAR_BYTES_MAX);
            reader.push(&pipe.back.take(usize::MAX));
            while let Some(body) = reader.next_body().unwrap() {
                let message = ToNear::decode(body).unwrap();
                self.received += 1;
                if !(self.loses)(&message, self.received) {
                    self.near.hear(pipe.peer, message, self.now);
                }
            }
            self.near.heard_all();
        }
    }

    /// How many frames have come from other nodes.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// How many rooms there are watched.
    pub(super) fn streams(&self) -> usize {
        self.fars[&THERE].streams()
    }

    /// The connection to a node is lost.
    pub(super) fn cut(&mut self, peer: PeerId) {
        self.pipes.retain(|pipe| pipe.peer != peer);
        self.near.lost(peer, self.now, 0);
    }
}

/// What a member of the room friday is told as it comes in; `event` is the number of the last event.
pub(super) fn joined(seat: u8, event: u64) -> ToClient {
    ToClient::Joined(view(seat, event))
}

pub(super) fn room(seat: u8, event: u64) -> ToClient {
    ToClient::Room(view(seat, event))
}

fn view(seat: u8, event: u64) -> RoomView {
    RoomView {
        room: RoomId(5),
        name: "friday".parse().unwrap(),
        game: "arena".to_owned(),
        seats: 2,
        seat,
        phase: RoomPhase::Playing,
        members: Vec::new(),
        content: String::new(),
        start: StartRule::Full,
        locked: false,
        private: false,
        watchers: Vec::new(),
        kept: Vec::new(),
        event,
    }
}

pub(super) fn watching(event: u64) -> ToClient {
    joined(SPECTATOR_SEAT, event)
}

/// Something that is said in the room.
pub(super) fn event(number: u64) -> ToClient {
    let kind = RoomEventKind::Chat { player: None, text: format!("the {number}th") };
    ToClient::Event(RoomEvent { number, kind })
}

/// The numbers of the events among what was told.
pub(super) fn numbers(told: &[ToClient]) -> Vec<u64> {
    let number = |message: &ToClient| match message {
        ToClient::Event(event) => Some(event.number),
        _ => None,
    };
    told.iter().filter_map(number).collect()
}
