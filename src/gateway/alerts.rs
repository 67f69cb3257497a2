//! Alerts: rules with thresholds, looked at each second; told to the log, the webhook and whoever asks.

mod rule;

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use framekeep_gate::Report;
use serde::Serialize;
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use crate::front::{Front, unix_now};
use crate::{AlertConfig, webhook};
pub(crate) use rule::Severity;
use rule::{Measure, Rule, rules};

/// Every alert there is.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    rules(&AlertConfig::default()).into_iter().map(|rule| rule.name)
}

/// How often rules are looked at.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked for news that do not wait for that.
const NEWS_EVERY: Duration = Duration::from_millis(200);

/// How long what only increases is remembered: an alert about it holds as long.
const INCREASE_WINDOW: Duration = Duration::from_secs(60);

/// Of fewer than this a share says nothing.
const SHARE_OF_MIN: f64 = 1_000.0;

/// Messages that wait for the webhook at most.
const MESSAGES_MAX: usize = 64;

/// How often a message is tried, and how long after the first time it is tried again; then twice as long, and so on.
const TRIES_MAX: u32 = 4;
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What the webhook is to be told.
struct Message {
    url: String,
    body: Vec<u8>,
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

/// A rule, and since when it is over its threshold.
struct Watched {
    rule: Rule,
    over_since: Option<Instant>,
    holds: Option<Alert>,
    /// When it was last over its threshold.
    over_at: Option<Instant>,
    /// Earlier values of what only increases.
    past: Vec<(Instant, [f64; 2])>,
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

/// The rules and how they stand.
pub(crate) struct Watch(Vec<Watched>);

impl Watch {
    pub(crate) fn new(config: &AlertConfig) -> Self {
        let watched = |rule| Watched { rule, over_since: None, holds: None, over_at: None, past: Vec::new() };
        Self(rules(config).into_iter().map(watched).collect())
    }

    /// Goes on with other thresholds.
    pub(crate) fn adopt(&mut self, config: &AlertConfig) {
        for (watched, rule) in self.0.iter_mut().zip(rules(config)) {
            watched.rule = rule;
        }
    }

    /// Looks at every rule; gives what has changed, and whether it holds now.
    pub(crate) fn look(&mut self, seen: &Seen<'_>) -> Vec<(Alert, bool)> {
        let mut changes = Vec::new();
        for watched in &mut self.0 {
            let value = watched.value(seen);
            if !watched.rule.is_broken_by(value) {
                watched.over_since = None;
                if !watched.is_calm(seen.now) {
                    continue;
                }
                changes.extend(watched.holds.take().map(|alert| (alert, false)));
                continue;
            }
            watched.over_at = Some(seen.now);
            let since = *watched.over_since.get_or_insert(seen.now);
            if watched.holds.is_none() && seen.now.duration_since(since) >= watched.rule.lasting {
                let alert = watched.alert(value);
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

impl Watched {
    /// Whether what was over its threshold has been under it for long enough, or is not looked at any more.
    fn is_calm(&self, now: Instant) -> bool {
        let calm_for = self.over_at.map_or(Duration::MAX, |at| now.saturating_duration_since(at));
        !self.rule.is_on() || calm_for >= self.rule.calm_for
    }

    fn alert(&self, value: f64) -> Alert {
        let Rule { name, severity, text, threshold, .. } = self.rule;
        Alert { name, severity, text, value, threshold, since_unix_ms: unix_now().as_millis() as u64 }
    }

    fn value(&mut self, seen: &Seen<'_>) -> f64 {
        let mean = |name| seen.report.histogram(name).map_or(0.0, |found| found.recent_mean);
        match self.rule.measure {
            Measure::Mean(name) => mean(name),
            Measure::Longest(name) => seen.report.histogram(name).map_or(0.0, |found| found.recent_max),
            Measure::Now(name, label) => seen.report.value(name, label).unwrap_or_default(),
            Measure::RoundTrip => seen.round_trip.max(mean("framekeep_udp_rtt_seconds")),
            Measure::Silence => seen.silence,
            Measure::Increase(name) => self.increase(seen.now, [seen.report.total(name), 0.0])[0],
            Measure::Share { of, part } => {
                let now = [seen.report.total(part), seen.report.total(of)];
                let [part, of] = self.increase(seen.now, now);
                if of < SHARE_OF_MIN { 0.0 } else { part / of }
            }
        }
    }

    /// By how much numbers have risen within the window.
    fn increase(&mut self, at: Instant, now: [f64; 2]) -> [f64; 2] {
        self.past.retain(|(then, _)| at.duration_since(*then) <= INCREASE_WINDOW);
        self.past.push((at, now));
        let before = self.past.first().map_or(now, |(_, value)| *value);
        [now[0] - before[0], now[1] - before[1]]
    }
}

/// Looks at the rules as long as the front door is open.
pub(crate) async fn watch(front: Arc<Front>) {
    let mut config = front.live().config.alerts.clone();
    let mut watch = Watch::new(&config);
    let (messages, waiting) = mpsc::channel(MESSAGES_MAX);
    tokio::spawn(send(front.clone(), waiting));
    let (mut clock, mut looked_at, mut was_durable) = (tokio::time::interval(NEWS_EVERY), None, true);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        let now = tokio::time::Instant::now();
        let is_durable = front.door.report().total("framekeep_undurable_rooms") <= 0.0;
        let is_news = std::mem::replace(&mut was_durable, is_durable) != is_durable;
        if looked_at.is_some_and(|at| now < at + LOOK_EVERY) && !is_news {
            continue;
        }
        looked_at = Some(now);
        let live = front.live();
        if live.config.alerts != config {
            config = live.config.alerts.clone();
            watch.adopt(&config);
        }
        let waiting = front.sessions.expire(now);
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
            tell(&front, &messages, &report.name, &alert, holds);
        }
    }
}

fn tell(front: &Front, messages: &mpsc::Sender<Message>, node: &str, alert: &Alert, holds: bool) {
    let Alert { name, text, value, threshold, .. } = alert;
    match (holds, alert.severity) {
        (true, Severity::Critical) => error!(alert = name, value, threshold, "alert: {text}"),
        (true, Severity::Warning) => warn!(alert = name, value, threshold, "alert: {text}"),
        (false, _) => info!(alert = name, "alert is over: {text}"),
    }
    let Some(url) = front.live().config.alerts.webhook.clone() else { return };
    let notice = Notice { state: if holds { "firing" } else { "resolved" }, node, alert };
    let body = serde_json::to_vec(&notice).unwrap_or_default();
    if messages.try_send(Message { url, body }).is_err() {
        front.stats.alerts_lost.add(1);
        warn!(waiting = MESSAGES_MAX, "the webhook takes nothing: an alert is not sent");
    }
}

/// Sends what is to be told, one after the other, so that nothing is over before it began. What the webhook does not
/// take is tried again a few times.
async fn send(front: Arc<Front>, mut waiting: mpsc::Receiver<Message>) {
    while let Some(Message { url, body }) = waiting.recv().await {
        let mut wait = RETRY_AFTER;
        let mut tries_left = TRIES_MAX;
        loop {
            tries_left -= 1;
            match webhook::post(&url, body.clone()).await {
                Ok(()) => break front.stats.alerts_sent.add(1),
                Err(fault) if tries_left == 0 => {
                    warn!(error = %fault, tries = TRIES_MAX, "the webhook did not take an alert");
                    break front.stats.alerts_lost.add(1);
                }
                Err(_) => tokio::time::sleep(wait).await,
            }
            wait *= 2;
        }
    }
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
        let kind = SampleKind::Counter;
        let journal = Sample { name, help: "", kind, labels: Vec::new(), value: failures };
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
        let quick = report(0.030, 0.050, 0.0);
        assert_eq!(look(6, &quick), [("slow_ticks", false)]);
        assert_eq!(look(14, &slow), [], "one alert for spikes that follow each other");
        assert_eq!(look(23, &quick), []);
        assert_eq!(look(24, &quick), [("tick_spike", false)]);
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

    #[test]
    fn other_thresholds_are_adopted_and_what_holds_goes_on() {
        let mut watch = Watch::new(&AlertConfig::default());
        let start = Instant::now();
        let report = report(0.0, 0.06, 0.0);
        let seen = |after_s| Seen {
            now: start + Duration::from_secs(after_s),
            report: &report,
            round_trip: 0.0,
            silence: 0.0,
        };
        assert_eq!(names(&watch.look(&seen(0))), [("tick_spike", true)]);
        watch.adopt(&AlertConfig { tick_spike_ms: 55, ..AlertConfig::default() });
        assert_eq!(names(&watch.look(&seen(1))), []);
        watch.adopt(&AlertConfig { tick_spike_ms: 0, ..AlertConfig::default() });
        assert_eq!(names(&watch.look(&seen(2))), [("tick_spike", false)]);
    }

    #[test]
    fn a_share_counts_once_there_is_enough_of_it() {
        let mut watch = Watch::new(&AlertConfig::default());
        let start = Instant::now();
        let mut look = |after_s, lost: f64, of: f64| {
            let sample =
                |name, value| Sample { name, help: "", kind: SampleKind::Counter, labels: Vec::new(), value };
            let samples = vec![
                sample("framekeep_play_packets_lost_total", lost),
                sample("framekeep_play_packets_total", of),
            ];
            let report = Report { samples, ..Report::default() };
            let now = start + Duration::from_secs(after_s);
            names(&watch.look(&Seen { now, report: &report, round_trip: 0.0, silence: 0.0 }))
        };
        assert_eq!(look(0, 0.0, 0.0), []);
        assert_eq!(look(1, 400.0, 900.0), []);
        assert_eq!(look(2, 400.0, 10_000.0), []);
        assert_eq!(look(3, 600.0, 10_000.0), [("lossy_network", true)]);
    }

    #[test]
    fn every_alert_has_a_row_and_a_runbook() {
        let text = include_str!("../../docs/OPERATING.md");
        for name in super::names() {
            assert!(
                text.contains(&format!("| `{name}` |")),
                "{name} is not in the table of docs/OPERATING.md"
            );
            assert!(
                text.contains(&format!("\n### `{name}`\n")),
                "{name} has no runbook in docs/OPERATING.md"
            );
        }
    }

    #[test]
    fn every_rule_of_prometheus_leads_to_a_runbook() {
        let (rules, text) = (
            include_str!("../../assets/prometheus/framekeep.rules.yml"),
            include_str!("../../docs/OPERATING.md"),
        );
        let values = |word: &str| -> Vec<&str> {
            let lines =
                rules.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix(word));
            lines.map(str::trim).collect()
        };
        let (alerts, runbooks) = (values("alert:"), values("runbook:"));
        assert_eq!(alerts.len(), runbooks.len(), "each of {alerts:?} has a runbook");
        for runbook in runbooks {
            let name = runbook.trim_matches('"').rsplit('#').next().unwrap_or_default();
            assert!(text.contains(&format!("\n### `{name}`\n")), "{runbook} leads nowhere");
        }
    }
}
