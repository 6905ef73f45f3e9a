//! GET and SET on one server.

use redis::TypedCommands;

fn main() -> redis::RedisResult<()> {
    let url = std::env::args().nth(1).unwrap_or_default();
    let client = redis::Client::open(url)?;
    let mut connection = client.get_connection()?;
    connection.set("foo", "bar")?;
    let foo = connection.get("foo")?;
    println!("{}", foo.unwrap_or_default());
    Ok(())
}
