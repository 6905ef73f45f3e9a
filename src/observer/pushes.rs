//! What is done with messages that answer no command.

use crate::resp::{Frame, ValueRef};
use crate::topology::Node;
use std::fmt;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;

type Handler = dyn Fn(&Node, ValueRef<'_>) + Send + Sync;

/// Is told of each of them, where a program asks for that.
#[derive(Clone, Default)]
pub(crate) struct Pushes(Option<Arc<Handler>>);

impl Pushes {
    pub(crate) fn told_to(handler: impl Fn(&Node, ValueRef<'_>) + Send + Sync + 'static) -> Pushes {
        Pushes(Some(Arc::new(handler)))
    }

    #[cold]
    pub(crate) fn server_push(&self, node: &Node, frame: Frame<'_>) {
        if let Some(handler) = &self.0 {
            // The call in which it is told goes on.
            let _ = catch_unwind(AssertUnwindSafe(|| handler(node, frame.value())));
        }
    }
}

impl fmt::Debug for Pushes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "told" } else { "passed over" })
    }
}
