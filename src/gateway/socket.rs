//! `/ws`: a player over a WebSocket.

mod begin;
#[cfg(test)]
mod clocks;
mod deflate;
mod handshake;
mod line;
#[cfg(test)]
mod packing;
#[cfg(test)]
pub(crate) mod player;
#[cfg(test)]
mod showing;
mod stream;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use framekeep_gate::Order;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use crate::front::{Front, GREETING_MAX};
use crate::places::Place;
use crate::problem::Problem;
use crate::sessions::{Session, Thief};
use crate::stats::Refused;
use handshake::Handshake;
use line::Line;
use stream::MessageStream;

/// How often a connection looks at its clocks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How a connection ends.
pub(crate) enum End {
    /// The client is gone; its session waits for it.
    Lost,
    /// The client said good-bye.
    Bye,
    /// Another connection goes on with the session.
    Stolen(Thief),
    /// The server ends it; why, in one word.
    Closed(&'static str),
}

/// Upgrades a request to a WebSocket.
pub(crate) async fn upgrade(
    State(front): State<Arc<Front>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    if !front.live().origins.allow(request.headers()) {
        front.stats.refuse(Refused::Origin);
        let detail = "pages of this origin may not use the server: list it in http.origins";
        return Problem::forbidden("foreign_origin", detail).into_response();
    }
    let live = front.live();
    let Some(handshake) = Handshake::of(request, live.config.web.compression) else {
        let detail = "this is the place of WebSockets: connect with one";
        return Problem::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", detail).into_response();
    };
    let is_counted = !live.proxies.contain(peer.ip());
    let most = live.config.part_of(GREETING_MAX).min(GREETING_MAX / 4);
    let Some(place) = front.greeting.take(peer.ip(), is_counted.then_some(most)) else {
        front.stats.refuse(Refused::Full);
        return Problem::busy().into_response();
    };
    let bytes_max = live.config.web.message_bytes_max;
    let (encoding, packing) = (handshake.encoding, handshake.packing);
    handshake.then(async move |connection| {
        let stream = MessageStream::new(connection, bytes_max, packing).await;
        serve(Line::new(stream, encoding, peer, front), place).await;
    })
}

/// Serves a connection until it ends. `place` is one of those that who has not said who it is may have.
async fn serve(mut line: Line, place: Place) {
    let front = line.front.clone();
    let begun = begin::begin(&mut line).await;
    drop(place);
    let session = match begun {
        Ok(session) => session,
        Err(reason) => return line.close(reason).await,
    };
    front.stats.sockets.add(1);
    attend(line, session, &front).await;
    front.stats.sockets.add(-1);
}

/// Serves a session until its connection ends.
async fn attend(mut line: Line, mut session: Box<Session>, front: &Front) {
    line.serve(&session);
    // Who has heard the token may use it at once, over another connection.
    let mut thieves = front.sessions.attach(&session);
    let _ = line.flush().await;
    let _ = line.ping().await;
    let end = converse(&mut line, &mut session, &mut thieves).await;
    session.queue.detach();
    match end {
        End::Lost => {
            drop(front.order(Order::Away(session.link, true)).await);
            front.sessions.park(session, Instant::now() + front.live().config.web.resume_within);
        }
        End::Bye => {
            front.sessions.forget(session.token);
            line.close("bye").await;
        }
        End::Stolen(thief) => {
            if let Err(session) = thief.send(session) {
                // The thief is gone: the session waits for the next one.
                front.sessions.park(session, Instant::now() + front.live().config.web.resume_within);
            }
            line.close("taken_over").await;
        }
        End::Closed(reason) => {
            front.sessions.forget(session.token);
            let heard = session.heard;
            drop(session);
            line.close_after(reason, heard).await;
        }
    }
}

async fn converse(line: &mut Line, session: &mut Session, thieves: &mut mpsc::Receiver<Thief>) -> End {
    let mut clock = tokio::time::interval(LOOK_EVERY);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        session.queue.acknowledge(session.heard);
        let end = tokio::select! {
            frame = line.receive() => line.hear(frame, session).await,
            next = session.queue.next() => line.pass_on(next, session).await,
            Some(thief) = thieves.recv() => Some(End::Stolen(thief)),
            _ = clock.tick() => line.look_at_clocks(session).await,
        };
        if let Some(end) = end {
            return end;
        }
    }
}
