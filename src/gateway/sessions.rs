//! `Sessions`: a player's conversation, which may go on over a new connection.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use framekeep_gate::{Door, Order, WebLinkId};
use framekeep_protocol::PlayerId;
use prost::Message as _;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::queue::LinkQueue;
use crate::wire::{ServerBody, ServerMessage};

/// Messages that are kept for a client that comes back, at most.
const KEPT_MAX: usize = 256;
/// Bytes of those, as protobuf, at most.
const KEPT_BYTES_MAX: usize = 128 << 10;

/// How long a session that another connection has is waited for.
const STEAL_WITHIN: Duration = Duration::from_secs(2);
/// How soon one that is about to be put down is looked for again.
const PUT_DOWN_WITHIN: Duration = Duration::from_millis(5);

/// What lets a client go on with its session.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SessionToken([u8; 16]);

impl SessionToken {
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map(|()| Self(bytes))
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        BASE64URL_NOPAD.decode(text.as_bytes()).ok()?.try_into().ok().map(Self)
    }

    pub(crate) fn text(self) -> String {
        BASE64URL_NOPAD.encode(&self.0)
    }
}

/// A player's conversation with the server.
pub(crate) struct Session {
    pub(crate) link: WebLinkId,
    pub(crate) token: SessionToken,
    /// Whose it is.
    pub(crate) player: PlayerId,
    pub(crate) queue: LinkQueue,
    pub(crate) opened_at: Instant,
    /// The id of the last client message that was done.
    pub(crate) heard: u64,
    /// Whether it wants to know when what it is shown was.
    pub(crate) times: bool,
    kept: VecDeque<ServerMessage>,
    kept_bytes: usize,
    last_id: u64,
    door: Door,
}

impl Session {
    pub(crate) fn new(link: WebLinkId, token: SessionToken, queue: LinkQueue, door: Door) -> Self {
        Self {
            link,
            token,
            player: PlayerId::default(),
            queue,
            opened_at: Instant::now(),
            heard: 0,
            times: false,
            kept: VecDeque::new(),
            kept_bytes: 0,
            last_id: 0,
            door,
        }
    }

    /// A message with the next id, which is kept until the client has it. The oldest go first.
    pub(crate) fn keep(&mut self, body: ServerBody) -> ServerMessage {
        self.last_id += 1;
        let message = ServerMessage { id: self.last_id, ack: self.heard, body: Some(body) };
        self.kept_bytes += message.encoded_len();
        self.kept.push_back(message.clone());
        while self.kept.len() > KEPT_MAX || self.kept_bytes > KEPT_BYTES_MAX {
            self.drop_oldest();
        }
        message
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.kept.pop_front() {
            self.kept_bytes -= oldest.encoded_len();
        }
    }

    /// A message that is not sent again.
    pub(crate) fn once(&self, body: ServerBody) -> ServerMessage {
        ServerMessage { id: 0, ack: self.heard, body: Some(body) }
    }

    /// The client has everything up to this id.
    pub(crate) fn acknowledge(&mut self, id: u64) {
        while self.kept.front().is_some_and(|message| message.id <= id) {
            self.drop_oldest();
        }
    }

    /// What the client lacks that has everything up to `id`; `None` if some of it is not kept any more.
    pub(crate) fn after(&mut self, id: u64) -> Option<Vec<ServerMessage>> {
        self.acknowledge(id);
        let whole = match self.kept.front() {
            Some(first) => first.id == id + 1,
            None => id == self.last_id,
        };
        whole.then(|| self.kept.iter().cloned().collect())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // If the server is too busy for it: it finds out when it next tells the link something.
        let _ = self.door.send(Order::Close(self.link));
    }
}

/// Who wants a session that another connection has.
pub(crate) type Thief = oneshot::Sender<Box<Session>>;

enum Place {
    /// A connection has it and can be asked for it.
    Attached(mpsc::Sender<Thief>, PlayerId),
    /// It waits for its client.
    Parked(Box<Session>, Instant),
}

/// All sessions by their tokens.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<SessionToken, Place>>);

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<SessionToken, Place>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection has a session; on what is returned it is asked for it.
    pub(crate) fn attach(&self, session: &Session) -> mpsc::Receiver<Thief> {
        let (sender, receiver) = mpsc::channel(1);
        self.lock().insert(session.token, Place::Attached(sender, session.player));
        receiver
    }

    /// Whose session it is that is not over.
    pub(crate) fn player(&self, token: SessionToken) -> Option<PlayerId> {
        match self.lock().get(&token)? {
            Place::Attached(holder, player) => (!holder.is_closed()).then_some(*player),
            Place::Parked(session, until) => (Instant::now() < *until).then_some(session.player),
        }
    }

    /// A session waits for its client until a time.
    pub(crate) fn park(&self, session: Box<Session>, until: Instant) {
        let before = self.lock().insert(session.token, Place::Parked(session, until));
        drop(before);
    }

    /// A session is over.
    pub(crate) fn forget(&self, token: SessionToken) {
        let before = self.lock().remove(&token);
        drop(before);
    }

    /// Takes a session, from another connection if need be; `None` if there is none, or its client comes too late.
    pub(crate) async fn take(&self, token: SessionToken) -> Option<Box<Session>> {
        let until = Instant::now() + STEAL_WITHIN;
        loop {
            let holder = {
                let mut places = self.lock();
                match places.remove(&token)? {
                    Place::Parked(session, until) => {
                        drop(places);
                        // Who comes too late does not gain from nobody having looked yet: here the session ends.
                        return (Instant::now() < until).then_some(session);
                    }
                    Place::Attached(holder, player) => {
                        places.insert(token, Place::Attached(holder.clone(), player));
                        holder
                    }
                }
            };
            let (thief, mut session) = oneshot::channel();
            if holder.try_send(thief).is_ok() {
                match tokio::time::timeout_at(until, &mut session).await {
                    Ok(Ok(session)) => return Some(session),
                    Ok(Err(_)) => {}
                    Err(_) => {
                        // From now on the holder keeps it; what it has handed over just now is not lost.
                        session.close();
                        return session.try_recv().ok();
                    }
                }
            }
            // Its connection has just ended and is about to put it down, or somebody else is about to have it.
            if Instant::now() >= until {
                return None;
            }
            tokio::time::sleep(PUT_DOWN_WITHIN).await;
        }
    }

    /// Ends sessions whose clients did not come back; gives how many wait still.
    pub(crate) fn expire(&self, now: Instant) -> usize {
        let mut over = Vec::new();
        let mut places = self.lock();
        let mut waiting = 0;
        let tokens: Vec<SessionToken> = places
            .iter()
            .filter_map(|(token, place)| match place {
                Place::Parked(_, until) if *until <= now => Some(*token),
                Place::Parked(..) => {
                    waiting += 1;
                    None
                }
                // Its connection has ended, and who asked for it has not become its next one.
                Place::Attached(holder, _) => holder.is_closed().then_some(*token),
            })
            .collect();
        over.extend(tokens.iter().filter_map(|token| places.remove(token)));
        drop(places);
        // Dropped here, not under the lock: each tells the server.
        drop(over);
        waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::link_queue;
    use crate::wire::{Error, Pong};

    fn session(door: &Door) -> Session {
        let (_, queue) = link_queue(8);
        Session::new(WebLinkId(1), SessionToken::random().unwrap(), queue, door.clone())
    }

    fn body(nonce: u64) -> ServerBody {
        ServerBody::Pong(Pong { nonce })
    }

    #[test]
    fn what_was_not_acknowledged_is_sent_again_and_a_gap_is_noticed() {
        let (door, _keeper) = framekeep_gate::gate(8);
        let mut session = session(&door);
        for nonce in 0..5 {
            session.keep(body(nonce));
        }
        session.acknowledge(2);
        let again = session.after(3).unwrap();
        assert_eq!(again.iter().map(|message| message.id).collect::<Vec<_>>(), [4, 5]);
        assert_eq!(session.after(5).unwrap().len(), 0);
        for nonce in 0..1_000 {
            session.keep(body(nonce));
        }
        assert_eq!(session.kept.len(), KEPT_MAX);
        assert!(session.after(5).is_none());
        let long = |text: usize| ServerBody::Error(Error { text: "x".repeat(text), ..Error::default() });
        for _ in 0..100 {
            session.keep(long(10_000));
        }
        let bytes: usize = session.kept.iter().map(ServerMessage::encoded_len).sum();
        assert!(session.kept_bytes == bytes && (KEPT_BYTES_MAX - 20_000..=KEPT_BYTES_MAX).contains(&bytes));
        session.keep(long(2 * KEPT_BYTES_MAX));
        assert_eq!((session.kept.len(), session.kept_bytes), (0, 0), "what is too long is not kept");
        assert!(session.after(session.last_id - 1).is_none());
    }

    #[test]
    fn a_session_whose_client_does_not_come_back_closes_its_link() {
        let (door, mut keeper) = framekeep_gate::gate(8);
        let (sessions, now) = (Sessions::default(), Instant::now());
        sessions.park(Box::new(session(&door)), now + Duration::from_secs(10));
        assert_eq!(sessions.expire(now), 1);
        assert!(keeper.take().is_none());
        assert_eq!(sessions.expire(now + Duration::from_secs(10)), 0);
        assert!(matches!(keeper.take(), Some(Order::Close(WebLinkId(1)))));
    }

    #[test]
    fn a_session_that_was_handed_to_nobody_is_forgotten() {
        let (door, _keeper) = framekeep_gate::gate(8);
        let (sessions, mut session) = (Sessions::default(), session(&door));
        session.player = PlayerId(7);
        let asked = sessions.attach(&session);
        assert_eq!((sessions.expire(Instant::now()), sessions.lock().len()), (0, 1), "it is attached");
        assert_eq!(sessions.player(session.token), Some(PlayerId(7)));
        assert_eq!(sessions.player(SessionToken::random().unwrap()), None);
        drop(asked);
        assert_eq!(sessions.player(session.token), None, "its connection has ended");
        assert_eq!((sessions.expire(Instant::now()), sessions.lock().len()), (0, 0));
    }

    #[test]
    fn a_session_that_is_handed_over_too_late_stays_with_who_has_it() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(async {
            let (door, mut keeper) = framekeep_gate::gate(8);
            let (sessions, session) = (Sessions::default(), Box::new(session(&door)));
            let mut asked = sessions.attach(&session);
            assert!(sessions.take(session.token).await.is_none(), "who has it is busy");
            let thief = asked.recv().await.expect("somebody has asked");
            let session = thief.send(session).expect_err("nobody waits any more");
            assert!(keeper.take().is_none());
            sessions.park(session, Instant::now() + STEAL_WITHIN);
        });
    }

    #[test]
    fn a_session_whose_connection_has_just_ended_is_had_once_it_is_put_down() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(async {
            let (door, _keeper) = framekeep_gate::gate(8);
            let (sessions, session) = (Sessions::default(), Box::new(session(&door)));
            let token = session.token;
            drop(sessions.attach(&session));
            let put_down = async {
                tokio::time::sleep(PUT_DOWN_WITHIN * 3).await;
                sessions.park(session, Instant::now() + STEAL_WITHIN);
            };
            let (taken, ()) = tokio::join!(sessions.take(token), put_down);
            assert!(taken.is_some(), "it is not unknown meanwhile");
        });
    }

    #[test]
    fn tokens_are_read_back() {
        let token = SessionToken::random().unwrap();
        assert!(SessionToken::parse(&token.text()) == Some(token));
        assert!(SessionToken::parse("nonsense").is_none());
    }
}
