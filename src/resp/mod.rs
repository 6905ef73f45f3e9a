//! RESP2 and RESP3 as pure bytes and values: no socket, no clock.
//!
//! A [`Decoder`] is fed the bytes of a connection and gives one complete, checked [`Frame`] at a time; a frame
//! is looked at through [`ValueRef`]s, which borrow from the read buffer, so that a typed reply is made without
//! a tree of values in between. [`Value`] is that tree, for those who want it.
//!
//! ```
//! use rediscluster::resp::{Decoder, Limits, Protocol, ValueRef};
//!
//! let mut decoder = Decoder::new(Protocol::Resp2, Limits::default());
//! decoder.feed(b"$3\r\nba");
//! assert!(decoder.decode()?.is_none());
//! decoder.feed(b"r\r\n");
//! let frame = decoder.decode()?.expect("a whole reply");
//! assert_eq!(frame.value(), ValueRef::Bulk(b"bar"));
//! # Ok::<(), rediscluster::Error>(())
//! ```

mod decode;
pub(crate) mod encode;
mod limits;
mod scan;
mod value;

pub use decode::{Decoder, Frame};
pub use limits::{Limits, Protocol};
pub use value::{Items, Value, ValueRef};
