//! From page to page through one table of one server.

use crate::cluster::Page;
use crate::cmd::Cmd;
use crate::commands::ScanPage;
use crate::error::{Error, ErrorKind, Outcome, Result};
use crate::from_value::FromValue;
use crate::net::Deadline;
use crate::resp::{encode, Frame, Items, Value, ValueRef};
use crate::topology::Node;
use std::sync::Arc;
use std::vec;

/// A walk through one table of one server.
///
/// A cursor means something to one process only: each hashes with a seed of its own. Where another one answers, the
/// server having been started again or replaced, the walk begins anew, because going on would miss elements silently.
pub(super) struct Pages<I> {
    /// What the page in hand was asked by, or the next page will be when there is none in hand.
    cursor: u64,
    /// The process that the cursor is of; empty when the server does not say.
    process: String,
    /// The rest of the page in hand, and the cursor that follows it.
    in_hand: Option<(vec::IntoIter<I>, u64)>,
    /// The server that gave the page in hand.
    node: Option<Arc<Node>>,
    over: bool,
}

impl<I> Pages<I> {
    #[inline]
    pub(super) fn from(cursor: u64, process: String) -> Pages<I> {
        Pages { cursor, process, in_hand: None, node: None, over: false }
    }

    /// What gives again all that was not handed out, and the process that it is for.
    #[inline]
    pub(super) fn cursor(&self) -> (u64, &str) {
        (self.cursor, if self.cursor == 0 { "" } else { &self.process })
    }

    /// Whether everything was handed out.
    #[inline]
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// The server that gave the last element.
    #[inline]
    pub(super) fn node(&self) -> Option<&Arc<Node>> {
        self.node.as_ref()
    }

    /// The next element, in pages that `ask` brings; `None` when everything was handed out. After an error the next call
    /// asks for the same page again.
    #[inline]
    pub(super) fn next(
        &mut self,
        deadline: Deadline,
        ask: impl Fn(u64) -> Result<Page<ScanPage<I>>>,
    ) -> Result<Option<I>> {
        let mut asked = false;
        loop {
            if let Some((items, _)) = &mut self.in_hand {
                let item = items.next();
                self.settle();
                if item.is_some() {
                    return Ok(item);
                }
            }
            if self.over {
                return Ok(None);
            }
            if asked && deadline.left().is_err() {
                let message = "only empty pages came until the deadline; the next call goes on behind them";
                let error = Error::new(ErrorKind::Timeout, Outcome::NotApplied, message);
                return Err(match &self.node {
                    Some(node) => error.with_node(|| node.to_string()),
                    None => error,
                });
            }
            let page = ask(self.cursor)?;
            asked = true;
            let is_of_another = self.cursor != 0 && page.process != self.process;
            self.process = page.process;
            self.node = Some(Arc::new(page.node));
            match is_of_another {
                true => self.cursor = 0,
                false => self.in_hand = Some((page.content.items.into_iter(), page.content.cursor)),
            }
        }
    }

    /// Goes on to the next page when all of this one was handed out.
    #[inline]
    fn settle(&mut self) {
        if let Some((items, next)) = &self.in_hand {
            if items.len() == 0 {
                self.cursor = *next;
                self.over = *next == 0;
                self.in_hand = None;
            }
        }
    }
}

/// An element as it came, so that one which does not fit the type that was asked for does not cost its whole page.
pub(super) struct Raw(Vec<u8>);

impl Raw {
    pub(super) fn make<T: FromValue>(&self) -> Result<T> {
        T::from_value(Frame::trusted(&self.0).value())
    }
}

impl FromValue for Raw {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<Raw> {
        Ok(Raw(Value::from(value).to_bytes()))
    }

    #[inline]
    fn from_items(mut items: Items<'_>) -> Result<Vec<Raw>> {
        let mut all = Vec::with_capacity(items.len());
        while let Some((_, bytes)) = items.next_raw() {
            all.push(Raw(bytes.to_vec()));
        }
        Ok(all)
    }
}

/// Two elements that belong together: a field and its value, a member and its score.
pub(super) struct RawPair(Raw);

impl RawPair {
    pub(super) fn make<T: FromValue>(&self) -> Result<T> {
        self.0.make()
    }
}

impl FromValue for RawPair {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<RawPair> {
        Raw::from_value(value).map(RawPair)
    }

    /// Takes them one after the other, or each pair in a list of its own.
    #[inline]
    fn from_items(mut items: Items<'_>) -> Result<Vec<RawPair>> {
        if items.clone().next().is_some_and(|first| first.items().is_some()) {
            return items.map(RawPair::from_value).collect();
        }
        let mut pairs = Vec::with_capacity(items.len() / 2);
        while let Some((_, left)) = items.next_raw() {
            let Some((_, right)) = items.next_raw() else {
                return Err(Error::reply("expected pairs, got an odd number of elements"));
            };
            let mut bytes = Vec::with_capacity(left.len() + right.len() + 4);
            encode::head(&mut bytes, b'*', 2);
            bytes.extend_from_slice(left);
            bytes.extend_from_slice(right);
            pairs.push(RawPair(Raw(bytes)));
        }
        Ok(pairs)
    }
}

/// The command for a page, as far as it is the same for each.
pub(super) fn page_of<I>(cmd: Cmd<()>) -> Cmd<ScanPage<I>> {
    cmd.reply()
}
