//! Pieces that know no route: each is given what it draws and says what was done to it.

pub mod badge;
pub mod banner;
pub mod chart;
pub mod copy;
pub mod empty;
pub mod icon;
pub mod number;
pub mod sparkline;
pub mod style;
pub mod text;
pub mod time;
