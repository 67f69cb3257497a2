//! `NetDiagnostics`, how the connection does.

use std::fmt;
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
    /// The part of the packets of frames of the last second that brought nothing: lost, or overtaken by the next, 0 to
    /// 1. Packets that the server sends more than once are lost only if every copy is.
    pub loss: f32,
    /// How long before its deadline the newest input reached the server, in ticks; negative: too late.
    pub lead_ticks: f32,
    /// Ticks that are predicted now.
    pub predicted_ticks: u32,
    /// How many ticks after it is made an own input is played here.
    pub input_delay_ticks: u32,
    /// Whether the server says that the match stands still.
    pub is_paused: bool,
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
    /// Every figure by name, in seconds, bytes and ticks, for whatever collects metrics: hand them to its gauges now
    /// and then. [`std::fmt::Display`] writes the same as a Prometheus text.
    #[must_use]
    pub fn figures(&self) -> [(&'static str, f64); 18] {
        let ticks = &self.rollback_ticks;
        let traffic = &self.traffic;
        [
            ("framekeep_client_rtt_seconds", self.rtt.as_secs_f64()),
            ("framekeep_client_jitter_seconds", self.jitter.as_secs_f64()),
            ("framekeep_client_loss_ratio", self.loss.into()),
            ("framekeep_client_lead_ticks", self.lead_ticks.into()),
            ("framekeep_client_predicted_ticks", self.predicted_ticks.into()),
            ("framekeep_client_input_delay_ticks", self.input_delay_ticks.into()),
            ("framekeep_client_paused", f64::from(u8::from(self.is_paused))),
            ("framekeep_client_rollbacks_total", self.rollbacks as f64),
            ("framekeep_client_rollback_ticks_p50", ticks.quantile(500) as f64),
            ("framekeep_client_rollback_ticks_p99", ticks.quantile(990) as f64),
            ("framekeep_client_stalls", self.stalls as f64),
            ("framekeep_client_inputs_late", self.inputs_late as f64),
            ("framekeep_client_reconnections_total", self.reconnections.into()),
            ("framekeep_client_up_bytes_per_second", self.up_bytes_per_s.into()),
            ("framekeep_client_down_bytes_per_second", self.down_bytes_per_s.into()),
            ("framekeep_client_up_bytes_total", traffic.up_bytes as f64),
            ("framekeep_client_down_bytes_total", traffic.down_bytes as f64),
            ("framekeep_client_datagrams_total", (traffic.up_datagrams + traffic.down_datagrams) as f64),
        ]
    }

    pub(crate) fn note_rollback(&mut self, depth: u32) {
        self.rollbacks += 1;
        self.rollback_ticks.record(depth.into());
    }
}

impl fmt::Display for NetDiagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.figures().iter().try_for_each(|(name, value)| writeln!(f, "{name} {value}"))
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
    /// When packets of frames came last.
    came_at: Option<Duration>,
    /// How many had come then.
    heard: u64,
    /// How many had come when the window began.
    packets: u64,
    /// Whether no match was running for a part of the window.
    was_idle: bool,
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
    if active.packets < window.heard {
        *window =
            Window { since: window.since, traffic: window.traffic, was_idle: true, ..Window::default() };
    }
    if let Some(play) = active.rollback() {
        let stats = play.stats();
        diagnostics.rtt = stats.rtt;
        diagnostics.lead_ticks = f32::from(stats.lead_eighths) / 8.0;
        diagnostics.predicted_ticks = play.predicted().tick().since(play.confirmed().tick());
        diagnostics.input_delay_ticks = play.input_delay_ticks();
        diagnostics.is_paused = play.is_paused();
        diagnostics.stalls = stats.stalls;
        diagnostics.inputs_late = stats.inputs_late;
        if active.ended.is_none() && !play.is_waiting() {
            let between = play.clock().period() * u32::from(active.send_every_ticks);
            interval = Some(between);
            note_jitter(&mut diagnostics, &mut window, now, active.packets, between);
        }
    }
    window.was_idle |= interval.is_none();
    let since = *window.since.get_or_insert(now);
    let passed = now.saturating_sub(since);
    if passed < WINDOW {
        return;
    }
    let per_s = |bytes: u64| (bytes as f64 / passed.as_secs_f64()) as u32;
    diagnostics.up_bytes_per_s = per_s(traffic.up_bytes - window.traffic.up_bytes);
    diagnostics.down_bytes_per_s = per_s(traffic.down_bytes - window.traffic.down_bytes);
    if let Some(interval) = interval.filter(|_| !window.was_idle) {
        // One may be on either side of the window's ends.
        let expected = (passed.as_secs_f32() / interval.as_secs_f32()).floor();
        let came = active.packets.saturating_sub(window.packets) as f32;
        diagnostics.loss = if expected < 1.0 { 0.0 } else { (1.0 - came / expected).clamp(0.0, 1.0) };
    }
    (window.since, window.traffic) = (Some(now), traffic);
    (window.packets, window.was_idle) = (active.packets, interval.is_none());
}

/// As in RFC 3550: a sixteenth of how much later or earlier than expected something came.
fn note_jitter(
    diagnostics: &mut NetDiagnostics,
    window: &mut Window,
    now: Duration,
    came: u64,
    interval: Duration,
) {
    let news = came.saturating_sub(window.heard);
    if news == 0 {
        return;
    }
    if let Some(before) = window.came_at.replace(now) {
        let expected = interval * u32::try_from(news).unwrap_or(u32::MAX).min(1_000);
        let off = now.saturating_sub(before).abs_diff(expected);
        diagnostics.jitter = (diagnostics.jitter * 15 + off.min(WINDOW)) / 16;
    }
    window.heard = came;
}
