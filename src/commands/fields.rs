//! Replies that are names with values.

use crate::error::{escape, Error, Result};
use crate::from_value::FromValue;
use crate::resp::{Items, ValueRef};

/// Names with values, in turn: a map (RESP3), or a list (RESP2).
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(Items<'a>);

impl<'a> Fields<'a> {
    #[inline]
    pub(super) fn of(value: ValueRef<'a>) -> Result<Fields<'a>> {
        match value.items() {
            Some(items) => Ok(Fields(items)),
            None => {
                // A nil and an error say so themselves.
                <()>::from_value(value)?;
                let got = escape(format!("{value:?}").as_bytes(), 256);
                Err(Error::reply(format!("expected names with values, got {got}")))
            }
        }
    }

    /// The value of a name. What servers of some versions do not tell is an [`Option`].
    pub(super) fn get<T: FromValue>(mut self, name: &str) -> Result<T> {
        while let (Some(found), Some(value)) = (self.0.next(), self.0.next()) {
            if found.as_bytes() == Some(name.as_bytes()) {
                return T::from_value(value);
            }
        }
        let missing = |_| Error::reply(format!("expected a value with the name {name}, got none"));
        T::from_value(ValueRef::Nil).map_err(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::{Frame, Value};

    #[test]
    fn values_are_found_by_their_names() {
        let list = Value::Array(vec!["a".into(), 1.into(), "b".into(), Value::Nil]);
        let map = Value::Map(vec![("b".into(), Value::Nil), ("a".into(), 1.into())]);
        for value in [list, map] {
            let bytes = value.to_bytes();
            let fields = Fields::of(Frame::trusted(&bytes).value()).unwrap();
            assert_eq!(fields.get::<u16>("a").unwrap(), 1);
            assert_eq!(fields.get::<Option<u16>>("b").unwrap(), None);
            assert_eq!(fields.get::<Option<u16>>("c").unwrap(), None);
            assert_eq!(fields.get::<u16>("c").unwrap_err().message(), "expected a value with the name c, got none");
        }
    }

    #[test]
    fn what_is_no_list_is_shown() {
        let error = |value: ValueRef<'_>| Fields::of(value).map(|_| ()).unwrap_err().message().to_owned();
        assert_eq!(error(ValueRef::Integer(7)), "expected names with values, got Integer(7)");
        assert!(error(ValueRef::Nil).contains("got nil"));
        assert_eq!(error(ValueRef::Error(b"ERR no")), "ERR no");
    }
}
