//! Operators who do not wait for the answer.

use std::sync::Mutex;

use axum::body::Body;
use framekeep_gate::{Detour, GateFull, Reply, Report, gate};
use tower_service::Service as _;

use super::*;
use crate::socket::player::NoTickets;
use crate::{GatewayConfig, Secret};

const TOKEN: &str = "an-admin-token-0123456789";

/// A server that does what it is asked for when it is told to.
#[derive(Default)]
struct Slow(Mutex<Vec<(Question, Reply)>>);

impl Detour for Slow {
    fn send(&self, order: Order) -> Result<(), GateFull> {
        if let Order::Ask(question, reply) = order {
            self.0.lock().unwrap().push((question, reply));
        }
        Ok(())
    }

    fn report(&self, own: Arc<Report>) -> Arc<Report> {
        own
    }
}

/// Lets everybody else work until something holds.
async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::task::yield_now().await;
    }
}

#[test]
fn what_was_begun_is_done_and_noted_though_everybody_who_asked_has_hung_up() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    runtime.block_on(async {
        let (door, _) = gate(1);
        let server = Arc::new(Slow::default());
        let token = Some(Secret::new(TOKEN).expect("it is long enough"));
        let config = GatewayConfig {
            admin_token: token,
            data: Some(folder.path().into()),
            ..GatewayConfig::default()
        };
        let front = Arc::new(Front::new(config, door.through(server.clone()), Arc::new(NoTickets)));
        for number in 0..20 {
            let request = Request::delete(format!("/admin/v1/rooms/room-{number}"))
                .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
                .header(header::HOST, "127.0.0.1")
                .extension(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 7))))
                .body(Body::empty())
                .expect("a request");
            let asking = tokio::spawn(router(front.clone()).call(request));
            until(|| server.0.lock().unwrap().len() == number + 1).await;
            asking.abort();
            assert!(asking.await.is_err_and(|error| error.is_cancelled()), "nobody waits for it");
        }
        assert!(front.audit.last().is_empty(), "nothing is done yet");
        let begun = std::mem::take(&mut *server.0.lock().unwrap());
        for (question, reply) in begun {
            assert!(matches!(question, Question::CloseRoom(_)));
            reply(Answer::Done);
        }
        let log = || std::fs::read_to_string(folder.path().join("audit.log")).unwrap_or_default();
        until(|| log().lines().count() == 20).await;
        assert_eq!(front.audit.last().len(), 20);
        assert!(
            log()
                .lines()
                .all(|line| line.contains("\"action\":\"close\"") && line.contains("\"status\":204"))
        );
    });
}
