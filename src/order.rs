//! Putting things in order.
//!
//! The standard library makes a copy of its whole algorithm for each type and each way to compare, which is 10 KB in a
//! program each time. Here all types share one.

use std::cmp::Ordering;

/// Puts items in order; those that are equal stay as they were.
pub(crate) fn sort<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let by_place = |one: usize, other: usize| match (items.get(one), items.get(other)) {
        (Some(one), Some(other)) => compare(one, other),
        _ => Ordering::Equal,
    };
    if let Some(sources) = sources(items.len(), &by_place) {
        arrange(sources, &mut |one, other| items.swap(one, other));
    }
}

/// The same by one property of the items.
pub(crate) fn sort_by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    sort(items, |one, other| key(one).cmp(&key(other)));
}

/// Puts each item to its place; no two have the same.
pub(crate) fn sort_by_place<T>(items: &mut [T], places: Vec<usize>) {
    let mut sources = vec![0; places.len()];
    for (at, place) in places.into_iter().enumerate() {
        sources[place] = at;
    }
    arrange(sources, &mut |one, other| items.swap(one, other));
}

/// For each place, which item belongs there: runs of one item are merged to runs of two, of four and so on. `None` when all
/// are in order already.
#[inline(never)]
fn sources(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Option<Vec<usize>> {
    if (1..count).all(|place| compare(place - 1, place) != Ordering::Greater) {
        return None;
    }
    let mut sources: Vec<usize> = (0..count).collect();
    let mut merged = Vec::with_capacity(count);
    let mut run = 1;
    while run < count {
        merged.clear();
        for both in sources.chunks(run * 2) {
            let (mut left, mut right) = both.split_at(run.min(both.len()));
            loop {
                merged.push(match (left, right) {
                    ([one, after @ ..], []) => {
                        left = after;
                        *one
                    }
                    ([one, after @ ..], [other, ..]) if compare(*one, *other) != Ordering::Greater => {
                        left = after;
                        *one
                    }
                    (_, [other, after @ ..]) => {
                        right = after;
                        *other
                    }
                    ([], []) => break,
                });
            }
        }
        std::mem::swap(&mut sources, &mut merged);
        run *= 2;
    }
    Some(sources)
}

/// Moves every item to its place, round after round of those that change places with one another.
#[inline(never)]
fn arrange(mut sources: Vec<usize>, swap: &mut dyn FnMut(usize, usize)) {
    for first in 0..sources.len() {
        let mut at = first;
        while let Some(place) = sources.get_mut(at) {
            let source = std::mem::replace(place, at);
            if source == first {
                break;
            }
            swap(at, source);
            at = source;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number that looks like chance.
    fn mixed(nth: usize) -> u64 {
        let mixed = (nth as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ (mixed >> 29)
    }

    #[test]
    fn each_item_to_its_place() {
        let mut items = ['b', 'd', 'a', 'c'];
        sort_by_place(&mut items, vec![1, 3, 0, 2]);
        assert_eq!(items, ['a', 'b', 'c', 'd']);
    }

    #[test]
    fn as_the_standard_library_does_it() {
        for count in (0..50).chain([100, 1000, 10_000]) {
            for spread in [1, 3, 100, u64::MAX] {
                let items: Vec<(u64, usize)> = (0..count).map(|nth| (mixed(nth) % spread, nth)).collect();
                let mut expected = items.clone();
                expected.sort_by_key(|(value, _)| *value);
                let mut sorted = items.clone();
                sort_by_key(&mut sorted, |(value, _)| *value);
                assert!(sorted == expected, "{count} items of {spread} values");
                expected.reverse();
                let mut turned = expected.clone();
                sort(&mut turned, |one, other| one.cmp(other));
                expected.sort();
                assert!(turned == expected, "{count} items of {spread} values the wrong way round");
            }
        }
    }
}
