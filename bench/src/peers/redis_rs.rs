//! redis-rs, alone and with r2d2.

use crate::fleet::PATIENCE;
use redis::{Client, Connection};
use rediscluster_testing::Server;

/// As it is told.
pub const NAME: &str = "redis-rs";

pub type Pool = r2d2::Pool<Client>;

/// A client of one server.
pub fn client(server: &Server) -> Client {
    Client::open(format!("redis://{}", server.address())).expect("a URL")
}

/// A connection to one server.
pub fn connection(server: &Server) -> Connection {
    patient(client(server).get_connection().expect("the server was started"))
}

/// A connection whose calls end.
pub fn patient(connection: Connection) -> Connection {
    connection.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    connection
}

/// A pool of r2d2 that holds so many connections. It does not ask a connection by PING before each use, which is its
/// default: a call would take two round trips.
pub fn pool(server: &Server, size: usize) -> Pool {
    let size = u32::try_from(size).expect("a number of connections");
    r2d2::Pool::builder()
        .max_size(size)
        .test_on_check_out(false)
        .connection_timeout(PATIENCE)
        .build(client(server))
        .expect("the server was started")
}
