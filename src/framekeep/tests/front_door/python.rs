//! A client in another language, written from the schema alone.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::serving::Serving;
use crate::udp::UdpBot;

#[test]
fn a_client_written_from_the_schema_alone_plays_a_match() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let serving = Serving::start(&[]);
    let client = Command::new("python3")
        .arg(root.join("tests/python/client.py"))
        .arg(root.join("src/gateway/framekeep.proto"))
        .args([&serving.http.to_string(), "friday", "2", "1.5"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(client) = client else {
        return eprintln!("SKIPPED: there is no python3 to run tests/python/client.py with");
    };
    serving.until("its room is there", |serving| serving.get("/api/v1/rooms/friday").status == 200);
    let bot = UdpBot::join(&serving, "friday");
    let output = client.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}; {}", serving.log());
    let seen: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&seen["ended"], &seen["bits"]), (&"aborted".into(), &11.into()), "{seen}");
    let number = |name: &str| seen[name].as_u64().unwrap_or_default();
    assert!(number("views") > 10 && number("whole") >= 1, "{seen}");
    assert!(number("moved") > 0, "it saw itself move: {seen}");
    let events = seen["events"].as_array().expect("events");
    for kind in ["joined", "started", "chat", "aborted"] {
        assert!(events.iter().any(|event| event == kind), "{kind}: {seen}");
    }
    assert!(bot.leave() > 0);
}
