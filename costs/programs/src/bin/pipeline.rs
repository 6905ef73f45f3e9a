//! The common commands, and a pipeline.

use rediscluster::prelude::*;
use std::time::Duration;

fn main() -> rediscluster::Result<()> {
    let nodes = std::env::args().nth(1).unwrap_or_default();
    let cluster = Cluster::builder().nodes(&nodes).connect()?;
    cluster.set("foo", "bar")?;
    let foo: Option<String> = cluster.get("foo")?;
    let both: Vec<Option<String>> = cluster.mget(["foo", "bar"])?;
    let count = cluster.incr("count")?;
    cluster.expire("count", Duration::from_secs(60))?;
    let deleted = cluster.del(["foo", "bar"])?;
    println!("{} {} {count} {deleted}", foo.unwrap_or_default(), both.len());

    let mut pipeline = cluster.pipeline();
    pipeline.set("foo", "bar");
    let foo = pipeline.get::<_, Option<String>>("foo");
    let count = pipeline.incr("count");
    let replies = pipeline.run()?;
    println!("{} {}", replies.get(foo)?.unwrap_or_default(), replies.get(count)?);
    Ok(())
}
