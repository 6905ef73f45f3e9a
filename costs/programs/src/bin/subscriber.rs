//! GET, SET and a subscriber.

use rediscluster::prelude::*;
use rediscluster::Event;
use std::time::Duration;

fn main() -> rediscluster::Result<()> {
    let nodes = std::env::args().nth(1).unwrap_or_default();
    let cluster = Cluster::builder().nodes(&nodes).connect()?;
    cluster.set("foo", "bar")?;
    let foo: Option<String> = cluster.get("foo")?;
    println!("{}", foo.unwrap_or_default());

    let mut subscriber = cluster.subscriber();
    subscriber.subscribe("news")?;
    cluster.publish("news", "hello")?;
    if let Some(Event::Message(message)) = subscriber.next_timeout(Duration::from_secs(1))? {
        println!("{}", message.payload::<String>()?);
    }
    Ok(())
}
