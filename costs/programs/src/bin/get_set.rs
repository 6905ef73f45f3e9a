//! GET and SET on two nodes.

use rediscluster::prelude::*;

fn main() -> rediscluster::Result<()> {
    let nodes = std::env::args().nth(1).unwrap_or_default();
    let cluster = Cluster::builder().nodes(&nodes).connect()?;
    cluster.set("foo", "bar")?;
    let foo: Option<String> = cluster.get("foo")?;
    println!("{}", foo.unwrap_or_default());
    Ok(())
}
