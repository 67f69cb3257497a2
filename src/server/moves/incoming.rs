//! A room that comes from another node: this node's half.

use std::time::Duration;

use bevy_ecs::prelude::{Entity, World};
use framekeep_journal::{Arrival, Life, MoveId, Record, RoomState, SegmentReader};
use framekeep_protocol::{CloseReason, PlayerId};
use tracing::{debug, info, warn};

use super::message::{Due, Handover, PeerMessage, Wish};
use super::open::{self, Arriving, Coming};
use super::outgoing::hear_again;
use super::{Moves, moved, parcel, passes};
use crate::limits::{MOVE_ASK_EVERY, MOVE_OFFER_LIFE, MOVES_COMING_MAX};
use crate::record::{self, Written};
use crate::schedule::DueRooms;
use crate::{
    Clock, Games, Link, Player, Players, Rooms, Seat, SeatPlay, ServerConfig, Stage, admit, events, gate,
    leaderboard, rooms, seating,
};

/// How far a room has come on its way here.
enum Step {
    /// It was offered; frames that follow are played along.
    Offered(Box<Offered>),
    /// It is here, standing still, and on its way to the disk.
    Written(Written),
    /// The other node decides; asked again at that time.
    Waits(Duration),
}

struct Offered {
    state: RoomState,
    play: Option<Coming>,
}

/// A room on its way here.
pub(super) struct Incoming {
    pub(super) from: String,
    room_id: u64,
    pub(super) room: Option<Entity>,
    pub(super) since: Duration,
    wishes: Vec<Wish>,
    step: Step,
    until: Duration,
}

impl Incoming {
    pub(super) fn waits_for_disk(&self) -> bool {
        matches!(self.step, Step::Written(_))
    }

    /// The name of a room that is not opened yet.
    pub(super) fn offered_name(&self) -> Option<&str> {
        match &self.step {
            Step::Offered(offered) => Some(offered.state.name.as_str()),
            _ => None,
        }
    }

    /// What operators call how far it is.
    pub(super) fn step_name(&self) -> &'static str {
        match self.step {
            Step::Offered(_) => "offered",
            Step::Written(_) => "taken",
            Step::Waits(_) => "waits_for_decision",
        }
    }
}

/// Another node wants this one to take a room.
pub(super) fn be_offered(
    world: &mut World,
    (id, room): (MoveId, u64),
    from: &str,
    segment: &[u8],
    wishes: Vec<Wish>,
) {
    let message = match prepare(world, room, segment, &wishes) {
        Ok(offered) => {
            let since = world.resource::<Clock>().now();
            let until = since + MOVE_OFFER_LIFE;
            let passes = passes::mint_all(world, &wishes);
            let step = Step::Offered(Box::new(offered));
            let (from_node, room_id) = (from.to_owned(), room);
            let coming = Incoming { from: from_node, room_id, room: None, since, wishes, step, until };
            world.resource_mut::<Moves>().incoming.insert(id, coming);
            PeerMessage::Willing { id, passes }
        }
        Err(why) => PeerMessage::Unwilling { id, why },
    };
    world.resource_mut::<Moves>().post(from, &message);
}

/// Whether the room can be here, and its match up to where it was offered.
fn prepare(world: &mut World, room: u64, segment: &[u8], wishes: &[Wish]) -> Result<Offered, String> {
    // What went from here to there and comes back has arrived there.
    moved::has_come_back(world, room);
    gate::check_open(world).map_err(|refusal| refusal.to_string())?;
    let Life { room: state, play, .. } = parcel::read_offer(room, segment)?;
    if world.resource::<Rooms>().get(&state.name).is_some() {
        return Err(format!("there is a room {} here", state.name));
    }
    let config = world.resource::<ServerConfig>();
    let (rooms_max, clients_max) = (config.rooms_max, config.clients_max);
    let coming = world.resource::<Moves>().incoming.len();
    if world.resource::<Rooms>().len() + coming >= rooms_max || coming >= MOVES_COMING_MAX {
        return Err(format!("the node has {rooms_max} rooms, or {MOVES_COMING_MAX} are on their way"));
    }
    if world.resource::<Players>().len() + wishes.len() > clients_max {
        return Err(format!("the node is full: {clients_max} players"));
    }
    let members = state.members.iter().map(|member| member.player);
    let mut everybody = members.chain(state.spectators.iter().map(|(player, _)| *player));
    if let Some(player) = everybody.find(|player| parcel::sits_in(world, *player).is_some()) {
        return Err(format!("the player {} sits in another room here", player.0));
    }
    let games = world.resource::<Games>();
    let (game, _) = games.find(&state.game, &state.content).map_err(|refusal| refusal.to_string())?;
    let Some(told) = play else { return Ok(Offered { state, play: None }) };
    let (ours, theirs) = (games.fingerprint(&state.game), told.started().header.fingerprint);
    if ours != Some(theirs) {
        return Err(format!(
            "the match is played by other rules: {theirs:016x}, here {:016x}",
            ours.unwrap_or(0)
        ));
    }
    let resumed = crate::guard::guarded(|| told.resume(game.as_ref()));
    let resumed = resumed.map_err(|failure| failure.to_string())?.map_err(|error| error.to_string())?;
    if let Some(disagreed) = &resumed.disagreed {
        return Err(disagreed.to_string());
    }
    Ok(Offered { state, play: Some(Coming { told, resumed: Box::new(resumed) }) })
}

/// Frames that were committed since.
pub(super) fn follow(world: &mut World, id: MoveId, from: &str, segment: &[u8]) {
    let Some(mut coming) = take(world, id, from) else { return };
    let followed = match &mut coming.step {
        Step::Offered(offered) => play_along(offered, segment),
        _ => Ok(()),
    };
    keep_or_refuse(world, id, coming, followed);
}

/// Plays the frames of a segment, and takes the room as it tells it.
fn play_along(offered: &mut Offered, segment: &[u8]) -> Result<(), String> {
    let mut reader = SegmentReader::open(segment).map_err(|fault| fault.to_string())?;
    while let Some(entry) = reader.next_entry().map_err(|error| error.to_string())? {
        match entry.record {
            Record::Room(state) => offered.state = *state,
            Record::Step { tick, hash, delta } => {
                let play = offered.play.as_mut().ok_or("frames of a match that was not told")?;
                let followed = crate::guard::guarded(|| play.resumed.follow(tick, hash, delta));
                followed.map_err(|failure| failure.to_string())?.map_err(|error| error.to_string())?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// The last of a room: it is opened, standing still, and told to the journal before the other node hears.
pub(super) fn be_handed(world: &mut World, from: &str, handover: &Handover) {
    let id = handover.id;
    let Some(mut coming) = take(world, id, from) else { return };
    let taken = match coming.step {
        Step::Offered(offered) => {
            let opened = receive(world, (id, coming.room_id), from, *offered, handover);
            opened.map(|room| {
                coming.room = Some(room);
                Step::Written(record::written(world))
            })
        }
        step => Ok(step),
    };
    match taken {
        Ok(step) => {
            coming.step = step;
            world.resource_mut::<Moves>().incoming.insert(id, coming);
        }
        Err(why) => refuse(world, id, from, coming.wishes, coming.room, why),
    }
}

fn receive(
    world: &mut World,
    (id, room_id): (MoveId, u64),
    from: &str,
    mut offered: Offered,
    handover: &Handover,
) -> Result<Entity, String> {
    play_along(&mut offered, &handover.segment)?;
    match (&offered.play, handover.at) {
        (Some(play), Some(at)) => open::agrees(&play.resumed, at)?,
        (None, None) => {}
        _ => return Err("a match has started or ended meanwhile".to_owned()),
    }
    let owner_epoch = handover.owner_epoch;
    let arrival = Arrival { id, node: from.to_owned(), owner_epoch, is_owned: false };
    world.resource_mut::<Moves>().arrivals.insert(room_id, arrival);
    open::open(world, room_id, offered.state, offered.play, handover)
        .inspect_err(|_| drop(world.resource_mut::<Moves>().arrivals.remove(&room_id)))
}

/// What is on its way here from that node under that number.
fn take(world: &mut World, id: MoveId, from: &str) -> Option<Incoming> {
    let mut moves = world.resource_mut::<Moves>();
    if moves.incoming.get(&id).is_none_or(|coming| coming.from != from) {
        return None;
    }
    moves.incoming.remove(&id)
}

fn keep_or_refuse(world: &mut World, id: MoveId, coming: Incoming, done: Result<(), String>) {
    match done {
        Ok(()) => drop(world.resource_mut::<Moves>().incoming.insert(id, coming)),
        Err(why) => {
            let Incoming { from, wishes, room, .. } = coming;
            refuse(world, id, &from, wishes, room, why);
        }
    }
}

fn refuse(world: &mut World, id: MoveId, from: &str, wishes: Vec<Wish>, room: Option<Entity>, why: String) {
    warn!(%id, node = from, why, "a room of another node is not taken");
    drop_room(world, room, &wishes);
    world.resource_mut::<Moves>().post(from, &PeerMessage::Unwilling { id, why });
}

/// Forgets a room that is not this node's, and lets those go who came for it.
fn drop_room(world: &mut World, room: Option<Entity>, wishes: &[Wish]) {
    let id = room.and_then(|room| world.get::<crate::Room>(room)).map(|room| room.id.0);
    if let (Some(room), Some(id)) = (room, id) {
        open::forget(world, room);
        world.resource_mut::<Moves>().arrivals.remove(&id);
        record::forget_room(world, id);
    }
    for wish in wishes {
        let player = world.resource::<Players>().get(wish.player);
        let found = player.and_then(|player| world.get::<Player>(player));
        let Some((link, None)) = found.map(|player| (player.link, player.seat)) else { continue };
        if let Some(link) = link {
            admit::close_link(world, link, CloseReason::Moved);
        }
    }
}

/// Does what is due for every room that is on its way here.
pub(super) fn advance(world: &mut World) {
    let now = world.resource::<Clock>().now();
    let ids: Vec<MoveId> = world.resource::<Moves>().incoming.keys().copied().collect();
    for id in ids {
        let Some(mut coming) = world.resource_mut::<Moves>().incoming.remove(&id) else { continue };
        match &coming.step {
            Step::Offered(_) if now >= coming.until => {
                drop_room(world, None, &coming.wishes);
                continue;
            }
            Step::Offered(_) => {}
            Step::Written(written) => match record::is_written(world, written) {
                Some(true) => {
                    debug!(%id, "a room of another node is durable here");
                    coming.step = Step::Waits(now + MOVE_ASK_EVERY);
                    world.resource_mut::<Moves>().post(&coming.from, &PeerMessage::Taken { id });
                }
                Some(false) => {}
                None => {
                    let why = "the disk does not take the room".to_owned();
                    refuse(world, id, &coming.from, coming.wishes, coming.room, why);
                    continue;
                }
            },
            Step::Waits(ask_at) if now >= *ask_at => {
                coming.step = Step::Waits(now + MOVE_ASK_EVERY);
                world.resource_mut::<Moves>().post(&coming.from, &PeerMessage::Whose { id });
            }
            Step::Waits(_) => {}
        }
        world.resource_mut::<Moves>().incoming.insert(id, coming);
    }
}

/// The other node has decided that the room is this one's: it goes on.
pub(super) fn go_on(
    world: &mut World,
    id: MoveId,
    from: &str,
    due: Option<Due>,
    said: Vec<(PlayerId, Vec<u8>)>,
) {
    let Some(coming) = take(world, id, from) else {
        // It does, and the other node has not heard; or it was over here before that.
        let mut moves = world.resource_mut::<Moves>();
        if moves.settling.iter().all(|(settling, ..)| *settling != id) {
            moves.post(from, &PeerMessage::Gone { id });
        }
        return;
    };
    let Some(room) = coming.room.filter(|room| world.get::<crate::Room>(*room).is_some()) else {
        // It was closed here meanwhile, or never was: whoever knows of it need not any more.
        world.resource_mut::<Moves>().post(from, &PeerMessage::Gone { id });
        return;
    };
    let arrival = world.resource_mut::<Moves>().arrivals.get_mut(&coming.room_id).map(|arrival| {
        arrival.is_owned = true;
        arrival.clone()
    });
    if let Some(arrival) = arrival {
        record::moved_in(world, coming.room_id, &arrival);
        // That it goes on here is told once that is durable.
        let written = record::written(world);
        let mut moves = world.resource_mut::<Moves>();
        moves.settling.push((id, from.to_owned(), written));
        moves.rooms_moved_in += 1;
    }
    world.entity_mut(room).remove::<Arriving>();
    begin(world, room, due);
    let late = match due {
        Some(Due::Ago(us)) => us,
        _ => 0,
    };
    for (player, bytes) in said {
        hear_again(world, player, &bytes);
    }
    let name = world.get::<crate::Room>(room).map(|room| room.name.to_string());
    let late_ms = late as f64 / 1_000.0;
    info!(room = name, node = from, late_ms, "a room of another node goes on here");
}

/// The match goes on, and everybody is shown the room.
fn begin(world: &mut World, room: Entity, due: Option<Due>) {
    let now = world.resource::<Clock>().now();
    let is_moving = due.is_some();
    let due = match due {
        Some(Due::In(us)) => now + Duration::from_micros(us),
        Some(Due::Ago(us)) => now.saturating_sub(Duration::from_micros(us)),
        None => now,
    };
    let seats = rooms::seats_of(world, room);
    let is_linked = |seat: &Entity| world.get::<Seat>(*seat).is_some_and(|seat| seat.link.is_some());
    // After a restart it waits for the first of its players, as any other.
    let wakes = is_moving || seats.iter().any(is_linked);
    if let Some(mut stage) = world.get_mut::<Stage>(room).filter(|_| wakes) {
        stage.is_asleep = false;
        stage.timing.due = due;
        world.resource_mut::<DueRooms>().put(due, room);
    }
    for &seat in &seats {
        if let Some(mut play) = world.get_mut::<SeatPlay>(seat) {
            play.begin_at(due, now);
        }
        let Some(link) = world.get::<Seat>(seat).and_then(|seat| seat.link) else { continue };
        events::show_room(world, room, link);
        leaderboard::show_board(world, room, link);
        show_match(world, room, seat, link);
    }
    for seat in seats {
        if world.get::<Seat>(seat).is_some_and(|seat| seat.link.is_none()) {
            seating::hold_seat(world, seat);
        }
    }
}

/// Who came along plays on; whoever has no part in the match yet is brought in.
fn show_match(world: &mut World, room: Entity, seat: Entity, link: Entity) {
    let plays_on = world.get::<SeatPlay>(seat).is_some() && !gate::is_web(world, link);
    let runs = world.get::<Stage>(room).is_some_and(|stage| !stage.is_over());
    if runs && !plays_on {
        crate::matches::enter(world, room, seat);
    }
}

/// The room stays where it was.
pub(super) fn be_kept(world: &mut World, id: MoveId, from: &str) {
    if let Some(coming) = take(world, id, from) {
        drop_room(world, coming.room, &coming.wishes);
    }
}

/// Something about a room cannot be read: one that was only offered does not come. Of one that is here, standing still,
/// the other node decides.
pub(super) fn be_unread(world: &mut World, id: MoveId, from: &str) {
    let coming = world.resource::<Moves>().incoming.get(&id);
    if coming.is_some_and(|coming| matches!(coming.step, Step::Offered(_))) {
        be_kept(world, id, from);
    }
}

/// A room that an earlier run had taken, and of which only the other node knows whose it is.
pub(crate) fn recover(world: &mut World, room: Entity, room_id: u64, arrival: &Arrival) {
    let now = world.resource::<Clock>().now();
    world.entity_mut(room).insert(Arriving);
    let coming = Incoming {
        from: arrival.node.clone(),
        room_id,
        room: Some(room),
        since: now,
        wishes: Vec::new(),
        step: Step::Waits(now),
        until: now,
    };
    world.resource_mut::<Moves>().incoming.insert(arrival.id, coming);
}

/// Says that rooms go on here, once that is durable.
pub(super) fn settle(world: &mut World) {
    let settling = std::mem::take(&mut world.resource_mut::<Moves>().settling);
    for (id, node, written) in settling {
        let again = match record::is_written(world, &written) {
            Some(true) => {
                world.resource_mut::<Moves>().post(&node, &PeerMessage::Gone { id });
                continue;
            }
            Some(false) => written,
            // What the disk has lost is told with the room once more.
            None => record::written(world),
        };
        world.resource_mut::<Moves>().settling.push((id, node, again));
    }
}

/// What links of a room that is only arriving may do: nothing.
pub(crate) fn is_arriving(world: &World, room: Entity) -> bool {
    world.get::<Arriving>(room).is_some()
}

/// Joins a link with its seat in a room that stands still; nothing is told.
pub(crate) fn attach(world: &mut World, link: Entity, seat: Entity) {
    if let Some(mut seat) = world.get_mut::<Seat>(seat) {
        (seat.link, seat.lost_at) = (Some(link), None);
    }
    if let Some(mut link) = world.get_mut::<Link>(link) {
        link.seat = Some(seat);
    }
}
