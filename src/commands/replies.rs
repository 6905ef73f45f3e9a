//! Replies in forms that only the typed methods need.

use super::time::moment;
use crate::error::{escape, Error, Result};
use crate::from_value::FromValue;
use crate::resp::{Items, ValueRef};
use std::time::{Duration, SystemTime};

/// Text that others may have put bytes of any kind into: what is no UTF-8 is replaced.
pub(super) struct Lossy(pub(super) String);

impl FromValue for Lossy {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<Lossy> {
        Vec::<u8>::from_value(value).map(|bytes| Lossy(String::from_utf8_lossy(&bytes).into_owned()))
    }
}

/// A moment in seconds since 1970.
pub(super) struct Moment(pub(super) SystemTime);

impl FromValue for Moment {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<Moment> {
        moment(Duration::from_secs(u64::from_value(value)?)).map(Moment)
    }
}

/// The elements of a list, each of a type of its own.
pub(super) struct Row<'a> {
    value: ValueRef<'a>,
    items: Option<Items<'a>>,
}

impl<'a> Row<'a> {
    #[inline]
    pub(super) fn of(value: ValueRef<'a>) -> Row<'a> {
        Row { value, items: value.items() }
    }

    /// The next element; there may be more of them than are asked for.
    pub(super) fn next<T: FromValue>(&mut self) -> Result<T> {
        if let ValueRef::Error(text) = self.value {
            return Err(Error::server(text));
        }
        match self.items.as_mut().and_then(Iterator::next) {
            Some(item) => T::from_value(item),
            None => {
                let got = escape(format!("{:?}", self.value).as_bytes(), 256);
                Err(Error::reply(format!("expected a list with more elements, got {got}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::{Frame, Value};

    #[test]
    fn rows_may_be_longer_but_not_shorter_than_asked_for() {
        let bytes = Value::Array(vec!["a".into(), 1.into(), "more".into()]).to_bytes();
        let mut row = Row::of(Frame::trusted(&bytes).value());
        assert_eq!((row.next::<String>().unwrap(), row.next::<i64>().unwrap()), ("a".to_owned(), 1));
        assert!(row.next::<i64>().is_err() && row.next::<String>().is_err());
        let error = |value: ValueRef<'_>| Row::of(value).next::<i64>().unwrap_err().message().to_owned();
        assert_eq!(error(ValueRef::Integer(7)), "expected a list with more elements, got Integer(7)");
        assert_eq!(error(ValueRef::Error(b"ERR no")), "ERR no");
    }

    #[test]
    fn text_of_any_bytes_and_moments() {
        assert_eq!(Lossy::from_value(ValueRef::Bulk(b"a\xff")).unwrap().0, "a\u{fffd}");
        let Moment(time) = Moment::from_value(ValueRef::Integer(60)).unwrap();
        assert_eq!(time, SystemTime::UNIX_EPOCH + Duration::from_secs(60));
        assert!(Moment::from_value(ValueRef::Integer(-1)).is_err());
        // Beyond any clock or not: no panic.
        let _ = Moment::from_value(ValueRef::Integer(i64::MAX));
    }
}
