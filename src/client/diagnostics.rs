//! `NetDiagnostics`, how the connection does.

use std::marker::PhantomData;
use std::time::Duration;

use bevy_app::{App, Plugin, PreUpdate};
use bevy_ecs::prelude::{IntoScheduleConfigs, Local, Res, ResMut, Resource};
use framekeep_rollback::Histogram;
use framekeep_sim::Game;

use crate::connection::Connection;
use crate::play::ActiveMatch;
use crate::{ClientClock, ClientSystems, Traffic};

/// Over how long rates are taken.
const WINDOW: Duration = Duration::from_secs(1);

/// How the connection and the match on it do, for an overlay or a log.
#[derive(Resource, Clone, Debug, Default)]
pub struct NetDiagnostics {
    /// Input made to acknowledgement received, smoothed; zero before the first.
    pub rtt: Duration,
    /// How unevenly packets of frames arrive, smoothed (as in RFC 3550, section 6.4.1).
    pub jitter: Duration,
    /// The part of the packets of frames of the last second that did not arrive, 0 to 1.
    pub loss: f32,
    /// How long before its deadline the newest input reached the server, in ticks; negative: too late.
    pub lead_ticks: f32,
    /// Ticks that are predicted now.
    pub predicted_ticks: u32,
    /// Ticks played again by each rollback of this app.
    pub rollback_ticks: Histogram,
    /// Rollbacks.
    pub rollbacks: u64,
    /// Times the game stood still because nothing more could be predicted, in this match.
    pub stalls: u64,
    /// Own inputs that the server committed without having them in time, in this match.
    pub inputs_late: u64,
    /// Bytes sent in the last second, without UDP's headers.
    pub up_bytes_per_s: u32,
    /// Bytes received in the last second.
    pub down_bytes_per_s: u32,
    /// Everything since the app began.
    pub traffic: Traffic,
    /// How often a lost link was replaced.
    pub reconnections: u32,
}

impl NetDiagnostics {
    pub(crate) fn note_rollback(&mut self, depth: u32) {
        self.rollbacks += 1;
        self.rollback_ticks.record(depth.into());
    }
}

/// Figures for an overlay.
pub struct DiagnosticsPlugin<G: Game> {
    game: PhantomData<fn() -> G>,
}

impl<G: Game> Default for DiagnosticsPlugin<G> {
    fn default() -> Self {
        Self { game: PhantomData }
    }
}

impl<G: Game> Plugin for DiagnosticsPlugin<G> {
    fn build(&self, app: &mut App) {
        app.init_resource::<NetDiagnostics>()
            .init_resource::<Connection>()
            .init_resource::<ActiveMatch<G>>()
            .add_systems(PreUpdate, measure::<G>.in_set(ClientSystems::Report));
    }
}

/// What was so at the beginning of the window.
#[derive(Default)]
struct Window {
    since: Option<Duration>,
    traffic: Traffic,
    /// When datagrams came last, and how far apart they were then.
    came_at: Option<Duration>,
    datagrams: u64,
}

fn measure<G: Game>(
    clock: Res<ClientClock>,
    connection: Res<Connection>,
    active: Res<ActiveMatch<G>>,
    mut diagnostics: ResMut<NetDiagnostics>,
    mut window: Local<Window>,
) {
    let (now, traffic) = (clock.now(), connection.traffic());
    diagnostics.traffic = traffic;
    diagnostics.reconnections = connection.reconnections();
    let mut interval = None;
    if let Some(play) = active.rollback() {
        let stats = play.stats();
        diagnostics.rtt = stats.rtt;
        diagnostics.lead_ticks = f32::from(stats.lead_eighths) / 8.0;
        diagnostics.predicted_ticks = play.predicted().tick().since(play.confirmed().tick());
        diagnostics.stalls = stats.stalls;
        diagnostics.inputs_late = stats.inputs_late;
        interval = Some(play.clock().period());
        note_jitter(&mut diagnostics, &mut window, now, play.clock().period());
    }
    let since = *window.since.get_or_insert(now);
    let passed = now.saturating_sub(since);
    if passed < WINDOW {
        return;
    }
    let per_s = |bytes: u64| (bytes as f64 / passed.as_secs_f64()) as u32;
    diagnostics.up_bytes_per_s = per_s(traffic.up_bytes - window.traffic.up_bytes);
    diagnostics.down_bytes_per_s = per_s(traffic.down_bytes - window.traffic.down_bytes);
    if let Some(interval) = interval {
        let expected = passed.as_secs_f32() / interval.as_secs_f32();
        let came = (traffic.down_datagrams - window.traffic.down_datagrams) as f32;
        diagnostics.loss = (1.0 - came / expected).clamp(0.0, 1.0);
    }
    (window.since, window.traffic) = (Some(now), traffic);
}

/// As in RFC 3550: a sixteenth of how much later or earlier than expected something came.
fn note_jitter(diagnostics: &mut NetDiagnostics, window: &mut Window, now: Duration, interval: Duration) {
    let came = diagnostics.traffic.down_datagrams;
    let news = came.saturating_sub(window.datagrams);
    if news == 0 {
        return;
    }
    if let Some(before) = window.came_at.replace(now) {
        let expected = interval * u32::try_from(news).unwrap_or(u32::MAX).min(1_000);
        let off = now.saturating_sub(before).abs_diff(expected);
        diagnostics.jitter = (diagnostics.jitter * 15 + off.min(WINDOW)) / 16;
    }
    window.datagrams = came;
}
