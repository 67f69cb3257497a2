//! `/metrics`: what is measured, in the text format of Prometheus.

use std::fmt::Write as _;

use framekeep_gate::{HistogramSample, Report, Sample, SampleKind};

/// The content type of the text format.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Everything as text; samples of a name stand together.
pub(crate) fn text(report: &Report, samples: &[Sample], histograms: &[HistogramSample]) -> String {
    let mut out = String::with_capacity(16 << 10);
    let mut last = "";
    for sample in report.samples.iter().chain(samples) {
        if sample.name != last {
            let kind = if sample.kind == SampleKind::Counter { "counter" } else { "gauge" };
            head(&mut out, sample.name, sample.help, kind);
            last = sample.name;
        }
        // Writing to text cannot fail.
        out.push_str(sample.name);
        for (number, (name, value)) in sample.labels.iter().enumerate() {
            let before = if number == 0 { '{' } else { ',' };
            let _ = write!(out, "{before}{name}=\"{value}\"");
        }
        let after = if sample.labels.is_empty() { "" } else { "}" };
        let _ = writeln!(out, "{after} {}", sample.value);
    }
    for histogram in report.histograms.iter().chain(histograms) {
        write_histogram(&mut out, histogram);
    }
    out
}

fn head(out: &mut String, name: &str, help: &str, kind: &str) {
    let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
}

fn write_histogram(out: &mut String, histogram: &HistogramSample) {
    let name = histogram.name;
    head(out, name, histogram.help, "histogram");
    for (bound, count) in &histogram.buckets {
        let _ = writeln!(out, "{name}_bucket{{le=\"{bound}\"}} {count}");
    }
    let _ = writeln!(out, "{name}_bucket{{le=\"+Inf\"}} {}", histogram.count);
    let _ = writeln!(out, "{name}_sum {}\n{name}_count {}", histogram.sum, histogram.count);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_together_and_histograms_end_with_everything() {
        let sample = |name, value, labels: &[(&'static str, &'static str)]| {
            let labels = labels.to_vec();
            Sample { name, help: "A help", kind: SampleKind::Counter, labels, value }
        };
        let labels = [("fate", "late"), ("way", "in")];
        let histogram = HistogramSample {
            name: "framekeep_tick_seconds",
            help: "Work",
            buckets: vec![(0.001, 2), (0.01, 3)],
            count: 4,
            sum: 0.5,
            recent_max: 0.0,
            recent_mean: 0.0,
        };
        let name = "framekeep_a_total";
        let samples = [sample(name, 1.0, &labels[..1]), sample(name, 2.5, &labels), sample("b", 3.0, &[])];
        let text = text(&Report::default(), &samples, &[histogram]);
        assert_eq!(
            text,
            "# HELP framekeep_a_total A help\n# TYPE framekeep_a_total counter\n\
             framekeep_a_total{fate=\"late\"} 1\nframekeep_a_total{fate=\"late\",way=\"in\"} 2.5\n\
             # HELP b A help\n# TYPE b counter\nb 3\n\
             # HELP framekeep_tick_seconds Work\n# TYPE framekeep_tick_seconds histogram\n\
             framekeep_tick_seconds_bucket{le=\"0.001\"} 2\nframekeep_tick_seconds_bucket{le=\"0.01\"} 3\n\
             framekeep_tick_seconds_bucket{le=\"+Inf\"} 4\nframekeep_tick_seconds_sum 0.5\n\
             framekeep_tick_seconds_count 4\n"
        );
    }
}
