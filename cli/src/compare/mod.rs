//! `compare`: whether two fleets hold the same keys.

pub mod content;
pub mod server;
