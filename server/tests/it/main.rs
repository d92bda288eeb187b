//! Slipway's server as its users meet it: over HTTP, with the real database. Each test has a server of its own.
#![allow(clippy::disallowed_methods, reason = "what is measured here is how long a person waits")]

mod audit;
mod browser;
mod databases;
mod dra;
mod fit;
mod fixture;
mod hardening;
mod kubernetes;
mod limits;
mod live;
mod nodes;
mod pending;
mod people;
mod picture;
mod postgres;
mod preemption;
mod program;
mod quotas;
mod relayouts;
mod rights;
mod routes;
mod runs;
mod runs_store;
mod sessions;
mod sign_in;
mod teams;
mod utilisation;
mod viewers;
