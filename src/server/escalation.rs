//! `EscalationPlugin`: faults are charged to the link, room or node they are of; who is over a budget bears what
//! follows ([`FaultKind::escalation`](crate::FaultKind::escalation)), and nobody else.

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::{Entity, IntoScheduleConfigs, Resource, World};
use tracing::{debug, error};

use crate::fault::{Escalation, Fault, FaultKind, FaultLog, FaultOwner};
use crate::limits::FAULTS_WAITING_MAX;
use crate::{
    Clock, Counters, Link, LinkStage, Pump, Recorder, Room, ServerConfig, ServerSystems, admit, rooms,
};

/// Charges faults to whom they are of, and does what follows from too many.
pub(crate) struct EscalationPlugin;

impl Plugin for EscalationPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Faults>().add_systems(
            Pump,
            charge_faults
                .in_set(ServerSystems::Expire)
                .after(crate::leaderboard::sample_scores)
                .before(crate::expire::expire),
        );
    }
}

/// Faults that were noted in this pump and are not charged yet, and those of the node.
#[derive(Resource, Debug, Default)]
pub struct Faults {
    waiting: Vec<(Option<Entity>, Fault)>,
    node: FaultLog,
    /// How many failures the recorder had at the last look.
    record_failures: u64,
}

impl Faults {
    /// Notes a fault of a link or a room. It is charged at the end of the pump.
    pub fn note(&mut self, whose: Entity, fault: impl Into<Fault>) {
        self.push(Some(whose), fault.into());
    }

    /// Notes a fault of the node.
    pub fn note_node(&mut self, fault: impl Into<Fault>) {
        self.push(None, fault.into());
    }

    /// A flood within one pump is charged in part, which is more than any budget.
    fn push(&mut self, whose: Option<Entity>, fault: Fault) {
        if self.waiting.len() < FAULTS_WAITING_MAX {
            self.waiting.push((whose, fault));
        }
    }
}

/// Charges what was noted, to whom it is of.
fn charge_faults(world: &mut World) {
    note_record(world);
    if world.resource::<Faults>().waiting.is_empty() {
        return;
    }
    for (whose, fault) in std::mem::take(&mut world.resource_mut::<Faults>().waiting) {
        let kind = fault.kind();
        world.resource_mut::<Counters>().faults.add(kind as usize);
        if charge(world, whose, kind) {
            world.resource_mut::<Counters>().escalations.add(kind as usize);
            escalate(world, whose, &fault);
        }
    }
}

/// The threads that write the data folder only count.
fn note_record(world: &mut World) {
    let failures = world.resource::<Recorder>().failures();
    let mut faults = world.resource_mut::<Faults>();
    let more = failures.saturating_sub(std::mem::replace(&mut faults.record_failures, failures));
    if more > 0 {
        faults.note_node(Fault::Record { failures: more });
    }
}

/// Adds a fault to its owner's log; gives whether it went over the budget. What is gone has none.
fn charge(world: &mut World, whose: Option<Entity>, kind: FaultKind) -> bool {
    let now = world.resource::<Clock>().now();
    let budgets = world.resource::<ServerConfig>().fault_budgets;
    let Some(whose) = whose else {
        return world.resource_mut::<Faults>().node.charge(kind, now, &budgets);
    };
    let Ok(mut entity) = world.get_entity_mut(whose) else { return false };
    if let Some(mut log) = entity.get_mut::<FaultLog>() {
        return log.charge(kind, now, &budgets);
    }
    let mut log = FaultLog::default();
    let over = log.charge(kind, now, &budgets);
    entity.insert(log);
    over
}

fn escalate(world: &mut World, whose: Option<Entity>, fault: &Fault) {
    let kind = fault.kind().name();
    let Some(whose) = whose else {
        error!(kind, %fault, "the node has more faults than it may");
        return;
    };
    if let Some(link) = world.get::<Link>(whose) {
        let is_closing = matches!(link.stage, LinkStage::Closing { .. });
        debug!(player = link.player.0, kind, %fault, "a link has more faults than it may");
        if let Some(Escalation::CloseLink(reason)) = fault.kind().escalation(FaultOwner::Link)
            && !is_closing
        {
            admit::close_link(world, whose, reason);
        }
    } else if let Some(room) = world.get::<Room>(whose) {
        error!(room = %room.name, id = room.id.0, kind, %fault, "a room has more faults than it may");
        if let Some(Escalation::CloseRoom(reason)) = fault.kind().escalation(FaultOwner::Room) {
            rooms::close(world, whose, reason);
        }
    }
}
