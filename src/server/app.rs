//! `ServerPlugins`: what a server is made of, and the order in which it works.

use bevy_app::{App, Plugin};
use bevy_ecs::prelude::{IntoScheduleConfigs, Schedule, SystemSet};
use bevy_ecs::schedule::{ScheduleLabel, SingleThreadedExecutor};

use crate::admit::AdmitPlugin;
use crate::allowance::Allowances;
use crate::broadcast::BroadcastPlugin;
use crate::desync::DesyncPlugin;
use crate::escalation::EscalationPlugin;
use crate::expire::ExpirePlugin;
use crate::gate::GatePlugin;
use crate::leaderboard::LeaderboardPlugin;
use crate::log_budget::LogBudget;
use crate::moves::MovesPlugin;
use crate::record::RecordPlugin;
use crate::results::ResultsPlugin;
use crate::status::StatusPlugin;
use crate::sweep::SweepPlugin;
use crate::tick::TickPlugin;
use crate::transport::TransportPlugin;
use crate::{Counters, Rooms, StaleViews};

/// One turn of the server: everything that is due now is done, nothing waits.
#[derive(ScheduleLabel, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pump;

/// The steps of a pump, in order. A system says in which it belongs and nothing else about order.
#[derive(SystemSet, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServerSystems {
    /// Datagrams come from the socket, inputs reach their seats.
    Receive,
    /// Connections become links; what players ask of rooms is answered.
    Admit,
    /// Rooms whose frame is due are found.
    Collect,
    /// Their frames are committed.
    Commit,
    /// Their games step.
    Step,
    /// Hashes that clients claim are compared.
    Check,
    /// Journal and archives take the frames.
    Record,
    /// Seats are sent what they lack.
    Broadcast,
    /// Frames that everyone has, and matches that are over, are put away.
    Release,
    /// What has had its time goes.
    Expire,
    /// Datagrams go to the socket.
    Send,
    /// Operators are told how it goes.
    Report,
}

/// Everything a server does. Needs the resources `ServerConfig`, `Games`, `NodeKey`, `Clock`, `Chance`, `Socket` and
/// `Recorder`; [`Server`](crate::Server) brings them.
pub struct ServerPlugins;

impl Plugin for ServerPlugins {
    fn build(&self, app: &mut App) {
        use ServerSystems::{
            Admit, Broadcast, Check, Collect, Commit, Expire, Receive, Record, Release, Report, Send, Step,
        };
        let mut pump = Schedule::new(Pump);
        pump.set_executor(SingleThreadedExecutor::new());
        app.add_schedule(pump)
            .configure_sets(
                Pump,
                (
                    Receive, Admit, Collect, Commit, Step, Check, Record, Broadcast, Release, Expire, Send,
                    Report,
                )
                    .chain(),
            )
            .init_resource::<Counters>()
            .init_resource::<LogBudget>()
            .init_resource::<Allowances>()
            .init_resource::<Rooms>()
            .init_resource::<StaleViews>()
            .add_plugins((
                TransportPlugin,
                AdmitPlugin,
                TickPlugin,
                DesyncPlugin,
                RecordPlugin,
                ResultsPlugin,
                BroadcastPlugin,
                LeaderboardPlugin,
                EscalationPlugin,
                ExpirePlugin,
                SweepPlugin,
                GatePlugin,
                MovesPlugin,
                StatusPlugin,
            ));
    }
}
