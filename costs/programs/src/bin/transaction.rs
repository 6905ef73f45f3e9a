//! GET, SET and a transaction.

use rediscluster::prelude::*;

fn main() -> rediscluster::Result<()> {
    let nodes = std::env::args().nth(1).unwrap_or_default();
    let cluster = Cluster::builder().nodes(&nodes).connect()?;
    cluster.set("foo", "bar")?;
    let foo: Option<String> = cluster.get("foo")?;
    println!("{}", foo.unwrap_or_default());

    let mut transaction = cluster.transaction();
    transaction.set("foo", "bar");
    let foo = transaction.get::<_, Option<String>>("foo");
    let replies = transaction.run()?;
    println!("{}", replies.get(foo)?.unwrap_or_default());
    Ok(())
}
