//! The built server, asked over HTTP and WebSocket, by those who may and those who may not.

mod api;
mod drain;
mod http;
mod play;
mod serving;
mod strangers;
mod udp;
mod web;
