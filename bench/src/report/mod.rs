//! What is shown and written.

mod cells;
mod document;
mod machine;
mod plot;
pub mod terminal;

pub use cells::ratio;
pub use document::write;
pub use machine::facts;
