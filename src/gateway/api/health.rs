//! `/healthz`, `/readyz`, `/metrics`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use framekeep_gate::{Sample, SampleKind};

use crate::front::Front;
use crate::{alerts, metrics, process};

/// Whether the server turns. 503 if it has said nothing for seconds.
#[utoipa::path(get, path = "/healthz", tag = "operations", responses(
    (status = 200, description = "the server turns"),
    (status = 503, description = "it has said nothing for seconds")))]
pub(crate) async fn alive(State(front): State<Arc<Front>>) -> Response {
    if front.is_alive() {
        answer(StatusCode::OK, "ok")
    } else {
        answer(StatusCode::SERVICE_UNAVAILABLE, "stalled")
    }
}

/// Whether new players may come. 503 while the node drains.
#[utoipa::path(get, path = "/readyz", tag = "operations", responses(
    (status = 200, description = "new players may come"),
    (status = 503, description = "the node drains, or does not turn")))]
pub(crate) async fn ready(State(front): State<Arc<Front>>) -> Response {
    if !front.is_alive() {
        return answer(StatusCode::SERVICE_UNAVAILABLE, "stalled");
    }
    if front.door.report().draining {
        return answer(StatusCode::SERVICE_UNAVAILABLE, "draining");
    }
    answer(StatusCode::OK, "ready")
}

fn answer(status: StatusCode, word: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], format!("{word}\n")).into_response()
}

/// Everything that is measured, as Prometheus reads it.
#[utoipa::path(get, path = "/metrics", tag = "operations",
    responses((status = 200, description = "the text format of Prometheus", content_type = "text/plain")))]
pub(crate) async fn metrics(State(front): State<Arc<Front>>) -> Response {
    let (mut samples, histograms) = front.stats.samples();
    let alerts = front.alerts.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
    samples.extend(alerts::names().map(|name| Sample {
        name: "framekeep_alert_firing",
        help: "Whether an alert holds now",
        kind: SampleKind::Gauge,
        labels: vec![("alert", name)],
        value: f64::from(u8::from(alerts.iter().any(|alert| alert.name == name))),
    }));
    samples.extend(process::samples());
    let text = metrics::text(&front.door.report(), &samples, &histograms);
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response()
}
