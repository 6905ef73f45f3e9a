//! GET and SET on a Redis Cluster.

use redis::TypedCommands;

fn main() -> redis::RedisResult<()> {
    let urls: Vec<String> = std::env::args().skip(1).collect();
    let client = redis::cluster::ClusterClient::new(urls)?;
    let mut connection = client.get_connection()?;
    connection.set("foo", "bar")?;
    let foo = connection.get("foo")?;
    println!("{}", foo.unwrap_or_default());
    Ok(())
}
