//! The built server, asked over HTTP and WebSocket, by those who may and those who may not.

mod agones;
mod api;
mod away;
mod backfill;
mod canary;
mod cluster;
mod drain;
mod failover;
mod fuzz;
mod histories;
mod http;
mod matchmaking;
mod measured;
mod nodes;
mod play;
mod python;
mod redis;
mod relay;
mod schema;
mod serving;
mod steady;
mod strangers;
mod stub;
mod supervised;
mod udp;
mod web;
