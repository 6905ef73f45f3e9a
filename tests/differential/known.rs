//! What differs and is meant to: the only place where that is said. A command that several nodes refuse by design,
//! such as `MSETEX`, has no form in `forms.rs` and so needs no line here.

use crate::commands::Command;
use crate::compare::Seen;

/// A difference that is none to a user, and why.
struct Known {
    /// The commands it is about.
    commands: &'static [&'static str],
    /// What one node and what several say.
    replies: fn(&Seen, &Seen) -> bool,
    #[allow(dead_code)] // for who reads this
    reason: &'static str,
}

/// Whoever adds a line has asked first whether the library is wrong.
const KNOWN: &[Known] = &[];

/// Whether this difference is meant to be.
pub fn is_known(command: &Command, one: &Seen, several: &Seen) -> bool {
    let is_about = |name: &&str| name.as_bytes().eq_ignore_ascii_case(&command[0]);
    KNOWN.iter().any(|known| known.commands.iter().any(is_about) && (known.replies)(one, several))
}
