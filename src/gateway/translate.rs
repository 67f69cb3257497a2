//! From the messages of `framekeep.proto` to those of the protocol, and back.

use data_encoding::BASE64URL_NOPAD;
use framekeep_protocol::{
    CloseReason, ClosedReason, CommitPolicy, EndReason, JoinRoom, LeftReason, MatchEnd, PlayerId, Redirect,
    RoomEvent, RoomEventKind, RoomName, RoomOptions, RoomPhase, RoomView, StartRule, ToClient, ToServer,
};

use crate::problem::code_of;
use crate::wire::{self, ClientBody, ServerBody};

/// What a client asks for, as a server hears it; the text says what is wrong with it. Bodies that are no request to the
/// server give `None`.
pub(crate) fn request(body: ClientBody) -> Result<Option<ToServer>, String> {
    Ok(Some(match body {
        ClientBody::Join(join) => ToServer::Join(join_room(join)?),
        ClientBody::Leave(_) => ToServer::Leave,
        ClientBody::Ready(ready) => ToServer::Ready { ready: ready.ready },
        ClientBody::Choose(choose) => ToServer::Choose { content: choose.content },
        ClientBody::Start(_) => ToServer::Start,
        ClientBody::Abort(_) => ToServer::Abort,
        ClientBody::PlayAgain(_) => ToServer::PlayAgain,
        ClientBody::Reserve(seat) => ToServer::Reserve { player: player_id(&seat.player)? },
        ClientBody::Kick(kick) => ToServer::Kick { player: player_id(&kick.player)?, ban: kick.ban },
        ClientBody::HandOver(to) => ToServer::HandOver { player: player_id(&to.player)? },
        ClientBody::Lock(lock) => ToServer::Lock { locked: lock.locked },
        ClientBody::Chat(say) => ToServer::Chat { text: say.text },
        ClientBody::CloseRoom(_) => ToServer::Close,
        ClientBody::Bye(_) => ToServer::Bye,
        _ => return Ok(None),
    }))
    .and_then(|message| match &message {
        Some(request) => request.validate().map(|()| message).map_err(|error| error.to_string()),
        None => Ok(None),
    })
}

fn join_room(join: wire::JoinRoom) -> Result<JoinRoom, String> {
    let room = RoomName::try_from(join.room).map_err(|fault| format!("room: {fault}"))?;
    let create = join.create.map(room_options).transpose()?;
    Ok(JoinRoom { room, create, code: join.code, spectate: join.spectate })
}

/// What a room is to be like.
pub(crate) fn room_options(options: wire::RoomOptions) -> Result<RoomOptions, String> {
    let small = |name: &str, number: u32| {
        u8::try_from(number).map_err(|_| format!("{name}: {number} is over the limit of 255"))
    };
    let rate = options.tick_rate_hz;
    Ok(RoomOptions {
        game: options.game,
        content: options.content,
        seats: small("seats", options.seats)?,
        tick_rate_hz: u16::try_from(rate).map_err(|_| format!("tick_rate_hz: {rate} is over the limit"))?,
        send_every_ticks: 0,
        start: start_rule(&options.start)?,
        code: options.code,
        spectators_max: small("spectators_max", options.spectators_max)?,
        commit: commit_policy(&options.commit)?,
    })
}

fn commit_policy(word: &str) -> Result<CommitPolicy, String> {
    match word {
        "" | "deadline" => Ok(CommitPolicy::Deadline),
        "lockstep" => Ok(CommitPolicy::Lockstep),
        other => Err(format!("commit: {other:?} is none of deadline, lockstep")),
    }
}

fn start_rule(word: &str) -> Result<StartRule, String> {
    match word {
        "" | "full" => Ok(StartRule::Full),
        "ready" => Ok(StartRule::Ready),
        "host" => Ok(StartRule::Host),
        other => Err(format!("start: {other:?} is none of full, ready, host")),
    }
}

/// A player's id from its 16 hexadecimal digits.
pub(crate) fn player_id(text: &str) -> Result<PlayerId, String> {
    let digits = text.len() == 16 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let id = if digits { u64::from_str_radix(text, 16).ok() } else { None };
    id.map(PlayerId).ok_or_else(|| format!("player: {text:?} is not 16 hexadecimal digits"))
}

/// What a client is told; `None` for what only those who simulate need.
pub(crate) fn told(message: ToClient, to: u64) -> Option<ServerBody> {
    Some(match message {
        ToClient::Refused(refusal) => {
            let (code, text) = (code_of(&refusal), refusal.to_string());
            ServerBody::Refused(wire::Refused { to, code, text })
        }
        ToClient::Joined(view) => ServerBody::Joined(room_view(view)),
        ToClient::Room(view) => ServerBody::Room(room_view(view)),
        ToClient::Event(event) => ServerBody::Event(room_event(event)),
        ToClient::Left { reason } => ServerBody::Left(wire::Left { reason: left(reason).to_owned() }),
        ToClient::Started(start) => ServerBody::Started(wire::MatchStarted {
            epoch: start.epoch.get().into(),
            game: start.game,
            seats: start.seats.into(),
            seat: start.seat.into(),
            tick_rate_hz: start.tick_rate_hz.into(),
            input_bits: start.input_bits.into(),
            next: start.next.0,
            due_in_us: start.due_in_us,
        }),
        ToClient::Ended(end) => ServerBody::Ended(match_ended(end)),
        ToClient::Closing { reason } => {
            ServerBody::Closing(wire::Closing { reason: closing(reason).to_owned() })
        }
        ToClient::Redirect(redirect) => ServerBody::Moved(moved(redirect)?),
        ToClient::Welcome { .. }
        | ToClient::Admitted { .. }
        | ToClient::Desynced { .. }
        | ToClient::DesyncAsk(_) => return None,
    })
}

/// Where a room goes; `None` if its node does not say where players reach it.
fn moved(redirect: Redirect) -> Option<wire::Moved> {
    let Redirect { room, tick, address, token } = redirect;
    let ticket = BASE64URL_NOPAD.encode(&token);
    (!address.is_empty()).then(|| wire::Moved { room: room.into(), tick: tick.0, url: address, ticket })
}

fn room_view(view: RoomView) -> wire::RoomView {
    let members = view.members.into_iter().map(|member| wire::Member {
        seat: member.seat.into(),
        player: member.player.to_string(),
        name: member.name.into(),
        connected: member.connected,
        host: member.host,
        ready: member.ready,
        out: member.out,
    });
    let spectators = view.watchers.len() as u32;
    let watchers = view.watchers.into_iter();
    let watchers =
        watchers.map(|who| wire::Watcher { player: who.player.to_string(), name: who.name.into() });
    wire::RoomView {
        room: format!("{:016x}", view.room.0),
        name: view.name.into(),
        game: view.game,
        content: view.content,
        seats: view.seats.into(),
        seat: view.seat.into(),
        phase: phase(view.phase),
        members: members.collect(),
        start: start(view.start).to_owned(),
        locked: view.locked,
        private: view.private,
        spectators,
        event: view.event,
        watchers: watchers.collect(),
        kept: view.kept.iter().map(ToString::to_string).collect(),
    }
}

/// An event of a room.
pub(crate) fn room_event(event: RoomEvent) -> wire::Event {
    let kind = kind(&event.kind).to_owned();
    let mut out = wire::Event { number: event.number, kind, ..wire::Event::default() };
    match event.kind {
        RoomEventKind::Joined { seat, player, name } => {
            out.seat = Some(seat.into());
            (out.player, out.name) = (player.to_string(), name.into());
        }
        RoomEventKind::Watching { player, name } => {
            (out.player, out.name) = (player.to_string(), name.into());
        }
        RoomEventKind::Left { player, reason } => {
            (out.player, out.reason) = (player.to_string(), left(reason).to_owned());
        }
        RoomEventKind::LinkLost { player, held_ms } => {
            (out.player, out.in_ms) = (player.to_string(), held_ms);
        }
        RoomEventKind::LinkBack { player }
        | RoomEventKind::Reserved { player }
        | RoomEventKind::GaveUp { player }
        | RoomEventKind::HostChanged { host: player } => out.player = player.to_string(),
        RoomEventKind::Ready { player, ready } => {
            (out.player, out.flag) = (player.to_string(), ready);
        }
        RoomEventKind::ContentChosen { content } => out.text = content,
        RoomEventKind::Phase(is) => out.phase = phase(is),
        RoomEventKind::Countdown { in_ms } => out.in_ms = in_ms,
        RoomEventKind::Aborted { by } => out.player = by.map(|by| by.to_string()).unwrap_or_default(),
        RoomEventKind::Finished(end) => out.ended = Some(match_ended(end)),
        RoomEventKind::Locked { locked } => out.flag = locked,
        RoomEventKind::Chat { player, text } => {
            out.player = player.map(|player| player.to_string()).unwrap_or_default();
            out.text = text;
        }
        RoomEventKind::Leaderboard(scores) | RoomEventKind::Scores(scores) => {
            out.scores = scores.into_iter().map(score).collect();
        }
        RoomEventKind::ClosingSoon { in_s } => out.in_ms = in_s.saturating_mul(1_000),
        RoomEventKind::Elsewhere { node } => out.text = node,
        RoomEventKind::Closed(reason) => out.reason = closed(reason).to_owned(),
        _ => {}
    }
    out
}

fn score(score: framekeep_sim::SeatScore) -> wire::Score {
    wire::Score {
        seat: score.seat.into(),
        score: score.score,
        combo: score.combo,
        accuracy_permille: score.accuracy_permille.into(),
    }
}

fn match_ended(end: MatchEnd) -> wire::MatchEnded {
    let (scores, winner) = end.outcome.map(|outcome| (outcome.scores, outcome.winner)).unwrap_or_default();
    wire::MatchEnded {
        epoch: end.epoch.get().into(),
        ticks: end.ticks.0,
        hash: format!("{:016x}", end.hash),
        reason: match end.reason {
            EndReason::Outcome => "outcome",
            EndReason::Aborted => "aborted",
            EndReason::Failed => "failed",
        }
        .to_owned(),
        scores,
        winner: winner.map(Into::into),
    }
}

fn phase(phase: RoomPhase) -> String {
    phase.to_string()
}

const fn start(rule: StartRule) -> &'static str {
    match rule {
        StartRule::Full => "full",
        StartRule::Ready => "ready",
        StartRule::Host => "host",
    }
}

const fn left(reason: LeftReason) -> &'static str {
    match reason {
        LeftReason::Asked => "asked",
        LeftReason::RoomClosed => "room_closed",
        LeftReason::Removed => "removed",
        LeftReason::Lost => "lost",
        LeftReason::Idle => "idle",
        LeftReason::Elsewhere => "elsewhere",
    }
}

const fn closed(reason: ClosedReason) -> &'static str {
    match reason {
        ClosedReason::Host => "host",
        ClosedReason::Empty => "empty",
        ClosedReason::Expired => "expired",
        ClosedReason::Server => "server",
        ClosedReason::Failing => "failing",
        ClosedReason::Elsewhere => "elsewhere",
    }
}

/// Why a link is closed, in one word.
pub(crate) const fn closing(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::ShuttingDown => "shutting_down",
        CloseReason::TakenOver => "taken_over",
        CloseReason::Idle => "idle",
        CloseReason::Kicked => "kicked",
        CloseReason::TooSlow => "too_slow",
        CloseReason::Faulty => "faulty",
        CloseReason::Desynced => "desynced",
        CloseReason::Moved => "moved",
        CloseReason::Restarting => "restarting",
    }
}

const fn kind(kind: &RoomEventKind) -> &'static str {
    match kind {
        RoomEventKind::Joined { .. } => "joined",
        RoomEventKind::Watching { .. } => "watching",
        RoomEventKind::Left { .. } => "left",
        RoomEventKind::LinkLost { .. } => "link_lost",
        RoomEventKind::LinkBack { .. } => "link_back",
        RoomEventKind::Reserved { .. } => "reserved",
        RoomEventKind::Ready { .. } => "ready",
        RoomEventKind::ContentChosen { .. } => "content_chosen",
        RoomEventKind::Phase(_) => "phase",
        RoomEventKind::Countdown { .. } => "countdown",
        RoomEventKind::Started { .. } => "started",
        RoomEventKind::GaveUp { .. } => "gave_up",
        RoomEventKind::Aborted { .. } => "aborted",
        RoomEventKind::Finished(_) => "finished",
        RoomEventKind::HostChanged { .. } => "host_changed",
        RoomEventKind::Locked { .. } => "locked",
        RoomEventKind::Chat { .. } => "chat",
        RoomEventKind::Leaderboard(_) => "leaderboard",
        RoomEventKind::Scores(_) => "scores",
        RoomEventKind::Released { .. } => "released",
        RoomEventKind::ClosingSoon { .. } => "closing_soon",
        RoomEventKind::Elsewhere { .. } => "elsewhere",
        RoomEventKind::Closed(_) => "closed",
        #[allow(unreachable_patterns, reason = "kinds may be added")]
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use framekeep_sim::Tick;
    use prost::Message as _;

    use super::*;

    #[test]
    fn a_client_is_told_in_either_encoding_where_its_room_goes() {
        let redirect = |address: &str| {
            let (room, tick, address) = ("den".parse().unwrap(), Tick(90), address.to_owned());
            told(ToClient::Redirect(Redirect { room, tick, address, token: vec![255; 3] }), 0)
        };
        assert_eq!(redirect(""), None, "its node is not reached by browsers");
        let body = redirect("https://eu2.example");
        let message = wire::ServerMessage { id: 7, ack: 4, body };
        let json = r#"{"id":7,"ack":4,"moved":{"room":"den","tick":90,"url":"https://eu2.example","ticket":"____"}}"#;
        assert_eq!(serde_json::to_string(&message).unwrap(), json);
        assert_eq!(wire::ServerMessage::decode(&message.encode_to_vec()[..]), Ok(message));
    }

    #[test]
    fn seats_are_kept_and_rooms_commit_as_it_is_asked_for() {
        let seat = wire::Reserve { player: "00000000000000ff".to_owned() };
        let asked = request(ClientBody::Reserve(seat)).expect("it is well formed");
        assert_eq!(asked, Some(ToServer::Reserve { player: PlayerId(255) }));
        assert!(request(ClientBody::Reserve(wire::Reserve { player: "ff".to_owned() })).is_err());
        let commit = |word: &str| {
            let room = wire::RoomOptions {
                game: "arena".to_owned(),
                seats: 2,
                commit: word.to_owned(),
                ..Default::default()
            };
            room_options(room).map(|room| room.commit)
        };
        assert_eq!(
            (commit(""), commit("deadline")),
            (Ok(CommitPolicy::Deadline), Ok(CommitPolicy::Deadline))
        );
        assert_eq!(commit("lockstep"), Ok(CommitPolicy::Lockstep));
        assert!(commit("sometimes").is_err());
    }
}
