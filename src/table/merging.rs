//! What makes one reply of several stands in strategies, and rows say what it is: both have to say the same.

use super::ALL;
use crate::command::{Access, Given, Merge, RequestPolicy, ResponsePolicy, Spec};
use crate::execute::RowRef;
use crate::resp::Frame;

const POLICIES: &[ResponsePolicy] = &[
    ResponsePolicy::AS_IS,
    ResponsePolicy::KEY_ORDER,
    ResponsePolicy::UNION,
    ResponsePolicy::AGG_SUM,
    ResponsePolicy::AGG_MAX,
    ResponsePolicy::AGG_LOGICAL_AND,
    ResponsePolicy::SUM_BY_NAME,
    ResponsePolicy::ALL_SUCCEEDED,
    ResponsePolicy::ONE_SUCCEEDED,
    ResponsePolicy::PER_NODE,
];

/// What becomes of replies that no two policies treat alike, but for those that give the first.
#[inline]
fn merged(response: ResponsePolicy, merge: Merge) -> Vec<Result<Vec<u8>, String>> {
    let node = |nth: usize| Some(format!("node_{nth}"));
    let name = |nth: usize| format!("node_{nth}");
    let all: [[&[u8]; 2]; 2] = [[b":1\r\n", b":2\r\n"], [b"*2\r\n$1\r\na\r\n:1\r\n", b"*2\r\n$1\r\na\r\n:2\r\n"]];
    let given = all.map(|replies| {
        let replies = replies.map(Frame::trusted);
        let keys: [&[usize]; 2] = [&[3, 4], &[1, 2]];
        merge(&Given { response, keys: &keys, replies: &replies, node: &node, name: &name })
    });
    given.into_iter().map(|given| given.map_err(|error| error.to_string())).collect()
}

#[test]
fn strategies_merge_as_their_rows_say() {
    for row in ALL.iter().filter(|row| row.response != ResponsePolicy::SPECIAL) {
        let merge = RowRef::from(*row).code.merge;
        assert_eq!(merged(row.response, merge), merged(row.response, row.response.merge()), "{}", row.name);
    }
    for request in [RequestPolicy::OneShard, RequestPolicy::AllShards, RequestPolicy::AllNodes] {
        for &response in POLICIES {
            let spec = Box::leak(Box::new(Spec { request, response, ..Spec::new("OWN", 1, Access::Read, &[]) }));
            let merge = RowRef::own(spec).code.merge;
            assert_eq!(merged(response, merge), merged(response, response.merge()), "{request:?} {response}");
        }
    }
    let distinct: Vec<_> = POLICIES.iter().map(|policy| merged(*policy, policy.merge())).collect();
    let alike = |one: &_| distinct.iter().filter(|other| *other == one).count();
    assert_eq!(distinct.iter().map(alike).filter(|&count| count == 1).count(), POLICIES.len() - 3);
}
