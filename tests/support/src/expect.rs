//! What tests expect of an error, and keys that live on different nodes.

use rediscluster::{Cluster, Error, ErrorKind, Outcome};
use std::fmt::Debug;

/// An error of this kind.
#[track_caller]
pub fn fails_with<T: Debug>(kind: ErrorKind, result: Result<T, Error>) -> Error {
    let error = result.expect_err("an error");
    assert_eq!(error.kind(), kind, "{error}");
    error
}

/// An error that a server replied, with this first word.
#[track_caller]
pub fn fails_with_code<T: Debug>(code: &str, result: Result<T, Error>) -> Error {
    let error = fails_with(ErrorKind::Server, result);
    assert_eq!(error.code(), Some(code), "{error}");
    error
}

/// An error of this kind that says what may have happened to the data.
#[track_caller]
pub fn fails<T: Debug>(result: Result<T, Error>, kind: ErrorKind, outcome: Outcome) -> Error {
    let error = result.expect_err("an error");
    assert_eq!((error.kind(), error.outcome()), (kind, outcome), "{error}");
    error
}

/// Two keys that live on different nodes.
pub fn apart(cluster: &Cluster) -> (String, String) {
    let first = "first".to_owned();
    let other = apart_from(cluster, &first);
    (first, other)
}

/// A key that lives on another node than this one.
pub fn apart_from(cluster: &Cluster, key: &str) -> String {
    let mut names = (0..).map(|n| format!("other:{n}"));
    names.find(|other| cluster.node_for(other) != cluster.node_for(key)).expect("a key of another node")
}
