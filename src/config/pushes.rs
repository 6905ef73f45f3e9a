//! Who is told of messages that answer no command.

use super::Builder;
use crate::observer::Pushes;
use crate::resp::ValueRef;
use crate::topology::Node;

impl Builder {
    /// Who is told of messages that answer no command, as servers send them by RESP3 after `CLIENT TRACKING`: which server
    /// it was, and what it said. They are told when the connection is read from, which is at its next command. A
    /// [`Subscriber`](crate::Subscriber) has its own way. It must not use the cluster. A panic changes nothing, as far as panics unwind. Without this they
    /// are passed over.
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// # let address = cluster.topology().servers().next().expect("a server").1.address().to_string();
    /// use rediscluster::prelude::*;
    /// use rediscluster::{Protocol, Value};
    /// use std::sync::mpsc::channel;
    ///
    /// let (sender, pushes) = channel();
    /// let builder = Cluster::builder().protocol(Protocol::Resp3);
    /// let mut connection = builder
    ///     .on_push(move |_, push| drop(sender.send(Value::from(push))))
    ///     .open(&address)?;
    /// connection.execute(cmd("CLIENT TRACKING").arg("ON").reply::<()>())?;
    /// connection.get::<_, Option<String>>("foo")?;
    /// connection.set("foo", "bar")?;
    /// connection.execute(cmd("PING").reply::<()>())?;
    /// assert!(matches!(pushes.try_recv(), Ok(Value::Push(_))), "foo is not what it was");
    /// # Ok(()) });
    /// ```
    pub fn on_push(mut self, handler: impl Fn(&Node, ValueRef<'_>) + Send + Sync + 'static) -> Builder {
        self.settings.pushes = Pushes::told_to(handler);
        self
    }
}
