//! From the replies of several servers to the one reply that one server would give. Pure.

use crate::error::{Error, Result};
use crate::resp::{encode, Frame, Items, ValueRef};
use crate::spec::SetOperation;
use std::collections::{HashMap, HashSet};

/// How the replies to the parts of a command become one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Merge {
    /// Arrays with one element a key, put back into the order of the keys.
    KeyOrder,
    /// Arrays, one after the other.
    Union,
    /// Numbers, added up.
    Sum,
    /// Numbers: the largest.
    Max,
    /// Truth values, or arrays of them: whether all are true.
    LogicalAnd,
    /// Names and numbers in turn: the numbers of the same name added up.
    SumByName,
    /// The first status: errors never come this far.
    AllSucceeded,
    /// The first that is no error: errors of the others do not matter.
    OneSucceeded,
    /// A map from these names, in the order of the parts, to the replies.
    PerNode(Vec<String>),
    /// Sets that each node reduced by itself.
    Sets(SetOperation),
}

/// The replies to the parts of a command, none of which is an error.
pub(crate) struct Given<'g> {
    /// For each part, which of the command's arguments are its keys.
    pub(crate) keys: &'g [&'g [usize]],
    pub(crate) replies: &'g [Frame<'g>],
    /// Who gave which reply.
    pub(crate) node: &'g dyn Fn(usize) -> Option<String>,
}

impl<'g> Given<'g> {
    /// Every reply as it is read; an error names the node whose reply does not fit.
    fn each<T>(&self, read: impl Fn(usize, &'g Frame<'g>) -> Result<T>) -> Result<Vec<T>> {
        self.replies.iter().enumerate().map(|(nth, reply)| self.named(nth, read(nth, reply))).collect()
    }

    fn named<T>(&self, nth: usize, result: Result<T>) -> Result<T> {
        result.map_err(|error| match (self.node)(nth) {
            Some(node) => error.with_node(|| node),
            None => error,
        })
    }
}

impl Merge {
    /// Makes one frame of all replies.
    pub(crate) fn frames(&self, given: &Given<'_>) -> Result<Vec<u8>> {
        let Given { keys, replies, .. } = *given;
        let mut out = Vec::new();
        match self {
            Merge::KeyOrder => {
                let end = keys.iter().flat_map(|keys| *keys).max().map_or(0, |last| last + 1);
                let mut slots: Vec<Option<&[u8]>> = vec![None; end];
                let lists = given.each(|nth, reply| {
                    let items = list(reply)?;
                    items_of(keys[nth].len(), items.len()).map(|()| items)
                })?;
                for (keys, mut items) in keys.iter().zip(lists) {
                    for &key in *keys {
                        slots[key] = items.next_raw().map(|(_, raw)| raw);
                    }
                }
                encode::head(&mut out, b'*', keys.iter().map(|keys| keys.len()).sum());
                slots.into_iter().flatten().for_each(|raw| out.extend_from_slice(raw));
            }
            Merge::Union => {
                let lists = given.each(|_, reply| list(reply))?;
                encode::head(&mut out, b'*', lists.iter().map(Items::len).sum());
                for mut items in lists {
                    while let Some((_, raw)) = items.next_raw() {
                        out.extend_from_slice(raw);
                    }
                }
            }
            Merge::Sum => {
                let numbers = given.each(|_, reply| number(reply.value(), reply))?;
                encode::integer(&mut out, sum(numbers)?);
            }
            Merge::Max => {
                let numbers = given.each(|_, reply| number(reply.value(), reply))?;
                encode::integer(&mut out, numbers.into_iter().max().unwrap_or(0));
            }
            Merge::LogicalAnd => logical_and(&mut out, given)?,
            Merge::SumByName => sum_by_name(&mut out, given)?,
            Merge::AllSucceeded | Merge::OneSucceeded => {
                if let Some(reply) = replies.first() {
                    out.extend_from_slice(reply.as_bytes());
                }
            }
            Merge::PerNode(names) => {
                encode::head(&mut out, b'%', replies.len());
                for (name, reply) in names.iter().zip(replies) {
                    encode::bulk(&mut out, name.as_bytes());
                    out.extend_from_slice(reply.as_bytes());
                }
            }
            Merge::Sets(operation) => {
                let kind = match replies.first().map(Frame::value) {
                    Some(ValueRef::Set(_)) => b'~',
                    _ => b'*',
                };
                let members = sets(*operation, given)?;
                encode::head(&mut out, kind, members.len());
                members.iter().for_each(|member| encode::bulk(&mut out, member));
            }
        }
        Ok(out)
    }
}

fn number(value: ValueRef<'_>, reply: &Frame<'_>) -> Result<i64> {
    match value {
        ValueRef::Integer(number) => Ok(number),
        ValueRef::Boolean(value) => Ok(value.into()),
        _ => Err(misfit("a number", reply)),
    }
}

fn sum(numbers: impl IntoIterator<Item = i64>) -> Result<i64> {
    let sum = numbers.into_iter().try_fold(0, i64::checked_add);
    sum.ok_or_else(|| Error::reply("the sum over the nodes overflows"))
}

fn items_of(wanted: usize, got: usize) -> Result<()> {
    match wanted == got {
        true => Ok(()),
        false => Err(Error::reply(format!("expected {wanted} elements, got {got}"))),
    }
}

/// Element by element: 1 where every reply says 1.
fn logical_and(out: &mut Vec<u8>, given: &Given<'_>) -> Result<()> {
    let mut truths =
        given.each(|_, reply| list(reply)?.map(|item| number(item, reply)).collect::<Result<Vec<_>>>())?.into_iter();
    let mut all = truths.next().unwrap_or_default();
    for (nth, truths) in (1..).zip(truths) {
        given.named(nth, items_of(all.len(), truths.len()))?;
        all.iter_mut().zip(truths).for_each(|(all, truth)| *all &= truth);
    }
    encode::head(out, b'*', all.len());
    all.into_iter().for_each(|truth| encode::integer(out, truth));
    Ok(())
}

/// In the order of the first reply; the kind of the aggregate is the first reply's as well.
fn sum_by_name(out: &mut Vec<u8>, given: &Given<'_>) -> Result<()> {
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
    let mut places: HashMap<&[u8], usize> = HashMap::new();
    for (name, count) in counted.into_iter().flatten() {
        let place = *places.entry(name).or_insert(sums.len());
        match sums.get_mut(place) {
            Some((_, total)) => *total = sum([*total, count])?,
            None => sums.push((name, count)),
        }
    }
    match given.replies.first().map(Frame::value) {
        Some(ValueRef::Map(_)) => encode::head(out, b'%', sums.len()),
        _ => encode::head(out, b'*', sums.len() * 2),
    }
    for (name, count) in sums {
        encode::bulk(out, name);
        encode::integer(out, count);
    }
    Ok(())
}

/// The members that the operation leaves, in the order in which they came.
fn sets<'g>(operation: SetOperation, given: &Given<'g>) -> Result<Vec<&'g [u8]>> {
    let mut lists = given.each(|_, reply| members(reply))?.into_iter();
    let Some(mut left) = lists.next() else { return Ok(Vec::new()) };
    match operation {
        SetOperation::Union => {
            let mut seen: HashSet<&[u8]> = left.iter().copied().collect();
            left.extend(lists.flatten().filter(|member| seen.insert(member)));
        }
        SetOperation::Intersection => {
            for list in lists {
                let other: HashSet<&[u8]> = list.into_iter().collect();
                left.retain(|member| other.contains(member));
            }
        }
        SetOperation::Difference => {
            let others: HashSet<&[u8]> = lists.flatten().collect();
            left.retain(|member| !others.contains(member));
        }
    }
    Ok(left)
}

fn members<'a>(reply: &Frame<'a>) -> Result<Vec<&'a [u8]>> {
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
    fn merged(merge: &Merge, keys: &[&[usize]], replies: &[Value]) -> Result<Value> {
        let bytes: Vec<Vec<u8>> = replies.iter().map(Value::to_bytes).collect();
        let frames: Vec<Frame<'_>> = bytes.iter().map(|bytes| Frame::trusted(bytes)).collect();
        let node = |nth: usize| Some(format!("node_{}", nth + 1));
        let given = Given { keys, replies: &frames, node: &node };
        merge.frames(&given).map(|bytes| Frame::trusted(&bytes).value().into())
    }

    fn list(items: &[&str]) -> Value {
        Value::Array(items.iter().map(|item| Value::from(*item)).collect())
    }

    #[test]
    fn key_order_is_restored() {
        let replies = [Value::Array(vec!["a".into(), Value::Nil]), list(&["b"])];
        let wanted = Value::Array(vec!["b".into(), "a".into(), Value::Nil]);
        assert_eq!(merged(&Merge::KeyOrder, &[&[2, 3], &[1]], &replies).unwrap(), wanted);
        let short = merged(&Merge::KeyOrder, &[&[1, 2], &[3]], &[list(&["a"]), list(&["b"])]);
        assert_eq!(short.unwrap_err().message(), "expected 2 elements, got 1");
    }

    #[test]
    fn sums_and_lists() {
        let numbers = [Value::Integer(2), Value::Integer(40)];
        assert_eq!(merged(&Merge::Sum, &[&[], &[]], &numbers).unwrap(), Value::Integer(42));
        assert!(merged(&Merge::Sum, &[&[], &[]], &[Value::Integer(i64::MAX), Value::Integer(1)]).is_err());
        assert!(merged(&Merge::Sum, &[&[]], &["text".into()]).is_err());
        let lists = [list(&["a"]), list(&[]), list(&["b", "a"])];
        assert_eq!(merged(&Merge::Union, &[&[], &[], &[]], &lists).unwrap(), list(&["a", "b", "a"]));
    }

    #[test]
    fn set_operations() {
        let replies = [list(&["a", "b", "c"]), list(&["b", "c", "d"]), list(&["c", "e"])];
        for (operation, left) in [
            (SetOperation::Union, list(&["a", "b", "c", "d", "e"])),
            (SetOperation::Intersection, list(&["c"])),
            (SetOperation::Difference, list(&["a"])),
        ] {
            assert_eq!(merged(&Merge::Sets(operation), &[&[], &[], &[]], &replies).unwrap(), left);
        }
    }

    #[test]
    fn who_does_not_fit_is_named() {
        let number = Value::Integer(1);
        for (merge, replies) in [
            (Merge::Sum, [number.clone(), list(&[])]),
            (Merge::Max, [number.clone(), "text".into()]),
            (Merge::Union, [list(&["a"]), number.clone()]),
            (Merge::KeyOrder, [list(&["a"]), list(&["b", "c"])]),
            (Merge::LogicalAnd, [Value::Array(vec![number.clone()]), Value::Array(vec![])]),
            (Merge::LogicalAnd, [Value::Array(vec![number.clone()]), list(&["a"])]),
            (Merge::SumByName, [list(&[]), Value::Array(vec![number.clone(), number.clone()])]),
            (Merge::Sets(SetOperation::Union), [list(&["a"]), number.clone()]),
        ] {
            let error = merged(&merge, &[&[1], &[2]], &replies).unwrap_err();
            assert_eq!(error.node(), Some("node_2"), "{merge:?}: {error}");
        }
        let all_do = [Value::Integer(i64::MAX), number];
        assert_eq!(merged(&Merge::Sum, &[&[1], &[2]], &all_do).unwrap_err().node(), None);
    }

    #[test]
    fn nodes_keep_their_names_and_their_order() {
        let merge = Merge::PerNode(vec!["node_1".into(), "node_2".into()]);
        let wanted = Value::Map(vec![("node_1".into(), Value::Integer(1)), ("node_2".into(), list(&["x"]))]);
        assert_eq!(merged(&merge, &[&[], &[]], &[Value::Integer(1), list(&["x"])]).unwrap(), wanted);
    }
}
