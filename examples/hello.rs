use rediscluster::prelude::*;

fn main() -> rediscluster::Result<()> {
    let cluster = Cluster::builder().nodes("node_1=127.0.0.1:63791,node_2=127.0.0.1:63792").connect()?;
    cluster.mset([("foo", 1), ("bar", 2)])?;
    let both: Vec<u64> = cluster.mget(["foo", "bar"])?;
    println!("{both:?}: foo is on {}, bar on {}", cluster.node_for("foo").name(), cluster.node_for("bar").name());
    Ok(())
}
