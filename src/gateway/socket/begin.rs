//! How a connection says who it is: with a ticket, or with the token of a session that was cut off.

use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use framekeep_gate::{NewLink, Order};
use framekeep_protocol::{PlayerId, Refusal, ToClient};
use tokio::time::timeout;

use super::End;
use super::line::Line;
use crate::front::ANSWER_WITHIN;
use crate::problem::code_of;
use crate::queue::{LinkQueue, Next, link_queue};
use crate::sessions::{Session, SessionToken};
use crate::stats::Refused;
use crate::wire::{self, Authenticate, ClientBody, ClientMessage, Resume, ServerBody, ServerMessage};

/// Most state views a second.
const VIEWS_HZ_MAX: u32 = 60;

/// How long a room whose node is gone is looked for elsewhere, in milliseconds: as clients of other nodes are told by
/// the relay; and where nodes open the rooms of those that are gone, which takes them 4 to 10 s.
const LOST_AFTER_MS: u32 = 4_500;
const REOPENED_WITHIN_MS: u32 = 15_000;

/// Waits for the first message and follows it; `Err` says why there is no session. What the client is to hear
/// first is not sent yet.
///
/// Only the client has to be quick: what it has shown is not lost because the server takes its time, every step of
/// which is bounded by itself.
pub(super) async fn begin(line: &mut Line) -> Result<Box<Session>, &'static str> {
    let within = line.web.authenticate_within;
    let Ok(said) = timeout(within, first(line)).await else {
        line.front.stats.refuse(Refused::Unauthorized);
        return Err("too_late");
    };
    let begun = match said?.body {
        Some(ClientBody::Authenticate(authenticate)) => open(line, &authenticate).await,
        Some(ClientBody::Resume(resume)) => go_on(line, &resume).await,
        _ => Err(("unauthenticated", "say who you are first: authenticate or resume".to_owned())),
    };
    begun.map_err(|(code, text)| {
        let (refused, reason) = ending(code);
        line.front.stats.refuse(refused);
        let error = wire::Error { code: code.to_owned(), text };
        line.push(ServerMessage { id: 0, ack: 0, body: Some(ServerBody::Error(error)) });
        reason
    })
}

/// The first message.
async fn first(line: &mut Line) -> Result<ClientMessage, &'static str> {
    loop {
        let frame = line.receive().await;
        match line.read(frame) {
            Ok(Some(message)) => return Ok(message),
            Ok(None) => drop(line.flush().await),
            Err(End::Closed(reason)) => return Err(reason),
            Err(_) => return Err("lost"),
        }
    }
}

/// What is counted, and why the connection ends, where there is no session: only `unauthorized` is final.
fn ending(code: &'static str) -> (Refused, &'static str) {
    match code {
        "busy" => (Refused::Busy, "busy"),
        "unknown_session" => (Refused::Unauthorized, "unknown_session"),
        _ => (Refused::Unauthorized, "unauthorized"),
    }
}

type Failed = (&'static str, String);

/// Opens a link with a ticket.
async fn open(line: &mut Line, authenticate: &Authenticate) -> Result<Box<Session>, Failed> {
    let malformed = || ("unauthenticated", "the ticket is malformed".to_owned());
    let bytes = BASE64URL_NOPAD.decode(authenticate.ticket.as_bytes()).map_err(|_| malformed())?;
    let ticket: [u8; 256] = bytes.try_into().map_err(|_| malformed())?;
    let front = line.front.clone();
    let live = front.live();
    let web = &live.config.web;
    let views_hz = match authenticate.views_hz {
        0 => web.views_hz,
        asked => asked.min(VIEWS_HZ_MAX) as u8,
    };
    let (mut sink, queue) = link_queue(web.queue_messages);
    let link = front.next_link();
    sink.follows = authenticate.follows;
    sink.post = Some(front.post_of(link));
    let token = SessionToken::random().map_err(|error| ("busy", error.to_string()))?;
    // Whatever becomes of it, the link is closed with its session.
    let mut session = Box::new(Session::new(link, token, queue, front.door.clone()));
    session.times = authenticate.times;
    let new = NewLink { link, ticket: Box::new(ticket), from: line.peer, views_hz, sink: Arc::new(sink) };
    front.order(Order::Open(new)).await.map_err(|_| ("busy", "the server is behind".to_owned()))?;
    let silent = || ("busy", "the server did not answer".to_owned());
    let player = timeout(ANSWER_WITHIN, admitted(&mut session.queue)).await.map_err(|_| silent())??;
    session.player = player;
    line.push(session.once(ServerBody::Welcome(wire::Welcome {
        player: player.to_string(),
        resume_token: token.text(),
        resume_s: web.resume_within.as_secs() as u32,
        heartbeat_s: web.ping_after.as_secs() as u32,
        message_bytes_max: web.message_bytes_max as u32,
        messages_per_s: web.messages_per_s,
        others: front.cluster.get().map(|cluster| cluster.others()).unwrap_or_default(),
        lost_after_ms: match front.cluster.get().is_some_and(|cluster| cluster.reopens()) {
            true => REOPENED_WITHIN_MS,
            false => LOST_AFTER_MS,
        },
    })));
    Ok(session)
}

/// Waits for the server's word on a ticket.
async fn admitted(queue: &mut LinkQueue) -> Result<PlayerId, Failed> {
    loop {
        match queue.next().await {
            Next::Told(told) => match told.message {
                ToClient::Admitted { player } => return Ok(player),
                ToClient::Refused(refusal) => {
                    let text = format!("{}: {refusal}", code_of(&refusal));
                    let is_full = matches!(refusal, Refusal::ServerFull { .. } | Refusal::ShuttingDown);
                    return Err((if is_full { "busy" } else { "unauthenticated" }, text));
                }
                _ => {}
            },
            Next::View(..) | Next::Rest => {}
            Next::Gone => return Err(("busy", "the server did not answer".to_owned())),
        }
    }
}

/// Goes on with a session that was cut off.
async fn go_on(line: &mut Line, resume: &Resume) -> Result<Box<Session>, Failed> {
    let unknown = || ("unknown_session", "the session is over: get a new ticket".to_owned());
    let token = SessionToken::parse(&resume.token).ok_or_else(unknown)?;
    let front = line.front.clone();
    let mut session = front.sessions.take(token).await.ok_or_else(unknown)?;
    line.push(session.once(ServerBody::Resumed(wire::Resumed { last_id: session.heard })));
    session.queue.set_base(None);
    match session.after(resume.last_id) {
        Some(missed) => missed.into_iter().for_each(|message| line.push(message)),
        // Too much was missed: how everything is now stands for it.
        None => drop(front.order(Order::Sync(session.link)).await),
    }
    drop(front.order(Order::Away(session.link, false)).await);
    Ok(session)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_server_and_a_session_that_is_over_send_nobody_away_for_good() {
        let told = ["busy", "unknown_session", "unauthenticated"].map(|code| ending(code).1);
        assert_eq!(told, ["busy", "unknown_session", "unauthorized"]);
        assert!(matches!(ending("busy").0, Refused::Busy));
    }
}
