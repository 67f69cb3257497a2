//! Alerts: rules with thresholds, looked at each second; told to the log, the webhook and whoever asks.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use framekeep_gate::Report;
use serde::Serialize;
use tracing::{error, info, warn};

use crate::front::{Front, unix_now};
use crate::{AlertConfig, webhook};

/// How often rules are looked at.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long what only increases is remembered: an alert about it holds as long.
const INCREASE_WINDOW: Duration = Duration::from_secs(60);

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Severity {
    /// Look at it today.
    Warning,
    /// Look at it now.
    Critical,
}

/// An alert that holds.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub(crate) struct Alert {
    /// The rule.
    pub(crate) name: &'static str,
    severity: Severity,
    /// What is wrong, for people.
    text: &'static str,
    /// What was measured when it began.
    value: f64,
    /// What it may be at most.
    threshold: f64,
    since_unix_ms: u64,
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug)]
enum Measure {
    /// The mean within the last second, of a histogram.
    Mean(&'static str),
    /// The largest within the last second, of a histogram.
    Longest(&'static str),
    /// A number as it is now.
    Now(&'static str),
    /// By how much a number has risen within the last minute.
    Increase(&'static str),
    /// The round trip of WebSocket clients.
    RoundTrip,
    /// For how long the server has said nothing.
    Silence,
}

struct Rule {
    name: &'static str,
    severity: Severity,
    text: &'static str,
    measure: Measure,
    /// Over it the alert holds; negative switches the rule off.
    threshold: f64,
    /// For how long it has to be over it.
    lasting: Duration,
}

/// A rule, and since when it is over its threshold.
struct Watched {
    rule: Rule,
    over_since: Option<Instant>,
    holds: Option<Alert>,
    /// Earlier values of what only increases.
    past: Vec<(Instant, f64)>,
}

/// A change that somebody is to be told of.
#[derive(Serialize)]
pub(crate) struct Notice<'a> {
    /// firing or resolved.
    state: &'static str,
    node: &'a str,
    #[serde(flatten)]
    alert: &'a Alert,
}

fn rules(config: &AlertConfig) -> Vec<Rule> {
    let ms = |ms: u64| if ms == 0 { -1.0 } else { ms as f64 / 1_000.0 };
    let s = |s: u64| if s == 0 { -1.0 } else { s as f64 };
    let rule = |name, severity, text, measure, threshold, lasting_s| Rule {
        name,
        severity,
        text,
        measure,
        threshold,
        lasting: Duration::from_secs(lasting_s),
    };
    use Measure::{Increase, Longest, Mean, Now, RoundTrip, Silence};
    use Severity::{Critical, Warning};
    let (tick, late) = ("framekeep_tick_seconds", "framekeep_frame_lateness_seconds");
    let age = "framekeep_cleanup_oldest_age_seconds";
    let most = s(config.desyncs_per_min);
    let age_max = s(config.cleanup_age_s);
    vec![
        rule("slow_ticks", Warning, "turns take long on average", Mean(tick), ms(config.tick_mean_ms), 5),
        rule("tick_spike", Critical, "a turn took very long", Longest(tick), ms(config.tick_spike_ms), 0),
        rule("late_frames", Warning, "frames are committed late", Mean(late), ms(config.lateness_ms), 5),
        rule("slow_network", Warning, "WebSocket clients are far away", RoundTrip, ms(config.rtt_ms), 5),
        rule("desyncs", Warning, "states of clients differ", Increase("framekeep_desyncs_total"), most, 0),
        rule("slow_cleanup", Warning, "cleanups wait for long", Now(age), age_max, 0),
        rule("silence", Critical, "the server does not turn", Silence, s(config.silence_s), 0),
        rule("journal", Critical, "records are lost", Increase("framekeep_journal_failures_total"), 0.0, 0),
        rule("panics", Critical, "a game failed a match", Increase("framekeep_match_failures_total"), 0.0, 0),
        rule("decoder", Critical, "a decoder panicked", Increase("framekeep_decoder_panics_total"), 0.0, 0),
        rule("strays", Warning, "something was left over", Increase("framekeep_swept_total"), 0.0, 0),
        rule("unsent", Warning, "the socket is full", Increase("framekeep_datagrams_unsent_total"), 100.0, 0),
    ]
}

/// The rules and how they stand.
pub(crate) struct Watch(Vec<Watched>);

impl Watch {
    pub(crate) fn new(config: &AlertConfig) -> Self {
        let watched = |rule| Watched { rule, over_since: None, holds: None, past: Vec::new() };
        let rules = rules(config).into_iter().filter(|rule| rule.threshold >= 0.0);
        Self(rules.map(watched).collect())
    }

    /// Looks at every rule; gives what has changed, and whether it holds now.
    pub(crate) fn look(&mut self, seen: &Seen<'_>) -> Vec<(Alert, bool)> {
        let mut changes = Vec::new();
        for watched in &mut self.0 {
            let value = watched.value(seen);
            if value <= watched.rule.threshold {
                watched.over_since = None;
                changes.extend(watched.holds.take().map(|alert| (alert, false)));
                continue;
            }
            let since = *watched.over_since.get_or_insert(seen.now);
            if watched.holds.is_none() && seen.now.duration_since(since) >= watched.rule.lasting {
                let alert = watched.rule.alert(value);
                watched.holds = Some(alert.clone());
                changes.push((alert, true));
            }
        }
        changes
    }

    /// The alerts that hold now.
    pub(crate) fn holding(&self) -> Vec<Alert> {
        self.0.iter().filter_map(|watched| watched.holds.clone()).collect()
    }
}

/// What rules look at.
pub(crate) struct Seen<'a> {
    pub(crate) now: Instant,
    pub(crate) report: &'a Report,
    /// Mean round trip within the last second, in seconds.
    pub(crate) round_trip: f64,
    /// For how long the server has said nothing, in seconds.
    pub(crate) silence: f64,
}

impl Rule {
    fn alert(&self, value: f64) -> Alert {
        Alert {
            name: self.name,
            severity: self.severity,
            text: self.text,
            value,
            threshold: self.threshold,
            since_unix_ms: unix_now().as_millis() as u64,
        }
    }
}

impl Watched {
    fn value(&mut self, seen: &Seen<'_>) -> f64 {
        match self.rule.measure {
            Measure::Mean(name) => seen.report.histogram(name).map_or(0.0, |found| found.recent_mean),
            Measure::Longest(name) => seen.report.histogram(name).map_or(0.0, |found| found.recent_max),
            Measure::Now(name) => seen.report.total(name),
            Measure::RoundTrip => seen.round_trip,
            Measure::Silence => seen.silence,
            Measure::Increase(name) => {
                let now = seen.report.total(name);
                self.past.retain(|(at, _)| seen.now.duration_since(*at) <= INCREASE_WINDOW);
                self.past.push((seen.now, now));
                now - self.past.first().map_or(now, |(_, value)| *value)
            }
        }
    }
}

/// Looks at the rules as long as the front door is open.
pub(crate) async fn watch(front: Arc<Front>) {
    let mut watch = Watch::new(&front.config.alerts);
    let mut clock = tokio::time::interval(LOOK_EVERY);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        let waiting = front.sessions.expire(Instant::now());
        let before = front.stats.parked.get();
        front.stats.parked.add(waiting as i64 - before);
        let report = front.door.report();
        if report.unix_ms == 0 {
            continue;
        }
        let silence = unix_now().saturating_sub(Duration::from_millis(report.unix_ms)).as_secs_f64();
        let round_trip = front.stats.rtt.recent_mean();
        let seen = Seen { now: Instant::now(), report: &report, round_trip, silence };
        let changes = watch.look(&seen);
        if changes.is_empty() {
            continue;
        }
        *front.alerts.lock().unwrap_or_else(PoisonError::into_inner) = watch.holding();
        for (alert, holds) in changes {
            tell(&front, &report.name, &alert, holds);
        }
    }
}

fn tell(front: &Arc<Front>, node: &str, alert: &Alert, holds: bool) {
    let Alert { name, text, value, threshold, .. } = alert;
    match (holds, alert.severity) {
        (true, Severity::Critical) => error!(alert = name, value, threshold, "alert: {text}"),
        (true, Severity::Warning) => warn!(alert = name, value, threshold, "alert: {text}"),
        (false, _) => info!(alert = name, "alert is over: {text}"),
    }
    let Some(url) = front.config.alerts.webhook.clone() else { return };
    let notice = Notice { state: if holds { "firing" } else { "resolved" }, node, alert };
    let body = serde_json::to_vec(&notice).unwrap_or_default();
    let front = front.clone();
    tokio::spawn(async move {
        match webhook::post(&url, body).await {
            Ok(()) => front.stats.alerts_sent.add(1),
            Err(fault) => {
                front.stats.alerts_lost.add(1);
                warn!(error = %fault, "the webhook did not take an alert");
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use framekeep_gate::{HistogramSample, Sample, SampleKind};

    use super::*;

    fn report(mean: f64, max: f64, failures: f64) -> Report {
        let tick = HistogramSample {
            name: "framekeep_tick_seconds",
            help: "",
            buckets: Vec::new(),
            count: 1,
            sum: 0.0,
            recent_max: max,
            recent_mean: mean,
        };
        let name = "framekeep_journal_failures_total";
        let journal = Sample { name, help: "", kind: SampleKind::Counter, label: None, value: failures };
        Report { histograms: vec![tick], samples: vec![journal], ..Report::default() }
    }

    fn names(changes: &[(Alert, bool)]) -> Vec<(&'static str, bool)> {
        changes.iter().map(|(alert, holds)| (alert.name, *holds)).collect()
    }

    #[test]
    fn a_spike_holds_at_once_and_a_mean_only_when_it_lasts() {
        let mut watch = Watch::new(&AlertConfig::default());
        let start = Instant::now();
        let mut look = |after_s, report: &Report| {
            let now = start + Duration::from_secs(after_s);
            names(&watch.look(&Seen { now, report, round_trip: 0.0, silence: 0.0 }))
        };
        let slow = report(0.031, 0.051, 0.0);
        assert_eq!(look(0, &slow), [("tick_spike", true)]);
        assert_eq!(look(4, &slow), []);
        assert_eq!(look(5, &slow), [("slow_ticks", true)]);
        assert_eq!(look(6, &report(0.030, 0.050, 0.0)), [("slow_ticks", false), ("tick_spike", false)]);
    }

    #[test]
    fn what_only_increases_alerts_for_a_minute_and_zero_switches_off() {
        let config = AlertConfig { tick_spike_ms: 0, tick_mean_ms: 0, ..AlertConfig::default() };
        let mut watch = Watch::new(&config);
        let start = Instant::now();
        let mut look = |after_s, failures| {
            let now = start + Duration::from_secs(after_s);
            let report = report(9.0, 9.0, failures);
            names(&watch.look(&Seen { now, report: &report, round_trip: 0.0, silence: 0.0 }))
        };
        assert_eq!(look(0, 7.0), [], "what was before is no news");
        assert_eq!(look(1, 8.0), [("journal", true)]);
        assert_eq!(look(59, 8.0), []);
        assert_eq!(look(120, 8.0), [("journal", false)]);
    }
}
