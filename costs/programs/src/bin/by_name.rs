//! A command by its name: the whole command table.

use rediscluster::prelude::*;

fn main() -> rediscluster::Result<()> {
    let nodes = std::env::args().nth(1).unwrap_or_default();
    let cluster = Cluster::builder().nodes(&nodes).connect()?;
    cluster.execute(cmd("SET").arg("foo").arg("bar"))?;
    let foo: Option<String> = cluster.execute(cmd("GET").arg("foo").reply())?;
    println!("{}", foo.unwrap_or_default());
    Ok(())
}
