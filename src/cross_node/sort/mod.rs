//! `SORT` and `SORT_RO` whose patterns lead to keys of several nodes, or whose destination is elsewhere.

mod lookup;
mod planned;
mod weight;

pub(super) use planned::steps;

use crate::command::{Access, Across, Emulation};
use crate::cross_node::{across, nothing_written, random};
use crate::cross_node::{all_succeeded, exec_unwatched, replace, Stash, StashRole, MEMBERS};
use crate::error::{escape, Error, ErrorKind, Outcome, Result};
use crate::execute::multi_exec::gave_nothing;
use crate::execute::{no_meaning, Call, Strategy};
use crate::order::sort;
use crate::plan::{command, sorted, sorted_on_one_server, Get, Order, Part, Placed, Sorting, Target};
use crate::resp::{encode, Frame, ValueRef};
use lookup::{look_up, Cell};
use std::cmp::Ordering;
use weight::Weight;

pub(super) const EMULATION: Emulation = Emulation::new(
    "sort",
    "what the patterns name is looked up on all nodes at once, the client sorts; one transaction replaces a destination",
    // Something is looked up for `BY` and something for `GET`. Where nothing is stored, that is all.
    |spec| if spec.access == Access::Read { 3 } else { 5 },
);

/// What the patterns of `BY` and `GET` name is looked up where it lives; the client puts the elements in order and stores them.
pub(crate) const SORT: Strategy = Strategy {
    across: Across::of(&EMULATION),
    route: sorted,
    run: |call, route| {
        across(call, route, |call, keys| match keys {
            [source, rest @ ..] => sort_across(call, source, rest.first()),
            [] => Err(no_meaning()),
        })
    },
    naming: sorted_on_one_server,
    ..Strategy::ONE_NODE
};

/// The server of the key gives the elements, and puts them in order itself when it has what that takes. What the
/// patterns name is looked up where it lives: the weights of all elements, the values of those that are left.
#[inline]
fn sort_across(call: &Call<'_>, source: &Placed<'_>, destination: Option<&Placed<'_>>) -> Result<Vec<u8>> {
    let sorting = Sorting::of(call.args, call.spec);
    // Before anything is stored, nothing changes.
    let elements = elements_of(call, source, &sorting).and_then(|elements| in_order(call, source, &sorting, elements));
    let elements = elements.map_err(nothing_written)?;
    let patterns = sorting.gets();
    let role = call.planner.role(call.spec);
    let values = look_up(call, &elements, &patterns, role).map_err(nothing_written)?;
    let rows = Rows { sorting: &sorting, elements: &elements, values: &values, width: patterns.len() };
    match destination {
        Some(destination) if sorting.stores => {
            let elements: Vec<&[u8]> = rows.cells().into_iter().map(Option::unwrap_or_default).collect();
            replace(call, destination, b"RPUSH", &elements)
        }
        _ => {
            let cells = rows.cells();
            let mut out = Vec::new();
            encode::head(&mut out, b'*', cells.len());
            for cell in cells {
                match cell {
                    Some(bytes) => encode::bulk(&mut out, bytes),
                    None => out.extend_from_slice(b"$-1\r\n"),
                }
            }
            Ok(out)
        }
    }
}

/// The elements that the server of the key gives: in their order, or all of them for the client to order.
#[inline]
fn elements_of(call: &Call<'_>, source: &Placed<'_>, sorting: &Sorting<'_>) -> Result<Vec<Vec<u8>>> {
    let request = sorting.request(call.spec, source.stored);
    let elements = if sorting.is_whole && matches!(sorting.order, Order::AsTheyAre) {
        elements_as_they_are(call, source, &request, sorting.desc)?
    } else {
        let target = Target::Shard(source.shard, call.planner.role(call.spec));
        let part = Part { target, request: command(request).into(), keys: vec![source.position] };
        list(call.one(part.target, &part.request)?.frame())?
    };
    match sorting.is_whole {
        true => Ok(elements),
        false => {
            let message = "its server knows an option that this library does not know, so what it means across nodes \
                           is not known either; nothing was changed";
            Err(Error::new(ErrorKind::CrossNode, Outcome::NotApplied, message))
        }
    }
}

/// What keeps its order is stored in it; only a set, which has none, is stored in the order of the bytes. Type and
/// elements are asked in one transaction, so that both are of the same moment.
#[inline]
fn elements_as_they_are(call: &Call<'_>, source: &Placed<'_>, request: &[&[u8]], desc: bool) -> Result<Vec<Vec<u8>>> {
    let mut lease = call.lend(source.master)?;
    let commands = [vec![&b"TYPE"[..], source.stored], request.to_vec()];
    let replies = exec_unwatched(&mut lease, &commands, call.deadline)?;
    all_succeeded(&lease, &replies)?;
    let [kind, elements] = &replies[..] else { return Err(gave_nothing()) };
    let mut elements = list(Frame::trusted(elements))?;
    if Frame::trusted(kind).value().as_bytes() == Some(b"set") {
        sort(&mut elements, Ord::cmp);
        if desc {
            elements.reverse();
        }
    }
    Ok(elements)
}

/// Puts the elements in order where their server could not, and leaves out what is beyond the limit.
#[inline]
fn in_order(
    call: &Call<'_>,
    source: &Placed<'_>,
    sorting: &Sorting<'_>,
    mut elements: Vec<Vec<u8>>,
) -> Result<Vec<Vec<u8>>> {
    let directed = |order: Ordering| if sorting.desc { order.reverse() } else { order };
    match sorting.order {
        Order::Server | Order::AsTheyAre => {}
        Order::Bytes => sort(&mut elements, |one, other| directed(one.cmp(other))),
        Order::Weights(pattern) => {
            let weights = look_up(call, &elements, &[pattern], call.planner.role(call.spec))?;
            let mut order: Vec<usize> = (0..elements.len()).collect();
            if sorting.alpha {
                // A missing weight comes first. What is not stored is compared up to a NUL, as C does it.
                let text = |at: usize| match &weights[at] {
                    Some(weight) if !sorting.stores => weight.split(|&byte| byte == 0).next(),
                    weight => weight.as_deref(),
                };
                sort(&mut order, |&one, &other| directed(text(one).cmp(&text(other))));
            } else {
                let scores = scores_of(call, source, &weights)?;
                sort(&mut order, |&one, &other| {
                    let scores = scores[one].partial_cmp(&scores[other]).unwrap_or(Ordering::Equal);
                    directed(scores.then_with(|| elements[one].cmp(&elements[other])))
                });
            }
            elements = order.into_iter().map(|at| std::mem::take(&mut elements[at])).collect();
        }
    }
    let range = sorting.range(elements.len());
    elements.truncate(range.end);
    elements.drain(..range.start);
    Ok(elements)
}

/// The numbers that the weights are; a missing one is 0.
#[inline]
fn scores_of(call: &Call<'_>, source: &Placed<'_>, weights: &[Cell]) -> Result<Vec<f64>> {
    let weights: Vec<Option<Weight>> = weights.iter().map(|text| text.as_deref().map(Weight::of)).collect();
    let mut doubtful: Vec<&[u8]> = weights.iter().flatten().filter_map(Weight::doubtful).collect();
    if !doubtful.is_empty() {
        sort(&mut doubtful, Ord::cmp);
        doubtful.dedup();
        judge(call, source, &doubtful)?;
    }
    let unread = || Error::reply("the server takes a weight for a number that this library cannot read");
    let number = |weight: Option<Weight>| weight.map_or(Ok(0.0), |weight| weight.number().ok_or_else(unread));
    weights.into_iter().map(number).collect()
}

/// Servers do not agree on what is a number: white space in front, hexadecimal digits, what is too large or too
/// small. So the server of the key is asked about such weights: it sorts them by themselves, inside of a transaction
/// that leaves nothing behind, and has its own words for those that it does not take.
#[inline]
fn judge(call: &Call<'_>, source: &Placed<'_>, weights: &[&[u8]]) -> Result<()> {
    let stash = Stash::new(&[b"SORT"], StashRole::Copy, random(), source.stored).name();
    let mut commands: Vec<Vec<&[u8]>> = Vec::new();
    for chunk in weights.chunks(MEMBERS) {
        commands.push([&[b"RPUSH", &stash[..]], chunk].concat());
    }
    commands.push(vec![b"SORT", &stash, b"LIMIT", b"0", b"0"]);
    commands.push(vec![b"DEL", &stash]);
    let mut lease = call.lend(source.master)?;
    let replies = exec_unwatched(&mut lease, &commands, call.deadline)?;
    all_succeeded(&lease, &replies)
}

/// What the sorted elements become.
struct Rows<'r> {
    sorting: &'r Sorting<'r>,
    elements: &'r [Vec<u8>],
    /// What was looked up, element by element.
    values: &'r [Cell],
    /// How much was looked up for each element.
    width: usize,
}

impl<'r> Rows<'r> {
    #[inline]
    fn cells(&self) -> Vec<Option<&'r [u8]>> {
        if self.sorting.get.is_empty() {
            return self.elements.iter().map(|element| Some(&element[..])).collect();
        }
        let mut cells = Vec::with_capacity(self.elements.len() * self.sorting.get.len());
        for (nth, element) in self.elements.iter().enumerate() {
            let mut values = self.values[nth * self.width..].iter();
            cells.extend(self.sorting.get.iter().map(|get| match get {
                Get::Element => Some(&element[..]),
                Get::Nothing => None,
                Get::Value(_) => values.next().and_then(Option::as_deref),
            }));
        }
        cells
    }
}

/// The texts in an array.
#[inline]
fn list(reply: Frame<'_>) -> Result<Vec<Vec<u8>>> {
    let misfit = |value: ValueRef<'_>| {
        Error::reply(format!("expected a list of texts, got {}", escape(format!("{value:?}").as_bytes(), 128)))
    };
    let items = reply.value().items().ok_or_else(|| misfit(reply.value()))?;
    items.map(|item| item.as_bytes().map(<[u8]>::to_vec).ok_or_else(|| misfit(item))).collect()
}

#[cfg(test)]
mod tests {
    use crate::execute::scripted_servers::assert_failures;
    use crate::table::cmd;

    #[test]
    fn what_is_done_when_a_step_fails() {
        let command = cmd("SORT")
            .arg("a")
            .arg("BY")
            .arg("b_*")
            .arg("GET")
            .arg("w_*")
            .arg("GET")
            .arg("b_*->f")
            .arg("STORE")
            .arg("b");
        let expected = "
            a:SORT b:MGET a:MGET b:HGET b:MULTI b:DEL b:RPUSH b:EXEC = 2
            a:SORT Refused, Breaks, Dies: NotApplied
            b:MGET Refused, Breaks, Dies: NotApplied
            a:MGET Refused, Breaks, Dies: NotApplied; b:HGET
            b:HGET Refused, Breaks, Dies: NotApplied
            b:MULTI Refused, Breaks, Dies: NotApplied
            b:DEL Refused: NotApplied; b:RPUSH b:EXEC
            b:DEL Breaks, Dies: Unknown
            b:RPUSH Refused: NotApplied; b:EXEC
            b:RPUSH Breaks, Dies: Unknown
            b:EXEC Refused: NotApplied
            b:EXEC Breaks, Dies: Unknown
        ";
        assert_failures(command.row(&[]).unwrap(), command.args(), &[], expected);
    }

    #[test]
    fn what_keeps_its_order_is_read_in_one_transaction() {
        let command = cmd("SORT").arg("a").arg("BY").arg("nosort").arg("GET").arg("b_*").arg("STORE").arg("b");
        let expected = "
            a:MULTI a:TYPE a:SORT a:EXEC b:MGET b:MULTI b:DEL b:RPUSH b:EXEC = 1
            a:MULTI Refused, Breaks, Dies: NotApplied
            a:TYPE Refused: NotApplied; a:SORT a:EXEC
            a:TYPE Breaks, Dies: NotApplied
            a:SORT Refused: NotApplied; a:EXEC
            a:SORT Breaks, Dies: NotApplied
            a:EXEC Refused, Breaks, Dies: NotApplied
            b:MGET Refused, Breaks, Dies: NotApplied
            b:MULTI Refused, Breaks, Dies: NotApplied
            b:DEL Refused: NotApplied; b:RPUSH b:EXEC
            b:DEL Breaks, Dies: Unknown
            b:RPUSH Refused: NotApplied; b:EXEC
            b:RPUSH Breaks, Dies: Unknown
            b:EXEC Refused: NotApplied
            b:EXEC Breaks, Dies: Unknown
        ";
        assert_failures(command.row(&[]).unwrap(), command.args(), &[], expected);
    }
}
