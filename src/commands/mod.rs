//! The typed methods: one trait a data type, each method one line over its row of the command table.

mod strings;

pub use strings::{SetOptions, StringCommands};
