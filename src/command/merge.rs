//! From the replies of several servers to the one reply that one server would give. Pure.

use crate::error::{Error, Result};
use crate::resp::{encode, Frame, Items, ValueRef};
use std::collections::HashMap;
use std::fmt;

/// Makes one frame of the replies of several servers.
pub(crate) type Merge = fn(&Given<'_>) -> Result<Vec<u8>>;

/// How several replies become one; the names are those of Redis's command tips where it has one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ResponsePolicy(Number);

/// Rows have numbers of policies. A pointer in a row costs a program four words, and what merges stands in the strategies.
macro_rules! policies {
    ($($(#[$doc:meta])* $id:ident $name:literal $in_words:literal $merge:ident;)*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        #[derive(Clone, Copy, PartialEq, Eq)]
        enum Number {
            $($id,)*
        }

        impl ResponsePolicy {
            $(
                $(#[$doc])*
                pub const $id: ResponsePolicy = ResponsePolicy(Number::$id);
            )*

            /// What makes one frame of several replies.
            pub(crate) const fn merge(self) -> Merge {
                match self.0 {
                    $(Number::$id => $merge,)*
                }
            }

            /// A short name, in the manner of Redis's command tips.
            pub const fn name(self) -> &'static str {
                match self.0 {
                    $(Number::$id => $name,)*
                }
            }

            /// What becomes of several replies, for people.
            pub const fn in_words(self) -> &'static str {
                match self.0 {
                    $(Number::$id => $in_words,)*
                }
            }
        }
    };
}

policies! {
    /// The one reply as it is.
    AS_IS "as_is" "the reply as it is" first;
    /// Arrays with one element a key: put back into the order of the keys.
    KEY_ORDER "key_order" "one array in the order of the keys" key_order;
    /// Arrays whose order means nothing: one after the other.
    UNION "union" "one array of all" union;
    /// Numbers: added up.
    AGG_SUM "agg_sum" "the sum" sum_of_all;
    /// Numbers: the largest.
    AGG_MAX "agg_max" "the largest number" max;
    /// Truth values, or arrays of them: whether all are true.
    AGG_LOGICAL_AND "agg_logical_and" "true where all are" logical_and;
    /// Names and numbers in turn: the numbers of the same name added up.
    SUM_BY_NAME "sum_by_name" "the numbers of each name added up" sum_by_name;
    /// Statuses: the first of them when none is an error.
    ALL_SUCCEEDED "all_succeeded" "the first, when all succeeded" first;
    /// The first that is no error.
    ONE_SUCCEEDED "one_succeeded" "the first that succeeded" first;
    /// A map from the name of the server to its reply.
    PER_NODE "per_node" "a map from the server's name to its reply" per_node;
    /// What its row's [`Across`](crate::spec::Across) makes of them.
    SPECIAL "special" "what one server would reply" first;
}

impl ResponsePolicy {
    /// Whether one success is enough: the failures of others do not matter then.
    pub(crate) const fn wants_one(self) -> bool {
        matches!(self, ResponsePolicy::ONE_SUCCEEDED)
    }
}

impl fmt::Display for ResponsePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for ResponsePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An operation over sets.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SetOperation {
    /// Members of every set.
    Intersection,
    /// Members of any set.
    Union,
    /// Members of the first set and of no other.
    Difference,
}

impl SetOperation {
    /// One word.
    pub const fn name(self) -> &'static str {
        match self {
            SetOperation::Intersection => "intersection",
            SetOperation::Union => "union",
            SetOperation::Difference => "difference",
        }
    }

    /// What merges sets that each node has reduced by itself.
    pub(crate) const fn merge(self) -> Merge {
        match self {
            SetOperation::Intersection => intersection_of_sets,
            SetOperation::Union => union_of_sets,
            SetOperation::Difference => difference_of_sets,
        }
    }
}

/// The replies to the parts of a command, none of which is an error.
pub(crate) struct Given<'g> {
    /// What the row of the command says is to become of them.
    pub(crate) response: ResponsePolicy,
    /// For each part, which of the command's arguments are its keys.
    pub(crate) keys: &'g [&'g [usize]],
    pub(crate) replies: &'g [Frame<'g>],
    /// Who gave which reply.
    pub(crate) node: &'g dyn Fn(usize) -> Option<String>,
    /// The name of the server that each part went to.
    pub(crate) name: &'g dyn Fn(usize) -> String,
}

impl<'g> Given<'g> {
    /// Every reply as it is read; an error names the node whose reply does not fit.
    fn each<T>(&self, read: impl Fn(usize, &'g Frame<'g>) -> Result<T>) -> Result<Vec<T>> {
        let mut all = Vec::with_capacity(self.replies.len());
        for (nth, reply) in self.replies.iter().enumerate() {
            all.push(read(nth, reply).map_err(|error| self.named(nth, error))?);
        }
        Ok(all)
    }

    /// A reply that is a list.
    fn list(&self, nth: usize) -> Result<Items<'g>> {
        list(&self.replies[nth]).map_err(|error| self.named(nth, error))
    }

    /// A reply that is a number.
    fn number(&self, nth: usize) -> Result<i64> {
        let reply = &self.replies[nth];
        number(reply.value(), reply).map_err(|error| self.named(nth, error))
    }

    #[cold]
    fn named(&self, nth: usize, error: Error) -> Error {
        match (self.node)(nth) {
            Some(node) => error.with_node(|| node),
            None => error,
        }
    }
}

fn key_order(given: &Given<'_>) -> Result<Vec<u8>> {
    let (mut end, mut count) = (0, 0);
    for keys in given.keys {
        count += keys.len();
        for &key in *keys {
            end = end.max(key + 1);
        }
    }
    let mut slots: Vec<&[u8]> = vec![&[]; end];
    for (nth, keys) in given.keys.iter().enumerate() {
        let mut items = given.list(nth)?;
        items_of(keys.len(), items.len()).map_err(|error| given.named(nth, error))?;
        for &key in *keys {
            slots[key] = items.next_raw().map_or(&[], |(_, raw)| raw);
        }
    }
    let mut out = Vec::with_capacity(given.replies.iter().map(|reply| reply.as_bytes().len() + 8).sum());
    encode::head(&mut out, b'*', count);
    for raw in slots {
        out.extend_from_slice(raw);
    }
    Ok(out)
}

fn union(given: &Given<'_>) -> Result<Vec<u8>> {
    let (mut all, mut count) = (Vec::new(), 0);
    for nth in 0..given.replies.len() {
        let mut items = given.list(nth)?;
        count += items.len();
        while let Some((_, raw)) = items.next_raw() {
            all.extend_from_slice(raw);
        }
    }
    let mut out = Vec::with_capacity(all.len() + 16);
    encode::head(&mut out, b'*', count);
    out.append(&mut all);
    Ok(out)
}

fn sum_of_all(given: &Given<'_>) -> Result<Vec<u8>> {
    let mut all = 0;
    for nth in 0..given.replies.len() {
        all = sum(all, given.number(nth)?)?;
    }
    Ok(an_integer(all))
}

fn max(given: &Given<'_>) -> Result<Vec<u8>> {
    let mut most: Option<i64> = None;
    for nth in 0..given.replies.len() {
        most = most.max(Some(given.number(nth)?));
    }
    Ok(an_integer(most.unwrap_or(0)))
}

fn an_integer(number: i64) -> Vec<u8> {
    let mut out = Vec::new();
    encode::integer(&mut out, number);
    out
}

/// The first reply: errors never come this far.
fn first(given: &Given<'_>) -> Result<Vec<u8>> {
    Ok(given.replies.first().map_or_else(Vec::new, |reply| reply.as_bytes().to_vec()))
}

fn per_node(given: &Given<'_>) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    encode::head(&mut out, b'%', given.replies.len());
    for (nth, reply) in given.replies.iter().enumerate() {
        encode::bulk(&mut out, (given.name)(nth).as_bytes());
        out.extend_from_slice(reply.as_bytes());
    }
    Ok(out)
}

fn number(value: ValueRef<'_>, reply: &Frame<'_>) -> Result<i64> {
    match value {
        ValueRef::Integer(number) => Ok(number),
        ValueRef::Boolean(value) => Ok(value.into()),
        _ => Err(misfit("a number", reply)),
    }
}

fn sum(one: i64, other: i64) -> Result<i64> {
    one.checked_add(other).ok_or_else(|| Error::reply("the sum over the nodes overflows"))
}

fn items_of(wanted: usize, got: usize) -> Result<()> {
    match wanted == got {
        true => Ok(()),
        false => Err(Error::reply(format!("expected {wanted} elements, got {got}"))),
    }
}

/// Element by element: 1 where every reply says 1.
fn logical_and(given: &Given<'_>) -> Result<Vec<u8>> {
    let mut truths =
        given.each(|_, reply| list(reply)?.map(|item| number(item, reply)).collect::<Result<Vec<_>>>())?.into_iter();
    let mut all = truths.next().unwrap_or_default();
    for (nth, truths) in (1..).zip(truths) {
        items_of(all.len(), truths.len()).map_err(|error| given.named(nth, error))?;
        all.iter_mut().zip(truths).for_each(|(all, truth)| *all &= truth);
    }
    let mut out = Vec::new();
    encode::head(&mut out, b'*', all.len());
    all.into_iter().for_each(|truth| encode::integer(&mut out, truth));
    Ok(out)
}

/// In the order of the first reply; the kind of the aggregate is the first reply's as well.
fn sum_by_name(given: &Given<'_>) -> Result<Vec<u8>> {
    let counted = given.each(|_, reply| {
        let mut items = list(reply)?;
        let mut counts: Vec<(&[u8], i64)> = Vec::new();
        while let (Some(name), Some(count)) = (items.next(), items.next()) {
            let name = name.as_bytes().ok_or_else(|| misfit("names and numbers", reply))?;
            counts.push((name, number(count, reply)?));
        }
        Ok(counts)
    })?;
    let mut sums: Vec<(&[u8], i64)> = Vec::new();
    let mut places = Seen::new();
    for counts in &counted {
        for &(name, count) in counts {
            match places.get(name) {
                Some(&place) => sums[place].1 = sum(sums[place].1, count)?,
                None => {
                    places.insert(name, sums.len());
                    sums.push((name, count));
                }
            }
        }
    }
    let mut out = Vec::new();
    match given.replies.first().map(Frame::value) {
        Some(ValueRef::Map(_)) => encode::head(&mut out, b'%', sums.len()),
        _ => encode::head(&mut out, b'*', sums.len() * 2),
    }
    for (name, count) in sums {
        encode::bulk(&mut out, name);
        encode::integer(&mut out, count);
    }
    Ok(out)
}

/// Sets that each node reduced by itself; the members stay in the order in which they came.
fn union_of_sets(given: &Given<'_>) -> Result<Vec<u8>> {
    merged_sets(given, |left, others| {
        let mut seen = Seen::new();
        for member in left.iter() {
            seen.insert(member, 0);
        }
        for list in others {
            for &member in list {
                if seen.insert(member, 0).is_none() {
                    left.push(member);
                }
            }
        }
    })
}

fn intersection_of_sets(given: &Given<'_>) -> Result<Vec<u8>> {
    merged_sets(given, |left, others| {
        for list in others {
            let mut other = Seen::new();
            for member in list {
                other.insert(member, 0);
            }
            left.retain(|member| other.contains_key(member));
        }
    })
}

/// The members of the first set that no other one has.
fn difference_of_sets(given: &Given<'_>) -> Result<Vec<u8>> {
    merged_sets(given, |left, others| {
        let mut seen = Seen::new();
        for list in others {
            for member in list {
                seen.insert(member, 0);
            }
        }
        left.retain(|member| !seen.contains_key(member));
    })
}

/// Names and where they are: the one type of a map, for each takes a copy of its code.
type Seen<'g> = HashMap<&'g [u8], usize>;

type Members<'g> = Vec<&'g [u8]>;

fn merged_sets<'g>(given: &Given<'g>, merge: fn(&mut Members<'g>, &[Members<'g>])) -> Result<Vec<u8>> {
    let mut lists = given.each(|_, reply| members(reply))?;
    let mut left = if lists.is_empty() { Vec::new() } else { lists.remove(0) };
    merge(&mut left, &lists);
    let kind = match given.replies.first().map(Frame::value) {
        Some(ValueRef::Set(_)) => b'~',
        _ => b'*',
    };
    let mut out = Vec::new();
    encode::head(&mut out, kind, left.len());
    left.iter().for_each(|member| encode::bulk(&mut out, member));
    Ok(out)
}

fn members<'a>(reply: &Frame<'a>) -> Result<Members<'a>> {
    list(reply)?.map(|item| item.as_bytes().ok_or_else(|| misfit("a set of strings", reply))).collect()
}

fn list<'a>(reply: &Frame<'a>) -> Result<Items<'a>> {
    reply.value().items().ok_or_else(|| misfit("a list", reply))
}

fn misfit(wanted: &str, reply: &Frame<'_>) -> Error {
    let got = crate::error::escape(format!("{:?}", reply.value()).as_bytes(), 256);
    Error::reply(format!("expected {wanted} from every node, got {got}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::Value;

    /// Merges replies to parts that hold these keys.
    fn merged(merge: Merge, keys: &[&[usize]], replies: &[Value]) -> Result<Value> {
        let bytes: Vec<Vec<u8>> = replies.iter().map(Value::to_bytes).collect();
        let frames: Vec<Frame<'_>> = bytes.iter().map(|bytes| Frame::trusted(bytes)).collect();
        let node = |nth: usize| Some(format!("node_{}", nth + 1));
        let name = |nth: usize| format!("node_{}", nth + 1);
        let given = Given { response: ResponsePolicy::AS_IS, keys, replies: &frames, node: &node, name: &name };
        merge(&given).map(|bytes| Frame::trusted(&bytes).value().into())
    }

    fn list(items: &[&str]) -> Value {
        Value::Array(items.iter().map(|item| Value::from(*item)).collect())
    }

    #[test]
    fn key_order_is_restored() {
        let replies = [Value::Array(vec!["a".into(), Value::Nil]), list(&["b"])];
        let wanted = Value::Array(vec!["b".into(), "a".into(), Value::Nil]);
        assert_eq!(merged(key_order, &[&[2, 3], &[1]], &replies).unwrap(), wanted);
        let short = merged(key_order, &[&[1, 2], &[3]], &[list(&["a"]), list(&["b"])]);
        assert_eq!(short.unwrap_err().message(), "expected 2 elements, got 1");
    }

    #[test]
    fn sums_and_lists() {
        let numbers = [Value::Integer(2), Value::Integer(40)];
        assert_eq!(merged(sum_of_all, &[&[], &[]], &numbers).unwrap(), Value::Integer(42));
        assert!(merged(sum_of_all, &[&[], &[]], &[Value::Integer(i64::MAX), Value::Integer(1)]).is_err());
        assert!(merged(sum_of_all, &[&[]], &["text".into()]).is_err());
        let lists = [list(&["a"]), list(&[]), list(&["b", "a"])];
        assert_eq!(merged(union, &[&[], &[], &[]], &lists).unwrap(), list(&["a", "b", "a"]));
    }

    #[test]
    fn set_operations() {
        let replies = [list(&["a", "b", "c"]), list(&["b", "c", "d"]), list(&["c", "e"])];
        for (operation, left) in [
            (SetOperation::Union, list(&["a", "b", "c", "d", "e"])),
            (SetOperation::Intersection, list(&["c"])),
            (SetOperation::Difference, list(&["a"])),
        ] {
            assert_eq!(merged(operation.merge(), &[&[], &[], &[]], &replies).unwrap(), left);
        }
    }

    #[test]
    fn who_does_not_fit_is_named() {
        let number = Value::Integer(1);
        let cases: [(Merge, [Value; 2]); 8] = [
            (sum_of_all, [number.clone(), list(&[])]),
            (max, [number.clone(), "text".into()]),
            (union, [list(&["a"]), number.clone()]),
            (key_order, [list(&["a"]), list(&["b", "c"])]),
            (logical_and, [Value::Array(vec![number.clone()]), Value::Array(vec![])]),
            (logical_and, [Value::Array(vec![number.clone()]), list(&["a"])]),
            (sum_by_name, [list(&[]), Value::Array(vec![number.clone(), number.clone()])]),
            (union_of_sets, [list(&["a"]), number.clone()]),
        ];
        for (nth, (merge, replies)) in cases.into_iter().enumerate() {
            let error = merged(merge, &[&[1], &[2]], &replies).unwrap_err();
            assert_eq!(error.node(), Some("node_2"), "case {nth}: {error}");
        }
        let all_do = [Value::Integer(i64::MAX), number];
        assert_eq!(merged(sum_of_all, &[&[1], &[2]], &all_do).unwrap_err().node(), None);
    }

    #[test]
    fn nodes_keep_their_names_and_their_order() {
        let wanted = Value::Map(vec![("node_1".into(), Value::Integer(1)), ("node_2".into(), list(&["x"]))]);
        assert_eq!(merged(per_node, &[&[], &[]], &[Value::Integer(1), list(&["x"])]).unwrap(), wanted);
    }
}
