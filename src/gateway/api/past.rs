//! The past of a match: its states, by playing a replay again.

mod event;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use framekeep_games::{CONTENT, ContentFile};
use framekeep_gate::{Answer, LaterReplay, Question, StateView, Viewer};
use framekeep_journal::{Frames, Replay, Verifier};
use framekeep_protocol::{Epoch, RoomName};
use framekeep_sim::{AnyGame, AnyMatch, Tick, View};
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::replays;
use crate::ask::{self, RoomQuestion};
use crate::delta::Delta;
use crate::front::Front;
use crate::problem::{Problem, ProblemJson};
use crate::request::{Asked, RoomPath, Segment, at_least_one, has_key, viewer};
use crate::stats::Refused;
use crate::wire;
use event::{PastEvent, Presence};

/// Longest replay that is played here, in bytes.
const REPLAY_BYTES_MAX: usize = 4 << 20;

/// Most ticks in one answer.
const TICKS_MAX: u32 = 1_800;

/// Most ticks that are played to get to the first one.
const WAY_TICKS_MAX: u32 = 8_192;

/// How long an answer may be worked on; what is not there by then is asked for again.
const WORK_MAX: Duration = Duration::from_millis(1_500);

/// How long the way to the first tick may take.
const WAY_MAX: Duration = Duration::from_millis(1_500);

/// Most bodies in all views of an answer; what is beyond is asked for again.
const BODIES_MAX: usize = 200_000;

/// After so many events of a match an answer ends; what is beyond is asked for again.
const EVENTS_MAX: usize = 1_000;

/// How long a replay may take to arrive, and a request wait for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// Replays that are taken in at one time.
static ARRIVING: Semaphore = Semaphore::const_new(4);

/// Replays are played one at a time: matches that run need the processor more.
static PLAYING: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(1)));

static VERIFIER: LazyLock<Mutex<Verifier>> =
    LazyLock::new(|| Mutex::new(Verifier::new(framekeep_games::registry())));

/// The contents that ship: of which game, by what name, and encoded.
static SHIPPED: LazyLock<Vec<(&str, &str, Vec<u8>)>> = LazyLock::new(|| {
    let games = framekeep_games::registry();
    let encoded = |file: &ContentFile| games.get(file.game).ok()?.parse_content(file.text).ok();
    CONTENT.iter().filter_map(|file| Some((file.game, file.name, encoded(file)?))).collect()
});

/// What a content is called, if it ships.
fn shipped(game: &str, content: &[u8]) -> &'static str {
    let found = SHIPPED.iter().find(|(of, _, bytes)| *of == game && *bytes == content);
    found.map_or("", |(_, name, _)| name)
}

/// Which part of a match is wanted.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct PastFilter {
    /// The first tick; the match's first if it is not said.
    from: Option<u32>,
    /// How many ticks, 1,800 at most.
    #[serde(deserialize_with = "at_least_one")]
    #[param(minimum = 1, maximum = 1_800)]
    ticks: Option<u32>,
    /// Every how many ticks a state is wanted, 30 at most.
    #[serde(deserialize_with = "at_least_one")]
    #[param(minimum = 1, maximum = 30)]
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
    /// What it was played on, of the contents that ship; empty for any other.
    content: &'static str,
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
    /// What happened: seats that fell silent or came back, and what the game says is worth a mark.
    events: Vec<PastEvent>,
    /// The hash of the state of each view, as played here: 16 hexadecimal digits.
    hashes: Vec<String>,
    /// The first tick of this part whose state is not the recorded one.
    disagrees_at: Option<u32>,
    /// What to ask for as `from` for the rest, if there is any.
    next: Option<u32>,
}

/// States of a sealed match of this node, played again and compared with the recorded hashes; of a private room
/// with the key only.
#[utoipa::path(get, path = "/api/v1/replays/{name}/views", tag = "replays",
    params(("name" = String, Path), PastFilter), security(("key" = []), ()), responses(
    (status = 200, body = PastJson), (status = 400, body = ProblemJson), (status = 401, body = ProblemJson),
    (status = 404, body = ProblemJson), (status = 422, body = ProblemJson), (status = 503, body = ProblemJson)))]
pub(crate) async fn stored(
    State(front): State<Arc<Front>>,
    Segment(name): Segment,
    headers: HeaderMap,
    Asked(filter): Asked<PastFilter>,
) -> Result<Json<PastJson>, Problem> {
    let path = replays::path_of(&front, &headers, &name)?;
    show(turn().await?, Source::Stored(path), filter).await
}

/// States of the match that runs in a room of whatever node of the cluster, from any tick on, for whoever may watch it.
#[utoipa::path(get, path = "/api/v1/rooms/{name}/views", tag = "rooms", params(("name" = String, Path), PastFilter),
    security(("session" = []), ()), responses((status = 200, body = PastJson), (status = 400, body = ProblemJson),
    (status = 404, body = ProblemJson), (status = 422, body = ProblemJson), (status = 503, body = ProblemJson)))]
pub(crate) async fn running(
    State(front): State<Arc<Front>>,
    RoomPath(name): RoomPath,
    headers: HeaderMap,
    Asked(filter): Asked<PastFilter>,
) -> Result<Response, Problem> {
    so_far(&front, &name, viewer(&front, &headers), filter).await
}

/// States of the match that runs in a room, of this node or another.
pub(crate) async fn so_far(
    front: &Front,
    name: &RoomName,
    viewer: Viewer,
    filter: PastFilter,
) -> Result<Response, Problem> {
    let question = RoomQuestion::Views(name.clone(), viewer.into(), filter);
    ask::here_or_there(front, name, so_far_here(front, name, viewer, filter).await, &question).await
}

/// States of the match that runs in a room of this node.
pub(crate) async fn so_far_here(
    front: &Front,
    name: &RoomName,
    viewer: Viewer,
    filter: PastFilter,
) -> Result<Json<PastJson>, Problem> {
    let missing = || Problem::not_found(format!("there is no room {name}"));
    // Nobody waits for a turn here who asks for a room that is elsewhere, or may not look.
    match front.ask(Question::MayLook(name.clone(), viewer)).await? {
        Answer::Done => {}
        Answer::Refused(refusal) => return Err(refusal.into()),
        _ => return Err(missing()),
    }
    // The server is asked for the match only by the one whose turn it is.
    let turn = turn().await?;
    match front.ask(Question::Past(name.clone(), viewer)).await? {
        Answer::Past { replay: Some(replay), until } => {
            show(turn, Source::Running(replay, until), filter).await
        }
        Answer::Past { replay: None, .. } => Err(Problem::no_match(format!(
            "no match runs in {name}, or it is too long to be shown as it runs"
        ))),
        Answer::Refused(refusal) => Err(refusal.into()),
        _ => Err(missing()),
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
    let bytes = arrived.map_err(|_| too_large())?.to_vec();
    show(turn().await?, Source::Sent(bytes), filter).await
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

/// Where a replay is from.
enum Source {
    /// A file of this node.
    Stored(PathBuf),
    /// What this node recorded of a match that runs, and how far that may be shown.
    Running(LaterReplay, Tick),
    /// From a stranger, who may have written states into it that no match has had.
    Sent(Vec<u8>),
}

/// When work is to be given up.
#[derive(Clone, Default)]
struct Asker(Arc<AtomicBool>);

impl Asker {
    fn is_gone(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Tells the work, when it is dropped with the request, that nobody waits for it any more.
struct Leaving(Asker);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// Waits until nobody else's replay is played.
async fn turn() -> Result<OwnedSemaphorePermit, Problem> {
    let turn = tokio::time::timeout(PATIENCE, PLAYING.clone().acquire_owned()).await;
    turn.ok().and_then(Result::ok).ok_or_else(Problem::busy)
}

/// Works on a thread of its own. The turn ends with the work, not with the request: whoever hangs up would otherwise
/// leave the thread working and make room for the next.
async fn work<T: Send + 'static>(
    turn: OwnedSemaphorePermit,
    work: impl FnOnce(&Asker) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let leaving = Leaving(Asker::default());
    let asker = leaving.0.clone();
    let worked = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        work(&asker)
    });
    // What other rules made may be something these rules never make.
    worked.await.map_err(|_| unplayable("the rules of this server cannot play it"))?
}

async fn show(
    turn: OwnedSemaphorePermit,
    source: Source,
    filter: PastFilter,
) -> Result<Json<PastJson>, Problem> {
    work(turn, move |asker| play_again(source, filter, asker)).await.map(Json)
}

fn unplayable(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unplayable", detail.into())
}

fn play_again(source: Source, filter: PastFilter, asker: &Asker) -> Result<PastJson, Problem> {
    let (bytes, until, is_own) = match source {
        Source::Stored(path) => (read(&path)?, None, true),
        Source::Running(replay, until) => (replay.make(), Some(until), true),
        Source::Sent(bytes) => (bytes, None, false),
    };
    let replay = Replay::read(bytes).map_err(|damaged| unplayable(damaged.to_string()))?;
    let (start, last) = (replay.start(), replay.end().ticks);
    if !is_own && start != Tick(0) {
        return Err(unplayable("it is the rest of a match: only whole matches are played for others"));
    }
    let end = until.map_or(last, |until| until.clamp(start, last));
    let from = Tick(filter.from.unwrap_or(start.0).clamp(start.0, end.0));
    // The checks of the verifier hold for what is looked at, too: same rules, same shape.
    let started = VERIFIER.lock().unwrap_or_else(PoisonError::into_inner).start(&replay);
    let (game, _) = started.map_err(|error| unplayable(error.to_string()))?;
    let mut presence = Presence::new();
    let play = wind(&replay, &*game, from, is_own, &mut presence, asker)?;
    let mut json = header(&replay);
    json.ticks = end.0;
    if until.is_some() {
        "running".clone_into(&mut json.reason);
    }
    tell((play, replay.frames_from(from), presence), filter, asker, &mut json);
    Ok(json)
}

/// The match before the frame of `from`: from the last state before it in a replay of this node; otherwise from the
/// beginning by the rules, which no stranger's state has passed.
fn wind(
    replay: &Replay,
    game: &dyn AnyGame,
    from: Tick,
    is_own: bool,
    presence: &mut Presence,
    asker: &Asker,
) -> Result<Box<dyn AnyMatch>, Problem> {
    let begun = Instant::now();
    let header = replay.header();
    let started = game.start(&header.content, header.seed, header.seats);
    let mut play = started.map_err(|error| unplayable(error.to_string()))?;
    // From before it: who had no input in the frame before is told of only then.
    let is_before = |tick: Tick| tick < from || tick == replay.start();
    let keyframe = replay.keyframes().take_while(|keyframe| is_own && is_before(keyframe.tick)).last();
    if let Some(keyframe) = keyframe {
        let state = replay.keyframe_state(keyframe).unwrap_or_default();
        play.restore(keyframe.tick, &state).map_err(|error| unplayable(error.to_string()))?;
    }
    let way = from.0.saturating_sub(play.tick().0);
    if is_own && way > WAY_TICKS_MAX {
        let detail = format!("tick {from} is {way} ticks from the last state that the replay holds");
        return Err(unplayable(detail));
    }
    let (mut frames, mut passed) = (replay.frames_from(play.tick()), Vec::new());
    while play.tick() < from {
        if asker.is_gone() || begun.elapsed() > WAY_MAX {
            return Err(unplayable(format!(
                "tick {from} is too far from the beginning: use framekeep-replay"
            )));
        }
        let Some((frame, _)) = frames.next_frame() else { break };
        play.step(frame);
        presence.note(frame, play.tick(), &mut passed);
        passed.clear();
    }
    Ok(play)
}

fn header(replay: &Replay) -> PastJson {
    let (header, end) = (replay.header(), replay.end());
    let players = header.players.iter();
    let outcome = end.outcome.as_ref();
    PastJson {
        room: header.room.clone(),
        game: header.game.clone(),
        content: shipped(&header.game, &header.content),
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
        events: Vec::new(),
        hashes: Vec::new(),
        disagrees_at: None,
        next: None,
    }
}

/// Steps through the wanted part and writes down what is seen.
fn tell(
    (mut play, mut frames, mut presence): (Box<dyn AnyMatch>, Frames<'_>, Presence),
    filter: PastFilter,
    asker: &Asker,
    json: &mut PastJson,
) {
    let begun = Instant::now();
    let every = filter.every.unwrap_or(1).clamp(1, 30);
    let ticks = filter.ticks.unwrap_or(TICKS_MAX).clamp(1, TICKS_MAX);
    let last = Tick(play.tick().0.saturating_add(ticks));
    let (mut scratch, mut before) = (Vec::new(), None::<StateView>);
    let mut hash = play.hash(&mut scratch);
    let (mut changes, mut bodies) = (Delta::default(), 0);
    loop {
        let tick = play.tick();
        let over = tick.0 >= json.ticks;
        if tick.0.is_multiple_of(every) || over || before.is_none() {
            let mut view = View::default();
            play.view(&mut view);
            bodies += view.bodies.len();
            let now = StateView::of(Epoch::new(1), tick, view);
            json.views.push(changes.between(before.as_ref(), &now));
            json.hashes.push(format!("{hash:016x}"));
            before = Some(now);
        }
        if over {
            return;
        }
        // The first view is always told, or whoever asks for the rest would not get on.
        if tick >= last
            || bodies > BODIES_MAX
            || json.events.len() > EVENTS_MAX
            || asker.is_gone()
            || begun.elapsed() > WORK_MAX
        {
            json.next = Some(tick.0);
            return;
        }
        let Some((frame, recorded)) = frames.next_frame() else { return };
        play.step(frame);
        presence.note(frame, play.tick(), &mut json.events);
        event::tell(&*play, &mut json.events);
        hash = play.hash(&mut scratch);
        if json.disagrees_at.is_none() && !recorded.agrees(hash) {
            json.disagrees_at = Some(tick.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use framekeep_gate::gate;

    use super::*;
    use crate::ask::tests::Empty;
    use crate::socket::player::NoTickets;

    const DUEL: &[u8] = include_bytes!("../../../assets/replays/courtyard_duel.fkr");

    fn ask(from: u32, ticks: u32) -> PastJson {
        let filter = PastFilter { from: Some(from), ticks: Some(ticks), every: Some(2) };
        let sent = play_again(Source::Sent(DUEL.to_vec()), filter, &Asker::default());
        sent.unwrap_or_else(|_| panic!("tick {from}"))
    }

    #[test]
    fn a_match_is_shown_from_any_tick_as_it_was_recorded() {
        let whole = ask(0, 1_800);
        assert_eq!(whole.disagrees_at, None);
        assert_eq!(whole.content, "courtyard", "it is known by what it was played on");
        assert!(whole.views[0].whole && whole.views.len() > 400 && whole.views.len() == whole.hashes.len());
        let fell = whole.events.iter().filter(|event| event.kind == "knocked_out");
        let fell: Vec<u32> = fell.map(|event| event.tick).collect();
        assert!(!fell.is_empty() && fell.is_sorted(), "somebody is knocked out in a duel");
        let part = ask(300, 20);
        assert_eq!((part.views[0].tick, part.next), (300, Some(320)));
        let same = whole.views.iter().position(|view| view.tick == 300).expect("tick 300");
        assert_eq!(part.hashes[..10], whole.hashes[same..same + 10]);
    }

    #[test]
    fn what_is_no_replay_is_refused_and_what_lies_outside_is_its_end() {
        let play = |source| play_again(source, PastFilter::default(), &Asker::default());
        assert!(play(Source::Sent(b"FKR?".to_vec())).is_err());
        let mut broken = DUEL.to_vec();
        let middle = broken.len() / 2;
        broken[middle] ^= 1;
        assert!(play(Source::Sent(broken)).is_err());
        let end = ask(u32::MAX, 1);
        assert_eq!((end.views.len(), end.next), (1, None));
        let running = play(Source::Running(LaterReplay::new(|| DUEL.to_vec()), Tick(50)));
        let Ok(running) = running else { panic!("50 ticks are shown") };
        assert_eq!((running.ticks, running.next, &*running.reason), (50, None, "running"));
        assert_eq!(running.views.last().map(|view| view.tick), Some(50), "what may not be shown is not");
    }

    #[test]
    fn who_hangs_up_leaves_one_thread_working_and_that_one_ends() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let (begun, has_begun) = tokio::sync::oneshot::channel();
            let (let_go, is_let_go) = std::sync::mpsc::channel();
            let (told, was_gone) = tokio::sync::oneshot::channel();
            let request = tokio::spawn(work(turn().await.expect("nobody plays"), move |asker| {
                begun.send(()).expect("the test waits");
                is_let_go.recv().expect("the test lets go");
                told.send(asker.is_gone()).expect("the test waits");
                Ok(())
            }));
            has_begun.await.expect("it has begun");
            request.abort();
            assert!(request.await.is_err());
            assert!(PLAYING.clone().try_acquire_owned().is_err(), "the thread works, so it is its turn");
            let_go.send(()).expect("the thread waits");
            assert!(was_gone.await.expect("it ends"), "the thread knows that nobody waits");
            assert!(turn().await.is_ok());
        });
    }

    #[test]
    fn who_asks_for_a_room_that_is_not_here_waits_for_nobodys_turn() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let door = gate(1).0.through(Arc::new(Empty));
            let front = Front::new(crate::GatewayConfig::default(), door, Arc::new(NoTickets));
            let _mine = turn().await.expect("a turn");
            let room = "friday".parse().expect("a name");
            let asked = so_far_here(&front, &room, Viewer::Anybody, PastFilter::default()).await;
            let status = asked.err().map(|problem| problem.status());
            assert_eq!(status, Some(StatusCode::NOT_FOUND), "another node is asked at once");
        });
    }

    #[test]
    fn nobody_is_shown_what_nobody_waits_for() {
        let asker = Asker::default();
        drop(Leaving(asker.clone()));
        let filter = PastFilter { from: Some(200), ..PastFilter::default() };
        assert!(play_again(Source::Sent(DUEL.to_vec()), filter, &asker).is_err());
    }
}
