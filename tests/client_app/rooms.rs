//! Rooms, events, refusals and what a player is told.

use std::collections::BTreeMap;
use std::time::Duration;

use bevy_app::{App, AppExit, PreUpdate, Update};
use bevy_ecs::prelude::{IntoScheduleConfigs, MessageReader, On, ResMut, Resource};
use bevy_state::state::State;
use framekeep_client::prelude::{
    ClientCommand, ClientConfig, ClientSystems, Confirmed, ConnectionState, FramekeepClientPlugins, Mirrored,
    Predicted, RoomState, Tickets,
};
use framekeep_client::{
    Cancelled, Connection, Failed, LeftReason, MatchEnd, MatchEnded, MatchStarted, NetDiagnostics, Reason,
    ReconnectConfig, RollbackHappened, RoomHappened, TicketFault, TicksSkipped, is_connected, is_in_room,
    is_match_running,
};
use framekeep_games::arena::{Arena, ArenaEvent};
use framekeep_protocol::{Refusal, RoomEventKind, StartRule};
use framekeep_tests::Apps;

use super::{arena_app, brawl, games, is_playing};

/// What an app was told, in order.
#[derive(Resource, Default)]
pub(super) struct Log {
    pub(super) failed: Vec<Reason>,
    pub(super) chat: Vec<String>,
    pub(super) ended: Vec<MatchEnd>,
    pub(super) skipped: Vec<TicksSkipped>,
    /// By id: predicted, confirmed, cancelled.
    pub(super) events: BTreeMap<u64, [u32; 3]>,
}

fn write_log(
    mut log: ResMut<Log>,
    mut failed: MessageReader<Failed>,
    mut ended: MessageReader<MatchEnded>,
    mut skipped: MessageReader<TicksSkipped>,
    mut happened: MessageReader<RoomHappened>,
    mut predicted: MessageReader<Predicted<ArenaEvent>>,
    mut confirmed: MessageReader<Confirmed<ArenaEvent>>,
    mut cancelled: MessageReader<Cancelled<ArenaEvent>>,
) {
    log.failed.extend(failed.read().map(|failed| failed.0.clone()));
    log.ended.extend(ended.read().map(|ended| ended.0.clone()));
    log.skipped.extend(skipped.read());
    for happened in happened.read() {
        if let RoomEventKind::Chat { text, .. } = &happened.0.kind {
            log.chat.push(text.clone());
        }
    }
    predicted.read().for_each(|event| log.events.entry(event.id.0).or_default()[0] += 1);
    for event in confirmed.read() {
        let told = log.events.entry(event.id.0).or_default();
        assert_eq!(told[0] == 1, event.predicted, "{event:?}");
        told[1] += 1;
    }
    cancelled.read().for_each(|event| log.events.entry(event.id.0).or_default()[2] += 1);
}

pub(super) fn logged(build: impl Fn(&mut App) + 'static) -> impl Fn(&mut App) + 'static {
    move |app| {
        build(app);
        app.init_resource::<Log>().add_systems(PreUpdate, write_log.after(ClientSystems::Report));
    }
}

pub(super) fn room_state(apps: &Apps, number: usize) -> RoomState {
    *apps.of::<State<RoomState>>(number).get()
}

pub(super) fn command(apps: &mut Apps, number: usize, command: ClientCommand) {
    apps.apps[number].app.world_mut().write_message(command);
}

#[test]
fn every_game_event_is_confirmed_or_cancelled_exactly_once() {
    let mut apps = Apps::new(31, games(), |_| {});
    for number in 0..2 {
        apps.come(&format!("p{number}"), 60, logged(arena_app(number, 2, "delay=60,jitter=20,loss=5")));
    }
    apps.run_until("both play", |apps| is_playing(apps, 0) && is_playing(apps, 1));
    apps.run_for(60.0);
    for number in 0..2 {
        let events = &apps.of::<Log>(number).events;
        let newest = *events.keys().last().unwrap();
        let count = |stage: usize| events.values().filter(|told| told[stage] > 0).count();
        assert!(count(1) > 50 && count(2) > 0, "{} confirmed, {} cancelled", count(1), count(2));
        for (id, told) in events {
            let is_open = told[1] + told[2] == 0 && id + 20 > newest;
            let is_settled = told[0] <= 1 && told[1] + told[2] == 1 && (told[2] == 0 || told[0] == 1);
            assert!(is_open || is_settled, "app {number}: event {id} was told {told:?}");
        }
    }
}

/// A room that its host starts.
fn hosted(app: &mut App) {
    let mut config = brawl(2);
    if let Some(options) = config.room.as_mut().and_then(|join| join.create.as_mut()) {
        options.start = StartRule::Host;
    }
    app.add_plugins(FramekeepClientPlugins::<Arena>::new(config));
}

#[test]
fn a_room_gets_ready_starts_talks_and_is_left() {
    let mut apps = Apps::new(32, games(), |_| {});
    for name in ["ada", "bob"] {
        apps.come(name, 60, logged(hosted));
        apps.run_until("it is in the room", |apps| {
            room_state(apps, apps.apps.len() - 1) != RoomState::Outside
        });
    }
    for number in 0..2 {
        command(&mut apps, number, ClientCommand::Ready(true));
    }
    apps.run_until("the room is ready", |apps| {
        (0..2).all(|number| room_state(apps, number) == RoomState::Ready)
    });
    command(&mut apps, 1, ClientCommand::Start);
    apps.run_for(0.5);
    assert_eq!(apps.of::<Log>(1).failed, [Reason::Refused(Refusal::NotHost)]);
    assert_eq!(apps.of::<Log>(1).failed[0].sentence(), "Only the host of the room can do this.");
    command(&mut apps, 0, ClientCommand::Start);
    apps.run_until("both play", |apps| is_playing(apps, 0) && is_playing(apps, 1));
    command(&mut apps, 1, ClientCommand::Chat("well met".to_owned()));
    apps.run_for(0.5);
    assert_eq!(apps.of::<Log>(0).chat, ["well met"]);
    assert_eq!(apps.of::<Connection>(0).room().unwrap().members.len(), 2);
    command(&mut apps, 1, ClientCommand::Leave);
    apps.run_until("it has left", |apps| room_state(apps, 1) == RoomState::Outside);
    apps.run_for(0.5);
    let world = apps.apps[1].app.world_mut();
    assert_eq!(world.query::<&Mirrored>().iter(world).count(), 0);
    assert_eq!(apps.of::<Connection>(0).room().unwrap().members.len(), 1);
}

/// In how many frames systems ran that are bound to a condition.
#[derive(Resource, Default)]
struct Ran([u32; 3]);

#[test]
fn systems_run_only_while_a_condition_holds() {
    let mut apps = Apps::new(38, games(), |_| {});
    for number in 0..2 {
        let build = arena_app(number, 2, "lan");
        apps.come(&format!("p{number}"), 60, move |app| {
            build(app);
            app.init_resource::<Ran>().add_systems(
                Update,
                (
                    (|mut ran: ResMut<Ran>| ran.0[0] += 1).run_if(is_connected),
                    (|mut ran: ResMut<Ran>| ran.0[1] += 1).run_if(is_in_room),
                    (|mut ran: ResMut<Ran>| ran.0[2] += 1).run_if(is_match_running::<Arena>),
                ),
            );
        });
    }
    assert_eq!(apps.of::<Ran>(0).0, [0; 3]);
    apps.run_until("both play", |apps| is_playing(apps, 0) && is_playing(apps, 1));
    apps.run_for(1.0);
    let [connected, in_room, running] = apps.of::<Ran>(0).0;
    assert!(connected >= in_room && in_room >= running && running > 50, "{connected} {in_room} {running}");
    command(&mut apps, 0, ClientCommand::Leave);
    apps.run_for(0.5);
    let before = apps.of::<Ran>(0).0;
    apps.run_for(0.5);
    let after = apps.of::<Ran>(0).0;
    assert!(after[0] > before[0]);
    assert_eq!(after[1..], before[1..]);
}

/// What observers were told.
#[derive(Resource, Default)]
struct Observed {
    rooms: u32,
    starts: u32,
    rollbacks: u32,
    confirmed: u32,
}

#[test]
fn observers_are_told_what_messages_tell() {
    let mut apps = Apps::new(36, games(), |_| {});
    for number in 0..2 {
        let build = logged(arena_app(number, 2, "delay=60,jitter=20,loss=5"));
        apps.come(&format!("p{number}"), 60, move |app| {
            build(app);
            app.init_resource::<Observed>()
                .add_observer(|_: On<RoomHappened>, mut seen: ResMut<Observed>| seen.rooms += 1)
                .add_observer(|_: On<MatchStarted>, mut seen: ResMut<Observed>| seen.starts += 1)
                .add_observer(|_: On<RollbackHappened>, mut seen: ResMut<Observed>| seen.rollbacks += 1)
                .add_observer(|_: On<Confirmed<ArenaEvent>>, mut seen: ResMut<Observed>| seen.confirmed += 1);
        });
    }
    apps.run_until("both play", |apps| is_playing(apps, 0) && is_playing(apps, 1));
    apps.run_for(20.0);
    let (seen, told) = (apps.of::<Observed>(0), apps.of::<Log>(0));
    assert_eq!(seen.starts, 1);
    assert!(seen.rooms > 0, "nothing of the room");
    assert_eq!(u64::from(seen.rollbacks), apps.of::<NetDiagnostics>(0).rollbacks);
    let confirmed: u32 = told.events.values().map(|event| event[1]).sum();
    assert_eq!(seen.confirmed, confirmed);
}

#[test]
fn who_does_nothing_is_told_that_this_is_why() {
    let mut apps = Apps::new(37, games(), |config| config.idle_kick = Duration::from_secs(5));
    let number = apps.come("idle", 60, logged(hosted));
    apps.run_until("it is in the room", |apps| room_state(apps, number) != RoomState::Outside);
    apps.run_until("it is put out", |apps| !apps.of::<Log>(number).failed.is_empty());
    let told = &apps.of::<Log>(number).failed[0];
    assert_eq!(*told, Reason::Left(LeftReason::Idle));
    assert_eq!(told.sentence(), "You did nothing for too long, and your seat was given up.");
}

#[test]
fn who_finds_the_room_full_is_told_so() {
    let mut apps = Apps::new(33, games(), |_| {});
    for number in 0..2 {
        apps.come(&format!("p{number}"), 60, arena_app(number, 2, "lan"));
    }
    apps.run_until("both play", |apps| is_playing(apps, 0) && is_playing(apps, 1));
    let third = apps.come("carol", 60, logged(hosted));
    apps.run_until("it is refused", |apps| !apps.of::<Log>(third).failed.is_empty());
    assert_eq!(apps.of::<Log>(third).failed[0].sentence(), "All 2 seats in brawl are taken.");
    assert_eq!(apps.of::<Connection>(third).state(), ConnectionState::Online);
}

#[test]
fn without_tickets_the_client_gives_up_after_a_while() {
    let mut apps = Apps::new(34, games(), |_| {});
    let number = apps.come("dave", 60, |app| {
        let reconnect = ReconnectConfig { attempts_max: 5, ..ReconnectConfig::default() };
        let refused = || TicketFault::Refused("nobody is at the desk".to_owned());
        app.insert_resource(Tickets::from_fn(move |_| Err(refused())));
        logged(|_| {})(app);
        app.add_plugins(FramekeepClientPlugins::<Arena>::new(ClientConfig { reconnect, ..brawl(2) }));
    });
    let closed = |apps: &Apps| apps.of::<Connection>(number).state() == ConnectionState::Closed;
    let took = apps.run_until("it gives up", closed);
    assert!((1.8..4.0).contains(&took.as_secs_f64()), "{took:?}");
    assert_eq!(apps.of::<Log>(number).failed.len(), 6);
    assert_eq!(apps.of::<Connection>(number).reason(), Some(&Reason::GaveUp(5)));
}

#[test]
fn an_app_that_ends_says_so_and_may_come_back() {
    let mut apps = Apps::new(35, games(), |_| {});
    for number in 0..2 {
        apps.come(&format!("p{number}"), 60, arena_app(number, 2, "lan"));
    }
    apps.run_until("both play", |apps| is_playing(apps, 0) && is_playing(apps, 1));
    let is_connected = |apps: &Apps, connected: usize| {
        let room = apps.of::<Connection>(1).room().unwrap();
        room.members.iter().filter(|member| member.connected).count() == connected
    };
    apps.apps[0].app.world_mut().write_message(AppExit::Success);
    apps.run_for(0.1);
    apps.apps[0].is_paused = true;
    let took = apps.run_until("the other is told", |apps| is_connected(apps, 1));
    assert!(took.as_secs_f64() < 1.0, "{took:?}");
    apps.apps[0].is_paused = false;
    apps.restart(0);
    apps.run_until("it is back", |apps| is_connected(apps, 2) && is_playing(apps, 0));
    command(&mut apps, 0, ClientCommand::Disconnect);
    let left = |apps: &Apps| apps.of::<Connection>(1).room().unwrap().members.len() == 1;
    let took = apps.run_until("it has left for good", left);
    assert!(took.as_secs_f64() < 1.0, "{took:?}");
    assert_eq!(apps.of::<Connection>(0).state(), ConnectionState::Offline);
}
