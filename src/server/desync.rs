//! `DesyncPlugin`: where a client's state began to differ, asked of the client, looked at and written down.
//!
//! A hash that differs makes a client owed a snapshot at once; that is done before anything is asked. Then the client
//! is asked for its last hashes and for its state at the first bad tick ([`inquiry`]), the server makes its own state
//! of that tick again from the last frames ([`recall`]), and a thread compares them ([`exam`]) and writes the report
//! ([`desk`]). Nothing that a client says is believed unless it has the hash that the client had claimed.

mod desk;
mod exam;
mod inquiry;
mod recall;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::{Component, Entity, FromWorld, IntoScheduleConfigs, Resource, World};
use framekeep_journal::DesyncCause;
use framekeep_protocol::{DESYNC_HASHES_MAX, DesyncAnswer, DesyncAsk, ToClient};
use framekeep_sim::Tick;
use tracing::{error, warn};

use desk::Desk;
pub use desk::DesyncVerdict;
use exam::Exam;
use inquiry::{About, Inquiry, Next, Step};
pub(crate) use recall::Recall;

use crate::limits::{
    DESYNC_ANSWER_TIMEOUT, DESYNC_ASK_EVERY, DESYNC_ASKS_BURST, DESYNC_FIELDS_MAX, DESYNC_INQUIRIES_MAX,
    DESYNC_NODE_ASK_EVERY, DESYNC_NODE_ASKS_BURST, DESYNC_VERDICTS_KEPT,
};
use crate::log_budget::LogBudget;
use crate::{
    Clock, Counters, Histogram, Pump, Room, Seat, ServerConfig, ServerSystems, Stage, Tally, admit, record,
};

/// Where a client's state began to differ, asked of the client, looked at and written down.
pub(crate) struct DesyncPlugin;

impl Plugin for DesyncPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Desyncs>()
            .add_systems(Pump, inquire.in_set(ServerSystems::Check).after(crate::tick::check_hashes))
            .add_systems(
                Pump,
                recall::remember_frames.before(crate::record::record_rooms).in_set(ServerSystems::Record),
            );
    }
}

/// What is known of clients whose state differed.
#[derive(Resource)]
pub struct Desyncs {
    /// Seen in this pump and not looked into yet.
    noticed: Vec<Notice>,
    /// By link.
    open: BTreeMap<Entity, Inquiry>,
    desk: Desk,
    node: Allowance,
    /// What they turned out to be, by cause ([`DesyncCause::ALL`]).
    causes: Tally<{ DesyncCause::ALL.len() }>,
    /// In which of the state's fields, by the first name of the path.
    fields: BTreeMap<String, u64>,
    /// How long it took from the first hash that differed to the next one that agreed, in milliseconds.
    pub(crate) heal_ms: Histogram,
    recent: VecDeque<DesyncVerdict>,
}

/// A hash that differed from ours, the first one since the client's state was ours.
pub(crate) struct Notice {
    pub(crate) room: Entity,
    pub(crate) seat: Entity,
    pub(crate) tick: Tick,
    pub(crate) got: u32,
    /// The last tick at which it was ours.
    pub(crate) good: Option<Tick>,
}

impl FromWorld for Desyncs {
    fn from_world(world: &mut World) -> Self {
        // Where time is moved by hand nobody waits for a thread.
        let inline = world.get_resource::<Clock>().is_some_and(Clock::is_manual);
        let data = world.get_resource::<ServerConfig>().and_then(|config| config.data.as_deref());
        Self {
            noticed: Vec::new(),
            open: BTreeMap::new(),
            desk: Desk::open(data, inline),
            node: Allowance::default(),
            causes: Tally::default(),
            fields: BTreeMap::new(),
            heal_ms: Histogram::default(),
            recent: VecDeque::new(),
        }
    }
}

impl Desyncs {
    pub(crate) fn notice(&mut self, notice: Notice) {
        self.noticed.push(notice);
    }

    /// How many desyncs had that cause.
    #[must_use]
    pub fn count(&self, cause: DesyncCause) -> u64 {
        self.causes.0.get(cause as usize).copied().unwrap_or_default()
    }

    /// How many clients had our state again afterwards.
    #[must_use]
    pub fn healed(&self) -> u64 {
        self.heal_ms.count()
    }

    /// The longest it took until a client had our state again.
    #[must_use]
    pub fn heal_max(&self) -> Duration {
        Duration::from_millis(self.heal_ms.max())
    }

    /// What the last ones turned out to be, the newest last.
    pub fn recent(&self) -> impl Iterator<Item = &DesyncVerdict> {
        self.recent.iter()
    }

    /// For the status file: how many by cause and by field, without the braces around.
    pub(crate) fn json(&self) -> String {
        let causes =
            DesyncCause::ALL.iter().map(|cause| format!("\"{}\":{}", cause.name(), self.count(*cause)));
        let fields = self.fields.iter().map(|(name, count)| format!("{}:{count}", serde_json::json!(name)));
        let join = |parts: Vec<String>| parts.join(",");
        format!(
            "\"healed\":{},\"heal_ms_max\":{},\"causes\":{{{}}},\"fields\":{{{}}}",
            self.healed(),
            self.heal_ms.max(),
            join(causes.collect()),
            join(fields.collect())
        )
    }

    fn settle(&mut self, verdict: DesyncVerdict) {
        self.causes.add(verdict.cause as usize);
        if let Some(field) = &verdict.field {
            let group = field.path.split(['.', '[']).next().unwrap_or_default();
            // The names come from the game's types, unless a game has maps for a state.
            let known = self.fields.contains_key(group) || self.fields.len() < DESYNC_FIELDS_MAX;
            *self.fields.entry(if known { group } else { "others" }.to_owned()).or_default() += 1;
        }
        if self.recent.len() == DESYNC_VERDICTS_KEPT {
            self.recent.pop_front();
        }
        self.recent.push_back(verdict);
    }
}

/// How often something may be done: so many times at once, and once in a while after that.
#[derive(Component, Clone, Copy, Debug, Default)]
struct Allowance(Duration);

impl Allowance {
    /// Takes one, if one is left.
    fn take(&mut self, now: Duration, every: Duration, burst: u32) -> bool {
        let next = self.0.max(now) + every;
        let is_left = next <= now + every * burst;
        if is_left {
            self.0 = next;
        }
        is_left
    }
}

/// Asks about what was noticed, gives up waiting, and takes note of what was found.
fn inquire(world: &mut World) {
    let mut desyncs = world.resource_mut::<Desyncs>();
    let noticed = std::mem::take(&mut desyncs.noticed);
    while let Some(verdict) = desyncs.desk.poll() {
        note(world, verdict);
        desyncs = world.resource_mut::<Desyncs>();
    }
    let idle = noticed.is_empty() && desyncs.open.is_empty();
    if idle {
        return;
    }
    for notice in noticed {
        begin(world, &notice);
    }
    let now = world.resource::<Clock>().now();
    let open = &world.resource::<Desyncs>().open;
    let late: Vec<Entity> =
        open.iter().filter(|(_, inquiry)| inquiry.until <= now).map(|(&link, _)| link).collect();
    for link in late {
        let Some(mut inquiry) = world.resource_mut::<Desyncs>().open.remove(&link) else { continue };
        let next = inquiry.time_out();
        follow(world, link, inquiry, next);
    }
}

/// Asks a client, if it and the node may be asked once more.
fn begin(world: &mut World, notice: &Notice) {
    let now = world.resource::<Clock>().now();
    let Some(link) = world.get::<Seat>(notice.seat).and_then(|seat| seat.link) else { return };
    let Some(about) = about(world, notice) else { return };
    if !may_ask(world, link, now) {
        let verdict = DesyncVerdict { cause: DesyncCause::NotAsked, ..plain_verdict(&about) };
        return note(world, verdict);
    }
    let Some(stage) = world.get::<Stage>(notice.room) else { return };
    let oldest = notice.tick.earlier(DESYNC_HASHES_MAX as u32 - 1);
    let ours = (oldest.0..=notice.tick.0).map(Tick).filter_map(|tick| Some((tick, stage.hash_at(tick)?)));
    let inquiry = Inquiry {
        ours: ours.collect(),
        about,
        good: notice.good,
        claimed: notice.got,
        until: now + DESYNC_ANSWER_TIMEOUT,
        step: Step::Hashes,
    };
    ask(world, link, inquiry.first_ask());
    world.resource_mut::<Desyncs>().open.insert(link, inquiry);
}

fn about(world: &World, notice: &Notice) -> Option<About> {
    let (stage, room) = (world.get::<Stage>(notice.room)?, world.get::<Room>(notice.room)?);
    let seat = world.get::<Seat>(notice.seat)?;
    Some(About {
        game: stage.game.clone(),
        header: record::header_of(world, room, stage),
        room: room.id.0,
        epoch: stage.epoch,
        index: seat.index,
        player: seat.player,
        noticed: notice.tick,
        blocks: world.get::<Recall>(notice.room).map(Recall::blocks).unwrap_or_default(),
    })
}

/// Whether a link may be asked now; if so it counts as asked.
fn may_ask(world: &mut World, link: Entity, now: Duration) -> bool {
    let desyncs = world.resource::<Desyncs>();
    if desyncs.open.len() >= DESYNC_INQUIRIES_MAX || desyncs.open.contains_key(&link) {
        return false;
    }
    let Ok(mut entity) = world.get_entity_mut(link) else { return false };
    let mut own = entity.get::<Allowance>().copied().unwrap_or_default();
    let may = own.take(now, DESYNC_ASK_EVERY, DESYNC_ASKS_BURST);
    entity.insert(own);
    may && world.resource_mut::<Desyncs>().node.take(now, DESYNC_NODE_ASK_EVERY, DESYNC_NODE_ASKS_BURST)
}

/// Whether a link has been asked and may answer.
pub(crate) fn is_asked(world: &World, link: Entity) -> bool {
    world.resource::<Desyncs>().open.contains_key(&link)
}

/// A client's answer. One that nobody asked for is counted and forgotten.
pub(crate) fn hear(world: &mut World, link: Entity, answer: DesyncAnswer) {
    let Some(mut inquiry) = world.resource_mut::<Desyncs>().open.remove(&link) else {
        world.resource_mut::<Counters>().control_refused += 1;
        return;
    };
    let next = inquiry.hear(answer);
    follow(world, link, inquiry, next);
}

fn follow(world: &mut World, link: Entity, inquiry: Inquiry, next: Next) {
    match next {
        Next::Wait => drop(world.resource_mut::<Desyncs>().open.insert(link, inquiry)),
        Next::Ask(question) => {
            ask(world, link, question);
            world.resource_mut::<Desyncs>().open.insert(link, inquiry);
        }
        Next::Close(cause) => note(world, DesyncVerdict { cause, ..plain_verdict(&inquiry.about) }),
        Next::Examine => {
            let Step::State(found) = inquiry.step else { return };
            let now_unix_s = world.resource::<Clock>().now().as_secs();
            let exam = Exam { about: inquiry.about, found, now_unix_s };
            if let Err(exam) = world.resource_mut::<Desyncs>().desk.hand_over(exam) {
                let verdict = DesyncVerdict { cause: DesyncCause::NotAsked, ..plain_verdict(&exam.about) };
                note(world, verdict);
            }
        }
    }
}

fn ask(world: &mut World, link: Entity, question: DesyncAsk) {
    admit::tell(world, link, &ToClient::DesyncAsk(question));
}

/// What is known before anything is looked at.
fn plain_verdict(about: &About) -> DesyncVerdict {
    DesyncVerdict {
        room: about.room,
        seat: about.index,
        player: about.player,
        first_bad: about.noticed,
        ..DesyncVerdict::default()
    }
}

fn note(world: &mut World, verdict: DesyncVerdict) {
    let now = world.resource::<Clock>().now();
    let DesyncVerdict { cause, room, seat, player, first_bad, field, report } = &verdict;
    let field_text = field.as_ref().map(|field| {
        let (path, server, client) = (&field.path, &field.left, &field.right);
        format!("{path} is {server} here and {client} there")
    });
    let (field, report) =
        (field_text.as_deref().unwrap_or("unknown"), report.as_ref().map(|path| path.display()));
    let report = report.map(|path| path.to_string()).unwrap_or_else(|| "none".to_owned());
    let (cause, player, tick) = (cause.name(), player.0, first_bad.0);
    if verdict.cause == DesyncCause::ServerDiffers {
        error!(
            room,
            seat, player, tick, report, "the server cannot make its own state again: a fault of the game"
        );
    } else if world.resource_mut::<LogBudget>().take(now) {
        warn!(room, seat, player, tick, cause, field, report, "a client's state differed");
    }
    world.resource_mut::<Desyncs>().settle(verdict);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_has_a_burst_and_comes_back_one_by_one() {
        let (every, second) = (Duration::from_secs(10), Duration::from_secs(1));
        let mut allowance = Allowance::default();
        let mut taken = |now: Duration| (0..100).filter(|_| allowance.take(now, every, 4)).count();
        assert_eq!(taken(second * 1_000), 4);
        assert_eq!(taken(second * 1_009), 0);
        assert_eq!(taken(second * 1_010), 1);
        assert_eq!(taken(second * 1_035), 2);
        assert_eq!(taken(second * 9_000), 4);
    }
}
