//! As much of RESP2 as it takes to ask a server what it holds.

use std::fmt::Display;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// Reads one command as clients send them, an array of bulk strings. `None` when the client has
/// closed the connection between two commands.
pub fn read_command<R: BufRead>(reader: &mut R) -> io::Result<Option<Vec<Vec<u8>>>> {
    if reader.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let Reply::Array(words) = read_reply(reader)? else {
        return Err(io::Error::other("a command is an array"));
    };
    let words = words.into_iter().map(|word| match word {
        Reply::Bulk(word) => Ok(word),
        other => Err(io::Error::other(format!("a command's words are bulk strings, not {other:?}"))),
    });
    words.collect::<io::Result<_>>().map(Some)
}

/// A conversation with a server on one connection.
#[derive(Debug)]
pub struct Talk {
    reader: BufReader<TcpStream>,
}

impl Talk {
    /// Connects to a port of this machine. `patience` bounds connecting, each read and each write.
    pub fn with(port: u16, password: Option<&str>, patience: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), patience)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        stream.set_nodelay(true)?;
        let mut talk = Self { reader: BufReader::new(stream) };
        if let Some(password) = password {
            talk.expect_ok(&["AUTH", password])?;
        }
        Ok(talk)
    }

    /// Sends a command and reads its reply.
    pub fn call<A: AsRef<[u8]>>(&mut self, args: &[A]) -> io::Result<Reply> {
        self.reader.get_mut().write_all(&command(args))?;
        read_reply(&mut self.reader)
    }

    /// The same for a command whose reply is `+OK`; anything else is an error.
    pub fn expect_ok<A: AsRef<[u8]>>(&mut self, args: &[A]) -> io::Result<()> {
        match self.call(args)? {
            Reply::Simple(_) => Ok(()),
            other => Err(io::Error::other(format!("{other:?}"))),
        }
    }
}

/// A reply, as RESP2 has them, or a push of RESP3. What else RESP3 has is read as what RESP2 has in its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reply {
    /// `+OK`
    Simple(String),
    /// `-ERR …`
    Error(String),
    /// `:1`
    Int(i64),
    /// `$3`
    Bulk(Vec<u8>),
    /// `$-1` or `*-1`
    Nil,
    /// `*2`
    Array(Vec<Reply>),
    /// `>2`, which answers no command.
    Push(Vec<Reply>),
}

impl Reply {
    /// A bulk string, for comparisons.
    pub fn bulk<A: AsRef<[u8]>>(bytes: A) -> Self {
        Self::Bulk(bytes.as_ref().to_vec())
    }

    /// An array of bulk strings, for comparisons.
    pub fn bulks<A: AsRef<[u8]>>(items: &[A]) -> Self {
        Self::Array(items.iter().map(Self::bulk).collect())
    }

    /// `+OK`, for comparisons.
    pub fn ok() -> Self {
        Self::Simple("OK".to_owned())
    }

    /// An array in the order of its elements, for replies whose order the server does not promise.
    pub fn sorted(self) -> Self {
        match self {
            Self::Array(mut items) => {
                items.sort();
                Self::Array(items)
            }
            other => other,
        }
    }

    /// The text of a simple or a bulk string, an error included.
    pub fn text(&self) -> String {
        match self {
            Self::Simple(text) | Self::Error(text) => text.clone(),
            Self::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => panic!("{other:?} is not a text"),
        }
    }

    /// The integer.
    pub fn int(&self) -> i64 {
        match self {
            Self::Int(int) => *int,
            other => panic!("{other:?} is not an integer"),
        }
    }
}

/// A command's bytes, as clients send them.
pub fn command<A: AsRef<[u8]>>(args: &[A]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        let arg = arg.as_ref();
        bytes.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        bytes.extend_from_slice(arg);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// Reads one RESP2 reply.
pub fn read_reply<R: BufRead>(reader: &mut R) -> io::Result<Reply> {
    fn bad(what: impl Display) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, what.to_string())
    }
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let line = String::from_utf8(line).map_err(bad)?;
    let line = line.strip_suffix("\r\n").ok_or_else(|| bad("a line without an end"))?;
    let rest = line.get(1..).ok_or_else(|| bad("a line without a first character"))?;
    let number = || rest.parse::<i64>().map_err(bad);
    Ok(match &line[..1] {
        "+" => Reply::Simple(rest.to_owned()),
        "-" => Reply::Error(rest.to_owned()),
        ":" => Reply::Int(number()?),
        "$" | "*" if rest == "-1" => Reply::Nil,
        "$" => {
            let mut bulk = vec![0; usize::try_from(number()?).map_err(bad)? + 2];
            reader.read_exact(&mut bulk)?;
            if !bulk.ends_with(b"\r\n") {
                return Err(bad("a bulk string without an end"));
            }
            bulk.truncate(bulk.len() - 2);
            Reply::Bulk(bulk)
        }
        "*" => Reply::Array((0..number()?).map(|_| read_reply(reader)).collect::<io::Result<_>>()?),
        ">" => Reply::Push((0..number()?).map(|_| read_reply(reader)).collect::<io::Result<_>>()?),
        "%" => Reply::Array((0..2 * number()?).map(|_| read_reply(reader)).collect::<io::Result<_>>()?),
        "_" => Reply::Nil,
        "=" => {
            let mut text = vec![0; usize::try_from(number()?).map_err(bad)? + 2];
            reader.read_exact(&mut text)?;
            // Behind three letters for its form and a colon.
            Reply::Bulk(text[4..text.len() - 2].to_vec())
        }
        _ => return Err(bad(format!("{line:?} is no reply"))),
    })
}
