//! One reply from each server.

use crate::error::Result;
use crate::from_value::FromValue;
use crate::resp::ValueRef;

/// What every server said, by the name of the server: the masters in the order of the nodes, then the replicas.
///
/// A master has the name of its node, such as `node_2`; a replica that was discovered has that name, a slash and its
/// address, such as `node_2/127.0.0.1:6380`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PerNode<T>(Vec<(String, T)>);

impl<T> PerNode<T> {
    /// What the server of this name said.
    #[inline]
    pub fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, reply)| reply)
    }

    /// The names with what each server said.
    #[inline]
    pub fn iter(&self) -> std::slice::Iter<'_, (String, T)> {
        self.0.iter()
    }

    /// What each server said, without the names.
    #[inline]
    pub fn replies(&self) -> impl ExactSizeIterator<Item = &T> {
        self.0.iter().map(|(_, reply)| reply)
    }

    /// How many servers there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none, which no cluster gives.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> IntoIterator for PerNode<T> {
    type Item = (String, T);
    type IntoIter = std::vec::IntoIter<(String, T)>;

    #[inline]
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a PerNode<T> {
    type Item = &'a (String, T);
    type IntoIter = std::slice::Iter<'a, (String, T)>;

    #[inline]
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: FromValue> FromValue for PerNode<T> {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<PerNode<T>> {
        Vec::from_value(value).map(PerNode)
    }
}
