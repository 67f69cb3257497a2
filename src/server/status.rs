//! `StatusPlugin`: how the node is, for operators and tools.

use std::time::Duration;

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::{IntoScheduleConfigs, Query, Res, ResMut, Resource};
use tracing::debug;

use crate::closed::write_names;
use crate::counters::Tally;
use crate::fault::FaultKind;
use crate::player::Players;
use crate::record::Recorder;
use crate::room::Rooms;
use crate::schedule::DueRooms;
use crate::why_alive::{Listing, write_rooms};
use crate::{
    CleanupBacklog, CleanupStats, Cleanups, Clock, Counters, Desyncs, Histogram, Link, Pump, Results,
    ServerSystems,
};

/// How often the status file is written.
const STATUS_EVERY: Duration = Duration::from_secs(1);

/// How the node is, for operators and tools: `status.json` in the data folder, each second.
pub(crate) struct StatusPlugin;

impl Plugin for StatusPlugin {
    fn build(&self, app: &mut App) {
        app.init_resource::<Timings>().init_resource::<Listing>().add_systems(
            Pump,
            (write_names, write_status, write_rooms).chain().in_set(ServerSystems::Report),
        );
    }
}

/// A JSON object with a number for each kind of fault.
fn by_kind(tally: &Tally<{ FaultKind::ALL.len() }>) -> String {
    let members = FaultKind::ALL.iter().zip(tally.0);
    let members: Vec<_> = members.map(|(kind, count)| format!("\"{}\":{count}", kind.name())).collect();
    format!("{{{}}}", members.join(","))
}

/// How long things take.
#[derive(Resource, Default)]
pub struct Timings {
    /// From the moment a frame is due to the moment it is handed to the socket, in microseconds.
    pub frame_us: Histogram,
    /// Work of one pump, in microseconds.
    pub pump_us: Histogram,
    /// From the moment a frame is due to its acknowledgement by a client over UDP, in microseconds.
    pub ack_us: Histogram,
    written_at: Duration,
}

/// Median, 99th percentile and maximum of some times.
fn spread(name: &str, us: &Histogram) -> String {
    let (p50, p99, max) = (us.quantile(0.50), us.quantile(0.99), us.max());
    format!("\"{name}_us_p50\":{p50},\"{name}_us_p99\":{p99},\"{name}_us_max\":{max}")
}

fn write_status(
    mut timings: ResMut<Timings>,
    clock: Res<Clock>,
    counters: Res<Counters>,
    recorder: Res<Recorder>,
    rooms: Res<Rooms>,
    players: Res<Players>,
    due: Res<DueRooms>,
    links: Query<&Link>,
    desyncs: Res<Desyncs>,
    results: Res<Results>,
    cleanup: Res<CleanupStats>,
    cleanups: Query<&Cleanups>,
) {
    let now = clock.now();
    if now < timings.written_at + STATUS_EVERY {
        return;
    }
    timings.written_at = now;
    let (frame, pump) = (&timings.frame_us, &timings.pump_us);
    let json = format!(
        concat!(
            "{{\"schema_version\":1,\"pid\":{},\"unix_ms\":{},\"links\":{},\"players\":{},\"rooms\":{},",
            "\"playing\":{},{},{},\"frames\":{},\"inputs_arrived\":{},\"inputs_repeated\":{},",
            "\"inputs_absent\":{},\"inputs_late\":{},\"desyncs\":{},\"snapshots\":{},\"datagrams_in\":{},",
            "\"datagrams_out\":{},\"datagrams_refused\":{},\"payloads_refused\":{},\"requests_refused\":{},",
            "\"requests_over_budget\":{},\"tickets_refused\":{},\"decoder_panics\":{},",
            "\"rooms_recovered\":{},{},\"results_lost\":{},\"swept\":{},\"faults\":{},\"escalations\":{},",
            "\"sockets_reopened\":{},\"desync\":{{{}}},\"cleanup\":{{{}}}}}\n"
        ),
        std::process::id(),
        now.as_millis(),
        links.iter().len(),
        players.len(),
        rooms.len(),
        due.len(),
        spread("tick", frame),
        spread("pump", pump),
        counters.frames,
        counters.inputs_arrived,
        counters.inputs_repeated,
        counters.inputs_absent,
        counters.inputs_late,
        counters.desyncs,
        counters.snapshots,
        counters.datagrams_in,
        counters.datagrams_out,
        counters.datagrams_refused.total(),
        counters.payloads_refused.total(),
        counters.requests_refused,
        counters.requests_over_budget,
        counters.tickets_refused,
        counters.decoder_panics,
        counters.rooms_recovered,
        recorder.json(),
        results.lost(),
        counters.swept.total(),
        by_kind(&counters.faults),
        by_kind(&counters.escalations),
        counters.sockets_reopened,
        desyncs.json(),
        cleanup.json(CleanupBacklog::of(cleanups.iter(), now)),
    );
    debug!(rooms = rooms.len(), links = links.iter().len(), "status");
    recorder.write_status(json);
}
