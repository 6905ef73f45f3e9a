//! Where a scan of all keys is, as a text that outlives the program.

use crate::error::{Error, Result};
use std::fmt;
use std::str::FromStr;

/// Where a [`ScanAll`](crate::ScanAll) is: [`Cluster::scan_from`](crate::Cluster::scan_from) goes on from there.
///
/// It becomes a text by [`Display`](fmt::Display) and comes back by [`FromStr`], so that it can be stored. It holds the
/// node and its cursor, the process that the cursor is of, the number of the database, and a checksum of the nodes'
/// names; the text has letters, digits, `/`, `-` and what the name of the node has.
///
/// ```
/// # rediscluster_testing::example(|cluster| {
/// use rediscluster::prelude::*;
/// use rediscluster::{ScanOptions, ScanPosition};
///
/// cluster.mset([("foo", 1), ("bar", 2)])?;
/// let mut scan = cluster.scan_all(ScanOptions::new());
/// let first = scan.next().expect("two keys")?;
/// let stored: String = scan.position().to_string();
///
/// let position: ScanPosition = stored.parse()?;
/// let rest = cluster.scan_from(&position, ScanOptions::new())?;
/// assert_eq!(rest.count(), 1);
/// # Ok(()) });
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ScanPosition {
    pub(super) database: u32,
    /// Of the names of all nodes, in order.
    pub(super) names: u32,
    /// `None` at the end.
    pub(super) place: Option<Place>,
}

/// A place in the table of one node.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) node: String,
    pub(super) cursor: u64,
    /// Empty when the cursor is 0, which means the same to every process, and when the server does not say.
    pub(super) process: String,
}

impl ScanPosition {
    /// The name of the node that is scanned at this position; `None` at the end, when all were.
    #[inline]
    pub fn node(&self) -> Option<&str> {
        self.place.as_ref().map(|place| place.node.as_str())
    }

    /// The cursor of that node, 0 where its scan begins, and at the end. It means something to that one server only.
    #[inline]
    pub fn cursor(&self) -> u64 {
        self.place.as_ref().map_or(0, |place| place.cursor)
    }

    /// Whether all nodes have been scanned to their end.
    #[inline]
    pub fn is_end(&self) -> bool {
        self.place.is_none()
    }
}

/// The first part of a text, so that a later version can tell its own apart.
const VERSION: &str = "1";
/// Stands for no process and no node.
const NONE: &str = "-";

impl fmt::Display for ScanPosition {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VERSION}/{}/{:08x}/", self.database, self.names)?;
        match &self.place {
            None => f.write_str(NONE),
            Some(Place { node, cursor, process }) => {
                write!(f, "{node}/{cursor}/{}", if process.is_empty() { NONE } else { process })
            }
        }
    }
}

impl FromStr for ScanPosition {
    type Err = Error;

    #[inline]
    fn from_str(text: &str) -> Result<ScanPosition> {
        parsed(text).ok_or_else(|| {
            let shown = crate::error::escape(text.as_bytes(), 64);
            Error::argument(format!("{shown:?} is no position of a scan"))
        })
    }
}

#[inline]
fn parsed(text: &str) -> Option<ScanPosition> {
    let parts: Vec<&str> = text.split('/').collect();
    let (database, names, place) = match parts[..] {
        [VERSION, database, names, NONE] => (database, names, None),
        [VERSION, database, names, node, cursor, process] if !node.is_empty() && !process.is_empty() => {
            let process = if process == NONE { "" } else { process };
            Some(process).filter(|process| process.bytes().all(|byte| byte.is_ascii_alphanumeric()))?;
            let place = Place { node: node.to_owned(), cursor: cursor.parse().ok()?, process: process.to_owned() };
            (database, names, Some(place))
        }
        _ => return None,
    };
    Some(ScanPosition { database: database.parse().ok()?, names: u32::from_str_radix(names, 16).ok()?, place })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back() {
        let place = |node: &str, cursor, process: &str| {
            Some(Place { node: node.to_owned(), cursor, process: process.to_owned() })
        };
        for (place, text) in [
            (None, "1/3/0000beef/-"),
            (place("node_2", u64::MAX, "ab12"), "1/3/0000beef/node_2/18446744073709551615/ab12"),
            (place("-", 0, ""), "1/3/0000beef/-/0/-"),
            (place("a:b", 7, ""), "1/3/0000beef/a:b/7/-"),
        ] {
            let position = ScanPosition { database: 3, names: 0xbeef, place };
            assert_eq!(position.to_string(), text);
            assert_eq!(text.parse::<ScanPosition>().unwrap(), position);
        }
        for bad in ["", "1", "2/0/0/-", "1/x/0/-", "1/0/z/-", "1/0/0/", "1/0/0/n/x/-", "1/0/0/n/-1/-", "1/0/0/n/1/a b"]
        {
            assert!(bad.parse::<ScanPosition>().is_err(), "{bad}");
        }
        let error = format!("1/0/0/{}\x1b", "x".repeat(1000)).parse::<ScanPosition>().unwrap_err();
        assert!(error.message().len() < 120 && !error.message().contains('\x1b'), "{error}");
    }
}
