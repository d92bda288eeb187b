//! Pieces that know no route: each is given what it draws and says what was done to it.

pub mod activity;
pub mod badge;
pub mod banner;
pub mod chart;
pub mod copy;
pub mod dialog;
pub mod diff;
pub mod empty;
pub mod field;
pub mod gpu_map;
pub mod icon;
pub mod log_view;
pub mod meter;
pub mod number;
pub mod phases;
pub mod share;
pub mod sparkline;
pub mod style;
pub mod text;
pub mod texts;
pub mod time;
