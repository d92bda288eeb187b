//! Slipway's server: http → services → store and cluster, with drivers that work in the background.
//!
//! [`http`] parses and shapes; [`services`] implement the ports that the pages ask; [`store`] holds the only SQL; [`cluster`]
//! the only Kubernetes; [`prometheus`] reads what is measured; [`drivers`] take the steps that nobody clicks for. Nothing below calls anything above it.

pub mod clock;
pub mod cluster;
pub mod config;
pub mod drivers;
pub mod figures;
pub mod hex;
pub mod http;
pub mod live;
pub mod prometheus;
pub mod serve;
pub mod services;
pub mod store;
