//! The past of a match: its states, by playing a replay again.

use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use framekeep_gate::{Answer, Question, StateView};
use framekeep_journal::{Frames, Replay, Verifier};
use framekeep_protocol::Epoch;
use framekeep_sim::{AnyMatch, Tick, View};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::replays;
use crate::delta::delta;
use crate::front::Front;
use crate::problem::{Problem, ProblemJson};
use crate::request::{Asked, RoomPath, Segment, has_key};
use crate::stats::Refused;
use crate::wire;

/// Longest replay that is played here, in bytes.
const REPLAY_BYTES_MAX: usize = 4 << 20;

/// Most ticks in one answer.
const TICKS_MAX: u32 = 1_800;

/// Most ticks that are played to get to the first one.
const WAY_TICKS_MAX: u32 = 8_192;

/// How long an answer may be worked on; what is not there by then is asked for again.
const WORK_MAX: Duration = Duration::from_millis(1_500);

/// How long a replay may take to arrive, and a request wait for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// Replays that are taken in at one time.
static ARRIVING: Semaphore = Semaphore::const_new(4);

/// Replays are played one at a time: matches that run need the processor more.
static PLAYING: Semaphore = Semaphore::const_new(1);

static VERIFIER: LazyLock<Mutex<Verifier>> =
    LazyLock::new(|| Mutex::new(Verifier::new(framekeep_games::registry())));

/// Which part of a match is wanted.
#[derive(Clone, Copy, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct PastFilter {
    /// The first tick; the match's first if it is not said.
    from: Option<u32>,
    /// How many ticks, 1,800 at most.
    ticks: Option<u32>,
    /// Every how many ticks a state is wanted, 1 to 30.
    every: Option<u32>,
}

/// A seat of a match that was played.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct PastSeat {
    seat: u8,
    /// 16 hexadecimal digits.
    player: String,
    name: String,
}

/// A part of a match, as it was.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct PastJson {
    room: String,
    game: String,
    seats: u8,
    tick_rate_hz: u16,
    started_unix_s: u64,
    players: Vec<PastSeat>,
    /// The first tick of the replay.
    start: u32,
    /// The tick after its last.
    ticks: u32,
    /// outcome, aborted or failed; running if it is not over.
    reason: String,
    scores: Vec<i32>,
    winner: Option<u8>,
    /// As `StateView` of `framekeep.proto`: the first whole, the others what has changed.
    #[schema(value_type = Vec<Object>)]
    views: Vec<wire::StateView>,
    /// The hash of the state of each view, as played here: 16 hexadecimal digits.
    hashes: Vec<String>,
    /// The first tick of this part whose state is not the recorded one.
    disagrees_at: Option<u32>,
    /// What to ask for as `from` for the rest, if there is any.
    next: Option<u32>,
}

/// States of a sealed match of this node, played again and compared with the recorded hashes.
#[utoipa::path(get, path = "/api/v1/replays/{name}/views", tag = "replays", params(("name" = String, Path), PastFilter),
    responses((status = 200, body = PastJson), (status = 400, body = ProblemJson), (status = 404, body = ProblemJson),
    (status = 422, body = ProblemJson), (status = 503, body = ProblemJson)))]
pub(crate) async fn stored(
    State(front): State<Arc<Front>>,
    Segment(name): Segment,
    Asked(filter): Asked<PastFilter>,
) -> Result<Json<PastJson>, Problem> {
    let path = replays::path_of(&front, &name)?;
    let bytes = tokio::task::spawn_blocking(move || read(&path)).await.map_err(|_| Problem::busy())??;
    show(bytes, filter, None).await
}

/// States of the match that runs in a room, from any tick on, for whoever may watch it.
#[utoipa::path(get, path = "/api/v1/rooms/{name}/views", tag = "rooms", params(("name" = String, Path), PastFilter),
    responses((status = 200, body = PastJson), (status = 400, body = ProblemJson), (status = 404, body = ProblemJson),
    (status = 422, body = ProblemJson), (status = 503, body = ProblemJson)))]
pub(crate) async fn running(
    State(front): State<Arc<Front>>,
    RoomPath(name): RoomPath,
    Asked(filter): Asked<PastFilter>,
) -> Result<Json<PastJson>, Problem> {
    match front.ask(Question::Past(name.clone())).await? {
        Answer::Past { replay, until } => show(replay, filter, Some(until)).await,
        Answer::Refused(refusal) => Err(refusal.into()),
        _ => Err(Problem::not_found(format!(
            "no match runs in {name}, or it is too long to be shown as it runs"
        ))),
    }
}

/// States of a match whose replay is sent along, 4 MiB at most: from guests where they are welcome, or with the key.
#[utoipa::path(post, path = "/api/v1/replays/views", tag = "replays", params(PastFilter), security(("key" = []), ()),
    request_body(content_type = "application/octet-stream"), responses((status = 200, body = PastJson),
    (status = 400, body = ProblemJson), (status = 401, body = ProblemJson), (status = 413, body = ProblemJson),
    (status = 422, body = ProblemJson), (status = 503, body = ProblemJson)))]
pub(crate) async fn sent(
    State(front): State<Arc<Front>>,
    Asked(filter): Asked<PastFilter>,
    request: Request,
) -> Result<Json<PastJson>, Problem> {
    if !has_key(&front, request.headers())? && !front.live().config.guests {
        front.stats.refuse(Refused::Unauthorized);
        return Err(Problem::unauthorized("this needs the API key: guests are not welcome here"));
    }
    let _place = ARRIVING.try_acquire().map_err(|_| Problem::busy())?;
    let arriving = axum::body::to_bytes(request.into_body(), REPLAY_BYTES_MAX);
    let arrived = tokio::time::timeout(PATIENCE, arriving).await.map_err(|_| Problem::busy())?;
    show(arrived.map_err(|_| too_large())?.to_vec(), filter, None).await
}

fn too_large() -> Problem {
    let detail = format!("replays of at most {REPLAY_BYTES_MAX} bytes are played here: use framekeep-replay");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
}

fn read(path: &Path) -> Result<Vec<u8>, Problem> {
    let missing = |_| Problem::not_found("there is no such replay: GET /api/v1/replays lists them");
    // What is a link leads elsewhere.
    let metadata = std::fs::symlink_metadata(path).map_err(missing)?;
    if !metadata.is_file() {
        return Err(Problem::not_found("there is no such replay: GET /api/v1/replays lists them"));
    }
    if metadata.len() > REPLAY_BYTES_MAX as u64 {
        return Err(too_large());
    }
    std::fs::read(path).map_err(missing)
}

/// `until` is where a match stands that still runs.
async fn show(bytes: Vec<u8>, filter: PastFilter, until: Option<Tick>) -> Result<Json<PastJson>, Problem> {
    let turn = tokio::time::timeout(PATIENCE, PLAYING.acquire()).await;
    let _turn = turn.ok().and_then(Result::ok).ok_or_else(Problem::busy)?;
    let played = tokio::task::spawn_blocking(move || play_again(bytes, filter, until)).await;
    // What other rules made may be something these rules never make.
    let broke = |_| unplayable("the rules of this server cannot play it");
    played.map_err(broke)?.map(Json)
}

fn unplayable(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unplayable", detail.into())
}

fn play_again(bytes: Vec<u8>, filter: PastFilter, until: Option<Tick>) -> Result<PastJson, Problem> {
    let replay = Replay::read(bytes).map_err(|damaged| unplayable(damaged.to_string()))?;
    let (start, last) = (replay.start(), replay.end().ticks);
    let end = until.map_or(last, |until| until.clamp(start, last));
    let from = Tick(filter.from.unwrap_or(start.0).clamp(start.0, end.0));
    let keyframe = replay.keyframes().take_while(|keyframe| keyframe.tick <= from).last();
    let way = from.0 - keyframe.map_or(start, |keyframe| keyframe.tick).0;
    if way > WAY_TICKS_MAX {
        return Err(unplayable(format!(
            "tick {from} is {way} ticks from the last state that the replay holds"
        )));
    }
    // The checks of the verifier hold for what is looked at, too: same rules, same shape.
    let started = VERIFIER.lock().unwrap_or_else(PoisonError::into_inner).start(&replay);
    let (game, _) = started.map_err(|error| unplayable(error.to_string()))?;
    let play = replay.seek(&*game, from).map_err(|error| unplayable(error.to_string()))?;
    let mut json = header(&replay);
    json.ticks = end.0;
    if until.is_some() {
        "running".clone_into(&mut json.reason);
    }
    tell(play, replay.frames_from(from), filter, &mut json);
    Ok(json)
}

fn header(replay: &Replay) -> PastJson {
    let (header, end) = (replay.header(), replay.end());
    let players = header.players.iter();
    let outcome = end.outcome.as_ref();
    PastJson {
        room: header.room.clone(),
        game: header.game.clone(),
        seats: header.seats,
        tick_rate_hz: header.tick_rate_hz,
        started_unix_s: header.started_unix_s,
        players: players
            .map(|one| PastSeat {
                seat: one.seat,
                player: format!("{:016x}", one.player),
                name: one.name.clone(),
            })
            .collect(),
        start: replay.start().0,
        ticks: end.ticks.0,
        reason: end.reason.name().to_owned(),
        scores: outcome.map(|outcome| outcome.scores.clone()).unwrap_or_default(),
        winner: outcome.and_then(|outcome| outcome.winner),
        views: Vec::new(),
        hashes: Vec::new(),
        disagrees_at: None,
        next: None,
    }
}

/// Steps through the wanted part and writes down what is seen.
fn tell(mut play: Box<dyn AnyMatch>, mut frames: Frames<'_>, filter: PastFilter, json: &mut PastJson) {
    let begun = Instant::now();
    let every = filter.every.unwrap_or(1).clamp(1, 30);
    let ticks = filter.ticks.unwrap_or(TICKS_MAX).clamp(1, TICKS_MAX);
    let last = Tick(play.tick().0.saturating_add(ticks));
    let (mut scratch, mut before) = (Vec::new(), None::<StateView>);
    let mut hash = play.hash(&mut scratch);
    loop {
        let tick = play.tick();
        let over = tick.0 >= json.ticks;
        if tick.0.is_multiple_of(every) || over || before.is_none() {
            let mut view = View::default();
            play.view(&mut view);
            let now = StateView { epoch: Epoch::new(1), tick, view };
            json.views.push(delta(before.as_ref(), &now));
            json.hashes.push(format!("{hash:016x}"));
            before = Some(now);
        }
        if over {
            return;
        }
        if tick >= last || begun.elapsed() > WORK_MAX {
            json.next = Some(tick.0);
            return;
        }
        let Some((frame, recorded)) = frames.next_frame() else { return };
        play.step(frame);
        hash = play.hash(&mut scratch);
        if json.disagrees_at.is_none() && !recorded.agrees(hash) {
            json.disagrees_at = Some(tick.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUEL: &[u8] = include_bytes!("../../../assets/replays/courtyard_duel.fkr");

    fn ask(from: u32, ticks: u32) -> PastJson {
        let filter = PastFilter { from: Some(from), ticks: Some(ticks), every: Some(2) };
        play_again(DUEL.to_vec(), filter, None).unwrap_or_else(|_| panic!("tick {from}"))
    }

    #[test]
    fn a_match_is_shown_from_any_tick_as_it_was_recorded() {
        let whole = ask(0, 1_800);
        assert_eq!(whole.disagrees_at, None);
        assert!(whole.views[0].whole && whole.views.len() > 400 && whole.views.len() == whole.hashes.len());
        let part = ask(300, 20);
        assert_eq!((part.views[0].tick, part.next), (300, Some(320)));
        let same = whole.views.iter().position(|view| view.tick == 300).expect("tick 300");
        assert_eq!(part.hashes[..10], whole.hashes[same..same + 10]);
    }

    #[test]
    fn what_is_no_replay_is_refused_and_what_lies_outside_is_its_end() {
        assert!(play_again(b"FKR?".to_vec(), PastFilter::default(), None).is_err());
        let mut broken = DUEL.to_vec();
        let middle = broken.len() / 2;
        broken[middle] ^= 1;
        assert!(play_again(broken, PastFilter::default(), None).is_err());
        let end = ask(u32::MAX, 1);
        assert_eq!((end.views.len(), end.next), (1, None));
        let running = play_again(DUEL.to_vec(), PastFilter::default(), Some(Tick(50)));
        let Ok(running) = running else { panic!("50 ticks are shown") };
        assert_eq!((running.ticks, running.next, &*running.reason), (50, None, "running"));
        assert_eq!(running.views.last().map(|view| view.tick), Some(50), "what may not be shown is not");
    }
}
