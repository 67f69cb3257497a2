//! What is measured has the names that rules and dashboards ask for.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use crate::serving::Serving;

fn assets() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../assets")
}

/// Every name of a metric in a text.
fn names(text: &str) -> BTreeSet<&str> {
    let part = |c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    text.split(part).filter(|word| word.starts_with("framekeep_")).collect()
}

/// The names that a server has, those of the parts of histograms as well.
fn measured(metrics: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for line in metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').expect("a name and a type");
        let parts: &[&str] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
        all.extend(parts.iter().map(|part| format!("{name}{part}")));
    }
    all
}

#[test]
fn rules_dashboards_and_documents_name_what_is_measured() {
    let serving = Serving::start(&[]);
    let metrics = serving.get("/metrics").body;
    let measured = measured(&metrics);
    assert!(measured.len() > 80, "{measured:?}");
    for file in ["prometheus/framekeep.rules.yml", "prometheus/framekeep.test.yml", "grafana/framekeep.json"]
    {
        let text = std::fs::read_to_string(assets().join(file)).expect(file);
        let missing: Vec<_> = names(&text).into_iter().filter(|name| !measured.contains(*name)).collect();
        assert!(missing.is_empty(), "{file} names {missing:?}, which no server has");
        for bound in text.split("le=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(metrics.contains(&format!("le=\"{bound}\"}}")), "{file}: no bucket ends at {bound}");
        }
    }
    let text = std::fs::read_to_string(assets().join("../docs/OPERATING.md")).expect("a document");
    // Packages have such names, too.
    let text: String = text.lines().filter(|line| !line.contains("cargo ")).collect::<Vec<_>>().join("\n");
    // A node alone has nothing to measure between nodes.
    let between = include_str!("../../../relay/stats.rs");
    let known = |name: &str| {
        measured.iter().any(|one| one == name || one.strip_suffix("_sum") == Some(name))
            || between.contains(&format!("\"{name}\""))
    };
    let missing: Vec<_> =
        names(&text).into_iter().filter(|name| *name != "framekeep_" && !known(name)).collect();
    assert!(missing.is_empty(), "docs/OPERATING.md names {missing:?}, which no server has");
}

#[test]
fn names_are_of_base_units_and_labels_are_few() {
    let serving = Serving::start(&[]);
    let metrics = serving.get("/metrics").body;
    for line in metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').expect("a name and a type");
        assert!(name.starts_with("framekeep_"), "{name}");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
        let foreign = ["_ms", "_us", "_ns", "_minutes", "_kib", "_mib", "_kb", "_mb", "_percent"];
        assert!(!foreign.iter().any(|unit| name.trim_end_matches("_total").ends_with(unit)), "{name}");
    }
    let helps = metrics.lines().filter_map(|line| line.strip_prefix("# HELP "));
    let unique: BTreeSet<_> = helps.clone().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(unique.len(), helps.count(), "samples of a name stand together");
    assert!(metrics.lines().count() < 600, "{} lines", metrics.lines().count());
}

/// Runs a tool of Prometheus, or says that it is not there.
fn promtool(args: &[&str]) {
    let folder = assets().join("prometheus");
    match Command::new("promtool").args(args).current_dir(folder).output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert!(output.status.success(), "{text}");
        }
        Err(error) => eprintln!("SKIPPED: promtool {args:?}: {error}; install Prometheus to run this test"),
    }
}

#[test]
fn promtool_accepts_the_rules_and_what_they_say() {
    promtool(&["check", "rules", "framekeep.rules.yml"]);
    promtool(&["test", "rules", "framekeep.test.yml"]);
}

#[test]
fn promtool_accepts_the_metrics() {
    use std::io::Write;
    use std::process::Stdio;

    let serving = Serving::start(&[]);
    let metrics = serving.get("/metrics").body;
    let tool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut tool) = tool else {
        return eprintln!("SKIPPED: promtool check metrics: install Prometheus to run this test");
    };
    tool.stdin.take().expect("piped").write_all(metrics.as_bytes()).expect("written");
    let output = tool.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{text}");
}

#[test]
fn the_dashboard_is_one() {
    let text = std::fs::read_to_string(assets().join("grafana/framekeep.json")).expect("a dashboard");
    let dashboard: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().expect("an id")).collect();
    assert_eq!(ids.len(), panels.len());
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let targets = panel["targets"].as_array().expect("targets");
        assert!(targets.iter().all(|target| target["expr"].as_str().is_some_and(|expr| !expr.is_empty())));
        let place = &panel["gridPos"];
        assert!(place["x"].as_u64().unwrap() + place["w"].as_u64().unwrap() <= 24, "{}", panel["title"]);
    }
    for name in ["framekeep_rooms_moved_total", "framekeep_watchers{"] {
        assert!(text.contains(name), "{name} is on it");
    }
}
