//! A server that Agones has started, against a stub of its sidecar.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::serving::Serving;
use crate::stub::Stub;
use crate::web::Web;

#[test]
fn agones_is_told_of_a_servers_life() {
    let stub = Stub::start();
    let port = stub.address.port().to_string();
    let serving = Serving::start(&[("AGONES_SDK_HTTP_PORT", &port)]);
    serving.until("it is ready", |_| stub.count("/ready") == 1);
    serving.until("it is healthy", |_| stub.count("/health") >= 2);
    assert_eq!(stub.count("/allocate"), 0, "nobody is there");
    let mut web = Web::enter(&serving, "ada");
    web.join("friday", 2);
    web.hear("joined");
    serving.until("it is allocated", |_| stub.count("/allocate") == 1);
    serving.until("its room is in a label", |_| {
        let label = json!({ "key": "framekeep-rooms", "value": "1" });
        stub.heard().iter().any(|asked| {
            let is_label = (asked.method.as_str(), asked.path.as_str()) == ("PUT", "/metadata/label");
            is_label && serde_json::from_str::<Value>(&asked.body).is_ok_and(|body| body == label)
        })
    });
    web.ask("bye", json!({}));
    serving.until("it is ready again", |_| stub.count("/ready") == 2);
    assert_eq!(stub.count("/shutdown"), 0);
    serving.signal(Signal::SIGTERM);
    assert_eq!(serving.end(), 0);
    assert_eq!(stub.heard().last().map(|asked| asked.path.clone()).as_deref(), Some("/shutdown"));
}

#[test]
fn a_sidecar_that_is_gone_disturbs_nobody() {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address").port().to_string()
    };
    let serving = Serving::start(&[("AGONES_SDK_HTTP_PORT", &port)]);
    assert_eq!(serving.get("/readyz").status, 200);
    serving.signal(Signal::SIGTERM);
    assert_eq!(serving.end(), 0);
}
