//! `GatePlugin`: the front door's end at the server. Links that come through it are links like any other; what they
//! say comes from a bounded queue, what they are told goes into sinks that never wait.

mod answer;
mod drain;
mod gauges;
mod link;
mod members;
mod moving;
mod report;
mod samples;
mod ticket;
mod view;

use std::time::Duration;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::{IntoScheduleConfigs, Mut, Resource, World};
use framekeep_gate::{Keeper, Order};

pub(crate) use drain::{Drain, begin as drain, check_open, close_door, is_over as is_drained};
pub(crate) use link::{WebLinks, away_link, is_web, let_go, note_moved, tell, waiting_share};
pub use ticket::{KeyMint, web_ticket};

use crate::{Clock, Moves, PeerMail, Pump, ServerSystems};

/// Shortest time from one pump to the next that the front door asks for.
const PUMPS_APART: Duration = Duration::from_millis(1);

/// Orders taken in one pump; the rest waits in the queue, which is bounded as well.
const ORDERS_PER_PUMP_MAX: usize = 8_192;

/// The front door's end at the server; does nothing where no [`Gate`] is attached.
pub(crate) struct GatePlugin;

impl Plugin for GatePlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<link::WebLinks>()
            .init_resource::<Drain>()
            .init_resource::<report::Reporting>()
            .add_observer(link::forget_web_link)
            .add_systems(Pump, take_orders.after(crate::transport::deliver).in_set(ServerSystems::Receive))
            .add_systems(
                Pump,
                link::act_for_web_seats.in_set(ServerSystems::Commit).before(crate::tick::commit_frames),
            )
            .add_systems(
                Pump,
                view::show_states.after(crate::broadcast::send_snapshots).in_set(ServerSystems::Broadcast),
            )
            .add_systems(Pump, link::let_told_go.in_set(ServerSystems::Send))
            .add_systems(
                Pump,
                report::report.after(crate::why_alive::write_rooms).in_set(ServerSystems::Report),
            )
            .add_systems(Pump, moving::post_mail.in_set(ServerSystems::Broadcast));
    }
}

/// The server's end of the gate.
#[derive(Resource)]
pub(crate) struct Gate(pub(crate) Keeper);

/// Does what the front door asks for, as far as the budget of a pump goes.
pub(crate) fn take_orders(world: &mut World) {
    if !world.contains_resource::<Gate>() {
        return;
    }
    world.resource_scope(|world, mut gate: Mut<'_, Gate>| {
        for _ in 0..ORDERS_PER_PUMP_MAX {
            let Some(order) = gate.0.take() else { break };
            follow(world, order);
        }
    });
}

fn follow(world: &mut World, order: Order) {
    match order {
        Order::Open(new) => link::open(world, new),
        Order::Say(link, number, message) => link::say(world, link, number, &message),
        Order::Input(link, input) => link::input(world, link, input),
        Order::Sync(link) => link::sync(world, link),
        Order::Away(link, true) => link::leave(world, link),
        Order::Away(link, false) => link::come_back(world, link),
        Order::Close(link) => link::close(world, link),
        Order::MayOpen(link, join, reply) => reply(link::may_open(world, link, &join)),
        Order::Ask(question, reply) => reply(answer::answer(world, question)),
        Order::Drain { grace } => drain::begin(world, grace),
        Order::Rest => drain::rest(world),
        Order::Move(room, node, reply) => reply(moving::start(world, &room, node.as_deref())),
        Order::MoveAll(nodes) => moving::start_all(world, &nodes),
        Order::Peer(node, body) => {
            world.resource_mut::<Moves>().deliver(PeerMail { node, body, ..PeerMail::default() });
        }
        Order::Sought { body, is_lost } => crate::moves::be_sought(world, &body, is_lost),
    }
}

/// Rests until `timeout` is over, or the front door wants something.
pub(crate) fn rest(world: &World, timeout: Duration) {
    let Some(gate) = world.get_resource::<Gate>() else { return std::thread::sleep(timeout) };
    if gate.0.bell().wait(timeout) {
        let clock = world.resource::<Clock>();
        let pumped = clock.precise().saturating_sub(clock.now());
        std::thread::sleep(PUMPS_APART.saturating_sub(pumped).min(timeout));
    }
}

/// Whether links came through the front door.
pub(crate) fn has_links(world: &World) -> bool {
    world.get_resource::<link::WebLinks>().is_some_and(|links| !links.is_empty())
}
