//! A game of one's own on a server of one's own.
//!
//! `FRAMEKEEP_KEY=$(openssl rand -hex 32) cargo run --release -p own_game`; `framekeep token` with the same key makes
//! tickets for players.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use framekeep_server::{Games, NodeKey, Server, ServerConfig};
use framekeep_sim::GameRegistry;
use tag::Tag;

#[cfg(test)]
mod tests;

fn main() -> anyhow::Result<()> {
    let games = Games::new(GameRegistry::new().with::<Tag>());
    let config =
        ServerConfig { name: "tag".to_owned(), data: Some("tag-data".into()), ..ServerConfig::default() };
    let server = Server::bind(config, games, key()?)?;
    println!("tag on udp {}; Ctrl-C ends it", server.local_addr());

    let shutdown = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&shutdown);
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))?;
    server.run(&shutdown);
    Ok(())
}

/// The secret that this server shares with whoever makes tickets for it.
fn key() -> anyhow::Result<NodeKey> {
    let text =
        std::env::var("FRAMEKEEP_KEY").context("FRAMEKEEP_KEY must hold a key of 64 hexadecimal digits")?;
    parse_key(&text).context("FRAMEKEEP_KEY does not hold 64 hexadecimal digits")
}

fn parse_key(text: &str) -> Option<NodeKey> {
    let mut key = [0; 32];
    let digits = text.trim().as_bytes();
    if digits.len() != 2 * key.len() {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = (digit(0)? << 4 | digit(1)?) as u8;
    }
    Some(NodeKey::new(key))
}
