//! What the options of `SORT` ask for, and where the keys live that its patterns name.

use super::{on_one_server, renamed, Native, Part, Placed, Planner, Route, Target};
use crate::command::{Access, Args, Spec};
use crate::error::{escape, Error, ErrorKind, Outcome, Result};
use crate::order::sort_by_key;
use crate::plan::CrossNode;
use std::borrow::Cow;
use std::ops::Range;

/// What the options of a `SORT` ask for.
pub(crate) struct Sorting<'c> {
    pub(crate) order: Order<'c>,
    pub(crate) desc: bool,
    pub(crate) alpha: bool,
    /// What each element becomes; empty for the element itself.
    pub(crate) get: Vec<Get<'c>>,
    pub(crate) stores: bool,
    /// Whether every option is known and complete. If not, the server of the key says what is wrong.
    pub(crate) is_whole: bool,
    limit: (i64, i64),
    /// The options that the server of the key gets.
    asked: Vec<&'c [u8]>,
}

/// Who puts the elements in order, and by what.
#[derive(Clone, Copy)]
pub(crate) enum Order<'c> {
    /// The server of the key, which also leaves out what is beyond the limit.
    Server,
    /// The client, by their bytes.
    Bytes,
    /// They stay in the order that they have; the client orders those of a set by their bytes.
    AsTheyAre,
    /// The client, by what the keys hold that the pattern names.
    Weights(Pattern<'c>),
}

/// What stands in the place of an element.
#[derive(Clone, Copy)]
pub(crate) enum Get<'c> {
    /// `#`: the element itself.
    Element,
    /// A pattern without `*` leads nowhere.
    Nothing,
    /// What a key holds.
    Value(Pattern<'c>),
}

/// A pattern that names a key for each element.
#[derive(Clone, Copy)]
pub(crate) struct Pattern<'c> {
    /// Which argument it is.
    position: usize,
    text: &'c [u8],
    /// Where the element stands in.
    star: usize,
    /// Where the name of the key ends: the rest, if any, is `->` and the field of a hash.
    end: usize,
}

/// What a server, for which it ends at a NUL, searches.
#[inline]
fn searched(text: &[u8]) -> &[u8] {
    text.split(|&byte| byte == 0).next().unwrap_or_default()
}

impl<'c> Pattern<'c> {
    /// `None` for a text without `*`.
    #[inline]
    fn of(position: usize, text: &'c [u8]) -> Option<Pattern<'c>> {
        let searched = searched(text);
        let star = searched.iter().position(|&byte| byte == b'*')?;
        let arrow = searched[star..].windows(2).position(|two| two == b"->").map(|at| star + at);
        let end = arrow.filter(|at| at + 2 < searched.len()).unwrap_or(text.len());
        Some(Pattern { position, text, star, end })
    }

    /// The name of the key for an element, before it is placed.
    #[inline]
    pub(crate) fn key(&self, element: &[u8]) -> Vec<u8> {
        [&self.text[..self.star], element, &self.text[self.star + 1..self.end]].concat()
    }

    /// The field of a hash; `None` when the key holds a string.
    #[inline]
    pub(crate) fn field(&self) -> Option<&'c [u8]> {
        self.text.get(self.end + 2..)
    }

    /// The part that names the key.
    #[inline]
    fn name(&self) -> &'c [u8] {
        &self.text[..self.end]
    }
}

impl<'c> Sorting<'c> {
    #[inline]
    pub(crate) fn of(args: &'c Args, spec: &Spec) -> Sorting<'c> {
        let words: Vec<&[u8]> = args.iter().skip(2).collect();
        let mut sorting = Sorting {
            order: Order::Server,
            desc: false,
            alpha: false,
            get: Vec::new(),
            stores: false,
            is_whole: true,
            limit: (0, -1),
            asked: Vec::new(),
        };
        let mut by = None;
        let mut keeps_order = false;
        let mut at = 0;
        while let (Some(&word), true) = (words.get(at), sorting.is_whole) {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            let taken = match words[at + 1..] {
                _ if is("ASC") || is("DESC") => {
                    sorting.desc = is("DESC");
                    1
                }
                _ if is("ALPHA") => {
                    sorting.alpha = true;
                    1
                }
                [offset, count, ..] if is("LIMIT") => {
                    match (number(offset), number(count)) {
                        (Some(offset), Some(count)) => sorting.limit = (offset, count),
                        _ => sorting.is_whole = false,
                    }
                    3
                }
                [pattern, ..] if is("BY") => {
                    match Pattern::of(at + 3, pattern) {
                        Some(pattern) => {
                            by = Some(pattern);
                            sorting.asked.extend([word, b"nosort"]);
                        }
                        // Once said, no later pattern takes it back.
                        None => {
                            keeps_order = true;
                            sorting.asked.extend([word, pattern]);
                        }
                    }
                    at += 2;
                    continue;
                }
                [pattern, ..] if is("GET") => {
                    sorting.get.push(match Pattern::of(at + 3, pattern) {
                        Some(pattern) => Get::Value(pattern),
                        None if searched(pattern) == b"#" => Get::Element,
                        None => Get::Nothing,
                    });
                    at += 2;
                    continue;
                }
                [_, ..] if is("STORE") && spec.access != Access::Read => {
                    sorting.stores = true;
                    at += 2;
                    continue;
                }
                _ => {
                    sorting.is_whole = false;
                    1
                }
            };
            sorting.asked.extend(&words[at..at + taken]);
            at += taken;
        }
        sorting.order = match by {
            _ if keeps_order && sorting.stores => Order::AsTheyAre,
            _ if keeps_order => Order::Server,
            Some(pattern) => Order::Weights(pattern),
            // Servers compare by the bytes, and not by their locale, what they store.
            None if sorting.alpha && sorting.stores => Order::Bytes,
            None => Order::Server,
        };
        // Of several limits and directions the last one counts.
        if sorting.is_whole {
            match sorting.order {
                Order::Server => {}
                Order::AsTheyAre => sorting.asked.extend([&b"LIMIT"[..], b"0", b"-1"]),
                Order::Weights(_) => sorting.asked.extend([&b"LIMIT"[..], b"0", b"-1", b"ASC"]),
                Order::Bytes => sorting.asked.extend([&b"BY"[..], b"nosort", b"LIMIT", b"0", b"-1"]),
            }
        }
        sorting
    }

    /// What the server of the key is asked: for the elements that are left, in order, or for all of them.
    #[inline]
    pub(crate) fn request(&self, spec: &Spec, source: &'c [u8]) -> Vec<&'c [u8]> {
        [&[spec.name.as_bytes(), source], &self.asked[..]].concat()
    }

    /// Which of so many elements the limit leaves.
    #[inline]
    pub(crate) fn range(&self, count: usize) -> Range<usize> {
        if matches!(self.order, Order::Server) {
            return 0..count;
        }
        let clamped = |number: i64| usize::try_from(number).map_or(count, |number| number.min(count));
        let start = clamped(self.limit.0.max(0));
        let length = if self.limit.1 < 0 { count } else { clamped(self.limit.1) };
        start..(start + length).min(count)
    }

    /// The patterns whose values take the place of elements.
    #[inline]
    pub(crate) fn gets(&self) -> Vec<Pattern<'c>> {
        let value = |get: &Get<'c>| match get {
            Get::Value(pattern) => Some(*pattern),
            _ => None,
        };
        self.get.iter().filter_map(value).collect()
    }

    /// The pattern that weights are looked up by.
    #[inline]
    pub(crate) fn by(&self) -> Option<Pattern<'c>> {
        match self.order {
            Order::Weights(pattern) => Some(pattern),
            _ => None,
        }
    }
}

#[inline]
fn number(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The node of the key sorts natively when everything that it needs lives there; else the client looks up what the
/// patterns name.
#[inline]
pub(crate) fn sorted<'c>(planner: &Planner<'_>, args: &'c Args, spec: &'static Spec) -> Result<Route<'c>> {
    let role = planner.role(spec);
    let keys = planner.placed(args, spec)?;
    let Some(source) = keys.first() else { return Err(super::too_few(spec)) };
    let sorting = Sorting::of(args, spec);
    let is_alone = planner.topology.distinct_shards().count() == 1;
    let mut all = keys.clone();
    let mut stored: Vec<(usize, Cow<'c, [u8]>)> =
        keys.iter().map(|key| (key.position, Cow::Borrowed(key.stored))).collect();
    let mut anywhere = None;
    for pattern in sorting.by().into_iter().chain(sorting.gets()) {
        let (_, name) = planner.placement.hash_tags.split(pattern.name());
        match planner.home_of(&pattern) {
            Some(shard) => {
                let master = planner.topology.shards()[shard].master();
                all.push(Placed { position: pattern.position, shard, master, stored: name });
            }
            // A server can only make different names of it when the element does not stand in the tag.
            None if is_alone && name.contains(&b'*') => {}
            None => anywhere = anywhere.or(Some(pattern)),
        }
        let name = match name.len() == pattern.end {
            true => Cow::Borrowed(pattern.text),
            false => Cow::Owned([name, &pattern.text[pattern.end..]].concat()),
        };
        stored.push((pattern.position, name));
    }
    if anywhere.is_none() && all.iter().all(|key| key.master == source.master) {
        // Patterns and the destination come in any order.
        sort_by_key(&mut stored, |(position, _)| *position);
        let named = stored.iter().map(|(position, name)| Placed { position: *position, stored: name, ..*source });
        let request = renamed(args, &named.collect::<Vec<_>>()).into();
        let target = Target::Shard(source.shard, role);
        return Ok(Route::One(Part { target, request, keys: Vec::new() }));
    }
    match (planner.cross_node, anywhere) {
        (CrossNode::Emulate, _) => Ok(Route::Across(keys)),
        (CrossNode::Refuse, Some(pattern)) => {
            let message = format!(
                "the keys that {} stands for may live on any node; give it the tag of the sorted key; nothing was sent",
                escape(pattern.text, 64)
            );
            Err(Error::new(ErrorKind::CrossNode, Outcome::NotApplied, message))
        }
        (CrossNode::Refuse, None) => {
            sort_by_key(&mut all, |key| key.position);
            Err(planner.refused(args, &all))
        }
    }
}

/// A sort for the one server that all its keys and all that its patterns name live on.
#[inline]
pub(crate) fn sorted_on_one_server<'c>(
    planner: &Planner<'_>,
    args: &'c Args,
    spec: &'static Spec,
) -> Result<Native<'c>> {
    let native = on_one_server(planner, args, spec)?;
    let refusing = Planner { cross_node: CrossNode::Refuse, ..*planner };
    match sorted(&refusing, args, spec)? {
        Route::One(part) => Ok(Native { request: part.request, ..native }),
        _ => Ok(native),
    }
}

impl Planner<'_> {
    /// The shard of all keys that a pattern names, when its tag says so.
    #[inline]
    pub(crate) fn home_of(&self, pattern: &Pattern<'_>) -> Option<usize> {
        let (one, other) = (pattern.key(b"0"), pattern.key(b"1"));
        let tags = &self.placement.hash_tags;
        let is_same = tags.split(&one).0 == tags.split(&other).0;
        is_same.then(|| self.placement.place(&one, self.topology).0)
    }

    /// A pattern as its servers would get it, for people: the name of the key, and the field of a hash.
    #[inline]
    pub(crate) fn shown_pattern<'c>(&self, pattern: &Pattern<'c>) -> (&'c [u8], Option<&'c [u8]>) {
        let name = match self.home_of(pattern) {
            Some(_) => self.placement.hash_tags.split(pattern.name()).1,
            None => pattern.name(),
        };
        (name, pattern.field())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::cmd;

    #[test]
    fn patterns() {
        for (text, key, field) in [
            ("w*", "wX", None),
            ("*", "X", None),
            ("w*y*", "wXy*", None),
            ("w*->f", "wX", Some("f")),
            ("w*{t}->f", "wX{t}", Some("f")),
            ("w*->f{t}", "wX", Some("f{t}")),
            ("w*->", "wX->", None),
            ("w*->->", "wX", Some("->")),
            ("w->*", "w->X", None),
            ("w->*->f->g", "w->X", Some("f->g")),
            ("w*>->f", "wX>", Some("f")),
            ("w*\0->f", "wX\0->f", None),
            ("w*->\0f", "wX->\0f", None),
            ("w*->f\0g", "wX", Some("f\0g")),
        ] {
            let pattern = Pattern::of(2, text.as_bytes()).unwrap();
            assert_eq!(pattern.key(b"X"), key.as_bytes(), "{text:?}");
            assert_eq!(pattern.field(), field.map(str::as_bytes), "{text:?}");
        }
        assert!(Pattern::of(2, b"w->f").is_none());
        assert!(Pattern::of(2, b"w\0*").is_none());
    }

    #[test]
    fn limits() {
        for (limit, left) in [
            ((0, -1), 0..4),
            ((1, 2), 1..3),
            ((-5, 2), 0..2),
            ((2, -3), 2..4),
            ((1, 0), 1..1),
            ((4, 1), 4..4),
            ((100, 1), 4..4),
            ((1, i64::MAX), 1..4),
            ((i64::MAX, i64::MAX), 4..4),
            ((i64::MIN, i64::MIN), 0..4),
        ] {
            let command = cmd("SORT").arg("k").arg("BY").arg("w*").arg("LIMIT").arg(limit.0).arg(limit.1);
            assert_eq!(Sorting::of(command.args(), &crate::table::SORT).range(4), left, "{limit:?}");
        }
    }

    /// What the server of the key is asked, and whether every option was understood.
    fn asked(line: &str) -> (String, bool) {
        let mut words = line.split(' ');
        let command = cmd(words.next().unwrap()).args_of(words.collect::<Vec<_>>());
        let spec = command.row(&[]).unwrap().spec;
        let sorting = Sorting::of(command.args(), spec);
        let request = sorting.request(spec, b"k").join(&b' ');
        (String::from_utf8(request).unwrap(), sorting.is_whole)
    }

    #[test]
    fn the_server_of_the_key_does_what_it_can() {
        for (line, request) in [
            ("SORT k GET v* LIMIT 1 2 DESC", "SORT k LIMIT 1 2 DESC"),
            ("SORT k alpha get v* store d", "SORT k alpha BY nosort LIMIT 0 -1"),
            ("SORT k BY w* LIMIT 1 2 DESC", "SORT k BY nosort LIMIT 1 2 DESC LIMIT 0 -1 ASC"),
            ("SORT k BY w* BY x LIMIT 1 2 GET v*", "SORT k BY nosort BY x LIMIT 1 2"),
            ("SORT k BY x BY w* DESC STORE d", "SORT k BY x BY nosort DESC LIMIT 0 -1"),
            ("SORT_RO k GET # GET v*", "SORT_RO k"),
        ] {
            assert_eq!(asked(line), (request.to_owned(), true), "{line}");
        }
        // It sees every mistake, and nothing behind the first.
        for (line, request) in [
            ("SORT k BY w* GET", "SORT k BY nosort GET"),
            ("SORT k BY", "SORT k BY"),
            ("SORT k BY w* LIMIT 5", "SORT k BY nosort LIMIT"),
            ("SORT k BY w* LIMIT x 1 STORE d", "SORT k BY nosort LIMIT x 1"),
            ("SORT k BY w* FOO STORE d", "SORT k BY nosort FOO"),
            ("SORT_RO k BY w* STORE d", "SORT_RO k BY nosort STORE"),
        ] {
            assert_eq!(asked(line), (request.to_owned(), false), "{line}");
        }
    }
}
