//! The files of `deploy/` ask for what there is.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use crate::config::KEYS;
use crate::identity::SECRET_ENVS;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy")
}

fn text(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap_or_else(|error| panic!("deploy/{name}: {error}"))
}

#[test]
fn every_variable_in_deploy_is_one() {
    let known: BTreeSet<_> = KEYS.iter().map(crate::config::Key::env_name).collect();
    let mut seen = 0;
    for entry in
        std::fs::read_dir(folder()).expect("a folder").flatten().filter(|entry| entry.path().is_file())
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        let text = text(&name);
        let part = |c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        for variable in text.split(part).filter(|word| word.starts_with("FRAMEKEEP_")) {
            seen += 1;
            assert!(known.contains(variable) || SECRET_ENVS.contains(&variable), "deploy/{name}: {variable}");
        }
    }
    assert!(seen > 20, "{seen} variables");
}

#[test]
fn the_unit_is_watched_reloaded_and_stopped_as_the_server_expects() {
    let unit = text("framekeep.service");
    for line in [
        "Type=notify",
        "WatchdogSec=",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "KillSignal=SIGTERM",
        "User=framekeep",
    ] {
        assert!(unit.lines().any(|found| found.starts_with(line)), "{line}");
    }
    // The binary need not be installed where this runs.
    let there = tempfile::tempdir().expect("a folder");
    let path = there.path().join("framekeep.service");
    let unit =
        unit.replace("/usr/local/bin/framekeep", "/bin/true").replace("Documentation=man:framekeep(1)\n", "");
    std::fs::write(&path, unit).expect("a file");
    match Command::new("systemd-analyze").arg("verify").arg(&path).output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success() && !said.contains("framekeep.service:"), "{said}");
        }
        Err(error) => eprintln!("SKIPPED: systemd-analyze verify: {error}"),
    }
}

#[test]
fn the_container_runs_as_nobody_special_and_is_checked() {
    let file = text("Dockerfile");
    let at = |line: &str| file.lines().position(|found| found.starts_with(line));
    assert_eq!(file.lines().filter(|line| line.starts_with("FROM ")).count(), 2, "two stages");
    assert!(at("USER 10001") < at("ENTRYPOINT") && at("USER 10001").is_some());
    assert!(file.contains("CMD [\"framekeep\", \"healthcheck\"]") && at("STOPSIGNAL SIGTERM").is_some());
    let compose = text("compose.yml");
    for service in ["node-1", "node-2", "node-3", "redis", "prometheus", "grafana"] {
        assert!(compose.contains(&format!("\n  {service}:\n")), "{service}");
    }
}

#[test]
fn every_file_port_and_name_of_the_compose_file_is_there() {
    let root = folder().join("..");
    // Beside schemathesis there is a YAML parser.
    let beside = std::env::var_os("FRAMEKEEP_SCHEMATHESIS")
        .map(|program| PathBuf::from(program).with_file_name("python3"))
        .filter(|python| python.is_file());
    let python = beside.unwrap_or_else(|| PathBuf::from("python3"));
    match Command::new(&python).arg(root.join("tests/python/compose.py")).arg(&root).output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert!(output.status.success(), "{said}");
            eprint!("{said}");
        }
        Err(error) => eprintln!("SKIPPED: {}: {error}", python.display()),
    }
}
