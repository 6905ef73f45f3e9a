//! Raw pipelines: commands written as fast as a socket takes them, and replies read over.

use rediscluster_testing::{command, read_reply, Reply, Server};
use std::collections::HashSet;
use std::io::{BufReader, Write};
use std::net::TcpStream;

/// So many commands are sent before the first reply is read.
pub const TOGETHER: usize = 1000;
const BUFFER: usize = 256 << 10;

/// A connection to one server.
pub struct Raw {
    stream: TcpStream,
    replies: BufReader<TcpStream>,
}

impl Raw {
    pub fn to(server: &Server) -> Raw {
        let stream = TcpStream::connect(server.address()).expect("a server that runs");
        stream.set_nodelay(true).expect("a socket");
        let replies = BufReader::with_capacity(BUFFER, stream.try_clone().expect("a socket"));
        Raw { stream, replies }
    }

    /// Runs the command of every number.
    pub fn each(&mut self, count: u64, words: impl Fn(u64) -> Vec<Vec<u8>>) {
        for from in (0..count).step_by(TOGETHER) {
            let numbers = from..(from + TOGETHER as u64).min(count);
            let bytes: Vec<u8> = numbers.clone().flat_map(|number| command(&words(number))).collect();
            self.run(&bytes, numbers.count());
        }
    }

    /// All names, each once, in the order in which every tool gets them.
    pub fn names(&mut self) -> Vec<Vec<u8>> {
        let (mut names, mut cursor, mut seen) = (Vec::new(), b"0".to_vec(), HashSet::new());
        loop {
            let reply = self.run(&command(&[&b"SCAN"[..], &cursor, b"COUNT", b"1000"]), 1).pop();
            let Some(Reply::Array(parts)) = reply else { panic!("no page") };
            let [Reply::Bulk(next), Reply::Array(page)] = &parts[..] else { panic!("no page") };
            names.extend(page.iter().map(|name| name.text().into_bytes()).filter(|name| seen.insert(name.clone())));
            cursor = next.clone();
            if cursor == b"0" {
                return names;
            }
        }
    }

    /// What keys hold.
    pub fn dump(&mut self, names: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let bytes: Vec<u8> = names.iter().flat_map(|name| command(&[&b"DUMP"[..], name])).collect();
        let payloads = self.run(&bytes, names.len()).into_iter().map(|reply| match reply {
            Reply::Bulk(payload) => payload,
            other => panic!("{other:?}"),
        });
        payloads.collect()
    }

    pub fn restore(&mut self, names: &[Vec<u8>], payloads: &[Vec<u8>]) {
        let one = |(name, payload): (&Vec<u8>, &Vec<u8>)| command(&[&b"RESTORE"[..], name, b"0", payload]);
        let bytes: Vec<u8> = names.iter().zip(payloads).flat_map(one).collect();
        assert!(self.run(&bytes, names.len()).iter().all(|reply| *reply == Reply::ok()));
    }

    fn run(&mut self, bytes: &[u8], replies: usize) -> Vec<Reply> {
        self.stream.write_all(bytes).expect("a server that reads");
        (0..replies).map(|_| read_reply(&mut self.replies).expect("a reply")).collect()
    }
}
