//! What Slipway's words mean: nouns, states, rules and arithmetic.
//!
//! No I/O, no clock, no random source: time and ids are arguments, so that the same function gives the same answer in the
//! server and in the browser.

pub mod audit;
pub mod diff;
pub mod fit;
pub mod gpu;
pub mod instant;
pub mod limit;
pub mod name;
pub mod node;
pub mod pending;
pub mod person;
pub mod policy;
pub mod preemption;
pub mod priority;
pub mod quantity;
pub mod quota;
pub mod refusal;
pub mod relayout;
pub mod resources;
pub mod run;
pub mod session;
pub mod team;
pub mod utilisation;
