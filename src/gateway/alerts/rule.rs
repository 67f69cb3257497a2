//! `Rule`, what is looked at and how much of it is too much.

use std::time::Duration;

use serde::Serialize;

use crate::AlertConfig;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Severity {
    /// Look at it today.
    Warning,
    /// Look at it now.
    Critical,
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug)]
pub(super) enum Measure {
    /// The mean within the last second, of a histogram.
    Mean(&'static str),
    /// The largest within the last second, of a histogram.
    Longest(&'static str),
    /// A number as it is now, with this value of a label if there are several.
    Now(&'static str, Option<&'static str>),
    /// By how much a number has risen within the last minute.
    Increase(&'static str),
    /// How much of one number's rise within the last minute another one's is.
    Share {
        /// Of all these,
        of: &'static str,
        /// so many were these.
        part: &'static str,
    },
    /// The round trip of clients.
    RoundTrip,
    /// For how long the server has said nothing.
    Silence,
}

/// What is looked at and how much of it is too much.
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) severity: Severity,
    pub(super) text: &'static str,
    pub(super) measure: Measure,
    /// Over it the alert holds; negative switches the rule off.
    pub(super) threshold: f64,
    /// For how long it has to be over it.
    pub(super) lasting: Duration,
    /// For how long it has to be under it again until the alert is over.
    pub(super) calm_for: Duration,
}

impl Rule {
    /// Whether it is looked at.
    pub(super) fn is_on(&self) -> bool {
        self.threshold >= 0.0
    }

    /// Whether the value is too much.
    pub(super) fn is_broken_by(&self, value: f64) -> bool {
        self.is_on() && value > self.threshold
    }

    /// The same rule for what has to last.
    fn lasting(self, seconds: u64) -> Self {
        Self { lasting: Duration::from_secs(seconds), ..self }
    }

    /// The same rule for what comes and goes: one alert for many of them.
    fn calm_for(self, seconds: u64) -> Self {
        Self { calm_for: Duration::from_secs(seconds), ..self }
    }
}

/// The threshold that switches a rule off.
const OFF: f64 = -1.0;

/// Every rule, with the thresholds of the configuration. Their number and order never change.
pub(super) fn rules(config: &AlertConfig) -> Vec<Rule> {
    use Measure::{Increase, Longest, Mean, Now, RoundTrip, Share, Silence};
    let count = |count: u64| if count == 0 { OFF } else { count as f64 };
    let ms = |ms: u64| if ms == 0 { OFF } else { ms as f64 / 1_000.0 };
    let percent = |percent: u64| if percent == 0 { OFF } else { percent as f64 / 100.0 };
    let (tick, late) = (Mean("framekeep_tick_seconds"), Mean("framekeep_frame_lateness_seconds"));
    let spike = Longest("framekeep_tick_seconds");
    let loss = Share { of: "framekeep_play_packets_total", part: "framekeep_play_packets_lost_total" };
    let cleanup = Now("framekeep_cleanup_oldest_age_seconds", None);
    let orders = Now("framekeep_queue_depth", Some("orders"));
    let undurable = Now("framekeep_undurable_rooms", None);
    let undurable_over = if config.undurable_s == 0 { OFF } else { 0.0 };
    let failures = Increase("framekeep_match_failures_total");
    vec![
        warning("slow_ticks", "turns take long on average", tick, ms(config.tick_mean_ms)).lasting(5),
        critical("tick_spike", "a turn took very long", spike, ms(config.tick_spike_ms)).calm_for(10),
        warning("late_frames", "frames are committed late", late, ms(config.lateness_ms)).lasting(5),
        warning("slow_network", "clients are far away", RoundTrip, ms(config.rtt_ms)).lasting(5),
        warning("lossy_network", "packets of clients are lost", loss, percent(config.loss_percent)),
        warning(
            "desyncs",
            "states of clients differ",
            Increase("framekeep_desyncs_total"),
            count(config.desyncs_per_min),
        ),
        warning("slow_cleanup", "cleanups wait for long", cleanup, count(config.cleanup_age_s)),
        warning("backlog", "the server is behind its front door", orders, count(config.backlog_orders))
            .lasting(5),
        critical("silence", "the server does not turn", Silence, count(config.silence_s)),
        critical("journal", "records are lost", Increase("framekeep_journal_failures_total"), 0.0),
        critical("undurable", "the disk is too slow or broken", undurable, undurable_over)
            .lasting(config.undurable_s),
        critical("panics", "a game failed a match", failures, 0.0),
        critical("decoder", "a decoder panicked", Increase("framekeep_decoder_panics_total"), 0.0),
        warning("strays", "something was left over", Increase("framekeep_swept_total"), 0.0),
        warning("unsent", "the socket is full", Increase("framekeep_datagrams_unsent_total"), 100.0),
    ]
}

fn warning(name: &'static str, text: &'static str, measure: Measure, threshold: f64) -> Rule {
    let (lasting, calm_for) = (Duration::ZERO, Duration::ZERO);
    Rule { name, severity: Severity::Warning, text, measure, threshold, lasting, calm_for }
}

fn critical(name: &'static str, text: &'static str, measure: Measure, threshold: f64) -> Rule {
    Rule { severity: Severity::Critical, ..warning(name, text, measure, threshold) }
}
