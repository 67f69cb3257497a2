//! Server, clients and a packet simulator under one virtual clock.
