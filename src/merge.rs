//! From the replies of several servers to the one reply that one server would give. Pure.

use crate::error::{Error, Result};
use crate::resp::{encode, Frame, Items, ValueRef};
use crate::spec::SetOperation;
use std::collections::HashSet;

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

impl Merge {
    /// Makes one frame of the replies to the parts of a command, none of which is an error. `keys` says for each part
    /// which of the command's arguments are its keys.
    pub(crate) fn frames(&self, keys: &[&[usize]], replies: &[Frame<'_>]) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        match self {
            Merge::KeyOrder => {
                let count = keys.iter().map(|keys| keys.len()).sum();
                let mut slots: Vec<(usize, &[u8])> = Vec::with_capacity(count);
                for (keys, reply) in keys.iter().zip(replies) {
                    let mut items = list(reply)?;
                    if items.len() != keys.len() {
                        let message = format!("expected {} elements, got {}", keys.len(), items.len());
                        return Err(Error::reply(message));
                    }
                    for &key in *keys {
                        slots.extend(items.next_raw().map(|(_, raw)| (key, raw)));
                    }
                }
                slots.sort_unstable_by_key(|(key, _)| *key);
                encode::head(&mut out, b'*', slots.len());
                slots.iter().for_each(|(_, raw)| out.extend_from_slice(raw));
            }
            Merge::Union => {
                let lists = replies.iter().map(list).collect::<Result<Vec<_>>>()?;
                encode::head(&mut out, b'*', lists.iter().map(Items::len).sum());
                for mut items in lists {
                    while let Some((_, raw)) = items.next_raw() {
                        out.extend_from_slice(raw);
                    }
                }
            }
            Merge::Sum => {
                let numbers = replies.iter().map(|reply| number(reply.value(), reply));
                encode::integer(&mut out, sum(numbers)?);
            }
            Merge::Max => {
                let numbers = replies.iter().map(|reply| number(reply.value(), reply)).collect::<Result<Vec<_>>>()?;
                encode::integer(&mut out, numbers.into_iter().max().unwrap_or(0));
            }
            Merge::LogicalAnd => logical_and(&mut out, replies)?,
            Merge::SumByName => sum_by_name(&mut out, replies)?,
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
                let members = sets(*operation, replies)?;
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

fn sum(numbers: impl Iterator<Item = Result<i64>>) -> Result<i64> {
    let mut sum: i64 = 0;
    for number in numbers {
        sum = sum.checked_add(number?).ok_or_else(|| Error::reply("the sum over the nodes overflows"))?;
    }
    Ok(sum)
}

/// Element by element: 1 where every reply says 1.
fn logical_and(out: &mut Vec<u8>, replies: &[Frame<'_>]) -> Result<()> {
    let mut all: Option<Vec<i64>> = None;
    for reply in replies {
        let truths = list(reply)?.map(|item| number(item, reply)).collect::<Result<Vec<_>>>()?;
        match &mut all {
            None => all = Some(truths),
            Some(all) if all.len() == truths.len() => all.iter_mut().zip(truths).for_each(|(all, truth)| *all &= truth),
            Some(all) => return Err(Error::reply(format!("expected {} elements, got {}", all.len(), truths.len()))),
        }
    }
    let all = all.unwrap_or_default();
    encode::head(out, b'*', all.len());
    all.into_iter().for_each(|truth| encode::integer(out, truth));
    Ok(())
}

/// In the order of the first reply; the kind of the aggregate is the first reply's as well.
fn sum_by_name(out: &mut Vec<u8>, replies: &[Frame<'_>]) -> Result<()> {
    let mut sums: Vec<(&[u8], i64)> = Vec::new();
    for reply in replies {
        let mut items = list(reply)?;
        while let (Some(name), Some(count)) = (items.next(), items.next()) {
            let name = name.as_bytes().ok_or_else(|| misfit("names and numbers", reply))?;
            let count = number(count, reply)?;
            match sums.iter_mut().find(|(known, _)| *known == name) {
                Some((_, total)) => *total = sum([Ok(*total), Ok(count)].into_iter())?,
                None => sums.push((name, count)),
            }
        }
    }
    match replies.first().map(Frame::value) {
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
fn sets<'a>(operation: SetOperation, replies: &[Frame<'a>]) -> Result<Vec<&'a [u8]>> {
    let mut lists = replies.iter().map(members).collect::<Result<Vec<_>>>()?.into_iter();
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
        merge.frames(keys, &frames).map(|bytes| Frame::trusted(&bytes).value().into())
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
    fn nodes_keep_their_names_and_their_order() {
        let merge = Merge::PerNode(vec!["node_1".into(), "node_2".into()]);
        let wanted = Value::Map(vec![("node_1".into(), Value::Integer(1)), ("node_2".into(), list(&["x"]))]);
        assert_eq!(merged(&merge, &[&[], &[]], &[Value::Integer(1), list(&["x"])]).unwrap(), wanted);
    }
}
