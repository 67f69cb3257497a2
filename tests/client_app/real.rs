//! The same over real sockets and by the real clock.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use bevy_app::App;
use framekeep_client::prelude::{ActiveMatch, Tickets};
use framekeep_client::{Connection, TicketFault};
use framekeep_games::arena::Arena;
use framekeep_protocol::{PlayerName, Role};
use framekeep_server::{NodeKey, Server, ServerConfig, TicketRequest, mint, player_id_of};

use super::{arena_app, games};

const PATIENCE: Duration = Duration::from_secs(30);

fn key() -> NodeKey {
    NodeKey::new([9; 32])
}

fn tickets(server: SocketAddr, name: &str) -> Tickets {
    let name = PlayerName::try_from(name).unwrap();
    Tickets::from_fn(move |now| {
        let (player, name) = (player_id_of(&name), name.clone());
        let request = TicketRequest { server, player, name, room: None, role: Role::Player, now };
        mint(&key(), &request).map_err(|error| TicketFault::Refused(error.to_string()))
    })
}

#[test]
fn two_apps_play_over_udp_on_this_machine() {
    let shutdown = Arc::new(AtomicBool::new(false));
    let (tell, address) = mpsc::channel();
    let flag = shutdown.clone();
    let server = std::thread::spawn(move || {
        let udp = SocketAddr::from(([127, 0, 0, 1], 0));
        let config =
            ServerConfig { udp, threads: 1, receive_buffer_bytes: 1 << 18, ..ServerConfig::default() };
        let server = Server::bind(config, games(), key()).unwrap();
        tell.send(server.local_addr()).unwrap();
        server.run(&flag);
    });
    let address = address.recv_timeout(PATIENCE).unwrap();
    let mut apps: Vec<App> = (0..2).map(|number| udp_app(address, number)).collect();
    let begin = Instant::now();
    let plays = |app: &App| {
        let game = app.world().resource::<ActiveMatch<Arena>>();
        game.confirmed().is_some_and(|play| play.tick().0 >= 60)
    };
    while !apps.iter().all(plays) && begin.elapsed() < PATIENCE {
        apps.iter_mut().for_each(App::update);
        std::thread::yield_now();
    }
    shutdown.store(true, Ordering::Relaxed);
    server.join().unwrap();
    for app in &apps {
        assert!(plays(app), "{:?}", app.world().resource::<Connection>().state());
    }
}

fn udp_app(server: SocketAddr, number: u64) -> App {
    let mut app = App::new();
    app.insert_resource(tickets(server, &format!("p{number}")));
    arena_app(number, 2, "perfect")(&mut app);
    app.finish();
    app.cleanup();
    app
}
