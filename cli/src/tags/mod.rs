//! Where keys belong, by their stored names and by what is said of their tags: for `clone`, `reshard`, `compare` and `verify`.
//!
//! Where tags are stripped, `name{tag}` is stored as `name`, and the stored name does not tell the tag.

mod full_names;
mod options;
mod places;

pub use full_names::FullNames;
pub use options::TagOptions;
pub use places::{is_plainly_home, Place, Places};
