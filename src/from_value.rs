//! From replies to Rust values.

use crate::error::{escape, Error, Result};
use crate::resp::{Items, Value, ValueRef};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, Hash};

/// A Rust type that a reply can become.
///
/// The value is borrowed from the read buffer: what is made from it is the only copy. The same reply under RESP2
/// and RESP3 gives the same Rust value: a flat list of pairs and a RESP3 map both become a `HashMap`, a number
/// may come as text, a nil becomes `None`.
///
/// A list of tuples may come in two shapes: flat, as `HGETALL` gives its pairs, or with a list around each tuple, as
/// `XRANGE` gives its entries. The type says which it is, whatever the reply holds: around each tuple there is a list
/// when the values are nested deeper than the first type of the tuple is, see [`DEPTH`](FromValue::DEPTH). In a RESP3 map
/// pairs always lie flat.
///
/// ```
/// use rediscluster::{Error, FromValue, Result, ValueRef};
///
/// struct Celsius(f64);
///
/// impl FromValue for Celsius {
///     fn from_value(value: ValueRef<'_>) -> Result<Celsius> {
///         f64::from_value(value).map(Celsius)
///     }
/// }
/// assert_eq!(Celsius::from_value(ValueRef::Bulk(b"21.5"))?.0, 21.5);
/// # Ok::<(), Error>(())
/// ```
#[doc(alias = "FromRedisValue")]
pub trait FromValue: Sized {
    /// How many aggregates lie around the first single value of one that becomes this type: none around a text or a
    /// number, one around a list of texts. A type that is made of an aggregate sets it, in case that tuples begin with it.
    ///
    /// ```
    /// use rediscluster::FromValue;
    ///
    /// assert_eq!((String::DEPTH, <Vec<String>>::DEPTH, <Vec<Vec<String>>>::DEPTH), (0, 1, 2));
    /// ```
    const DEPTH: usize = 0;

    /// The same around a list of values of this type. Tuples set it, because they may lie flat in the list.
    const LIST_DEPTH: usize = 1 + Self::DEPTH;

    /// Makes the value.
    ///
    /// # Errors
    /// [`Reply`](crate::ErrorKind::Reply) when the value does not fit the type; for an error inside a larger
    /// reply, what that error says.
    fn from_value(value: ValueRef<'_>) -> Result<Self>;

    /// Makes a list of values out of the elements of an aggregate. Pairs overwrite it, because they may lie
    /// flat in the list.
    ///
    /// # Errors
    /// As [`from_value`](FromValue::from_value), for the first element that does not fit.
    #[inline]
    fn from_items(items: Items<'_>) -> Result<Vec<Self>> {
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            values.push(Self::from_value(item)?);
        }
        Ok(values)
    }

    /// Makes a list of values out of the keys and values of a RESP3 map, which come in turn. Pairs overwrite it: each is
    /// made of a key and its value, whatever those are.
    ///
    /// # Errors
    /// As [`from_items`](FromValue::from_items).
    #[inline]
    fn from_map(items: Items<'_>) -> Result<Vec<Self>> {
        Self::from_items(items)
    }

    /// Makes a `Vec` of a reply. Bytes overwrite it: a `Vec<u8>` is a string and no list of numbers.
    ///
    /// # Errors
    /// As [`from_items`](FromValue::from_items), and when the reply is no list.
    #[inline]
    fn vec_from_value(value: ValueRef<'_>) -> Result<Vec<Self>> {
        match value {
            ValueRef::Map(items) => Self::from_map(items),
            value => items("a list", value)?.map_or_else(|| Ok(Vec::new()), Self::from_items),
        }
    }

    /// As [`vec_from_value`](FromValue::vec_from_value), of one large string that nobody else holds.
    ///
    /// # Errors
    /// As [`vec_from_value`](FromValue::vec_from_value).
    #[inline]
    fn vec_from_bulk(bytes: Vec<u8>) -> Result<Vec<Self>> {
        Self::vec_from_value(ValueRef::Bulk(&bytes))
    }

    /// Makes the value of one large string that nobody else holds. A type overwrites it that can keep the bytes.
    ///
    /// # Errors
    /// As [`from_value`](FromValue::from_value).
    #[inline]
    fn from_bulk(bytes: Vec<u8>) -> Result<Self> {
        Self::from_value(ValueRef::Bulk(&bytes))
    }

    /// Makes the value or finds that there is none: a nil. A type overwrites it for which other replies mean the
    /// same.
    ///
    /// # Errors
    /// As [`from_value`](FromValue::from_value).
    #[inline]
    fn from_optional(value: ValueRef<'_>) -> Result<Option<Self>> {
        match value {
            ValueRef::Nil => Ok(None),
            some => Self::from_value(some).map(Some),
        }
    }
}

/// The error for a reply that does not fit.
#[inline]
fn mismatch<T>(wanted: &str, got: ValueRef<'_>) -> Result<T> {
    Err(unexpected(wanted, got))
}

/// The same, showing what came.
#[cold]
fn unexpected(wanted: &str, got: ValueRef<'_>) -> Error {
    match got {
        ValueRef::Error(text) => Error::server(text),
        ValueRef::Nil => Error::reply(format!("expected {wanted}, got nil (no such key or element)")),
        other => Error::reply(format!("expected {wanted}, got {}", cut(format!("{other:?}")))),
    }
}

fn cut(mut text: String) -> String {
    if text.len() > 256 {
        text = escape(text.as_bytes(), 256);
    }
    text
}

impl FromValue for Value {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<Value> {
        Ok(value.into())
    }

    #[inline]
    fn from_bulk(bytes: Vec<u8>) -> Result<Value> {
        Ok(Value::Bulk(bytes))
    }
}

impl FromValue for () {
    /// Takes any reply but a nil and an error.
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<()> {
        match value {
            ValueRef::Nil | ValueRef::Error(_) => mismatch("a reply", value),
            _ => Ok(()),
        }
    }
}

impl FromValue for bool {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<bool> {
        match value {
            ValueRef::Boolean(value) => Ok(value),
            ValueRef::Integer(0) | ValueRef::Bulk(b"0") => Ok(false),
            ValueRef::Integer(1) | ValueRef::Bulk(b"1") => Ok(true),
            other => mismatch("a truth value", other),
        }
    }
}

macro_rules! integers {
    ($($integer:ty $({ $($of_lists:tt)* })?),*) => {$(
        impl FromValue for $integer {
            $($($of_lists)*)?

            #[inline]
            fn from_value(value: ValueRef<'_>) -> Result<$integer> {
                let number = match value {
                    ValueRef::Integer(number) => <$integer>::try_from(number).ok(),
                    other => other.as_bytes().and_then(|text| std::str::from_utf8(text).ok()?.parse().ok()),
                };
                number.map_or_else(|| mismatch(concat!("a whole number that fits ", stringify!($integer)), value), Ok)
            }
        }
    )*};
}
integers!(i8, i16, u16, i32, u32, i64, u64, i128, u128, isize, usize, u8 {
    const LIST_DEPTH: usize = 0;

    #[inline]
    fn vec_from_value(value: ValueRef<'_>) -> Result<Vec<u8>> {
        match value {
            ValueRef::Integer(number) => Ok(number.to_string().into_bytes()),
            other => other.as_bytes().map_or_else(|| mismatch("a string", other), |bytes| Ok(bytes.to_vec())),
        }
    }

    #[inline]
    fn vec_from_bulk(bytes: Vec<u8>) -> Result<Vec<u8>> {
        Ok(bytes)
    }
});

macro_rules! floats {
    ($($float:ty),*) => {$(
        impl FromValue for $float {
            #[inline]
            fn from_value(value: ValueRef<'_>) -> Result<$float> {
                let number = match value {
                    ValueRef::Integer(number) => Some(number as $float),
                    other => other.as_bytes().and_then(|text| std::str::from_utf8(text).ok()?.parse().ok()),
                };
                number.map_or_else(|| mismatch("a number", value), Ok)
            }
        }
    )*};
}
floats!(f32, f64);

/// The text of what is no plain string.
#[cold]
fn text_of(value: ValueRef<'_>) -> Result<String> {
    match value {
        ValueRef::Integer(number) => Ok(number.to_string()),
        other => match other.as_bytes().map(std::str::from_utf8) {
            Some(Ok(text)) => Ok(text.to_owned()),
            Some(Err(_)) => mismatch("UTF-8 text", other),
            None => mismatch("a string", other),
        },
    }
}

impl FromValue for String {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<String> {
        if let ValueRef::Bulk(text) = value {
            if let Ok(text) = std::str::from_utf8(text) {
                return Ok(text.to_owned());
            }
        }
        text_of(value)
    }

    #[inline]
    fn from_bulk(bytes: Vec<u8>) -> Result<String> {
        String::from_utf8(bytes).or_else(|error| mismatch("UTF-8 text", ValueRef::Bulk(error.as_bytes())))
    }
}

macro_rules! through {
    ($($made:ty: $from:ty),*) => {$(
        impl FromValue for $made {
            #[inline]
            fn from_value(value: ValueRef<'_>) -> Result<$made> {
                <$from>::from_value(value).map(Into::into)
            }
        }
    )*};
}
through!(Box<str>: String, Box<[u8]>: Vec<u8>, std::rc::Rc<str>: String, std::sync::Arc<str>: String,
    Cow<'static, str>: String, Cow<'static, [u8]>: Vec<u8>);

impl<T: FromValue> FromValue for Option<T> {
    const DEPTH: usize = T::DEPTH;

    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<Option<T>> {
        T::from_optional(value)
    }

    #[inline]
    fn from_bulk(bytes: Vec<u8>) -> Result<Option<T>> {
        T::from_bulk(bytes).map(Some)
    }
}

/// The elements of any aggregate; a nil is the empty list, as an empty key is to Redis.
#[inline]
fn items<'a>(wanted: &str, value: ValueRef<'a>) -> Result<Option<Items<'a>>> {
    match value {
        ValueRef::Nil => Ok(None),
        other => other.items().map_or_else(|| mismatch(wanted, other), |items| Ok(Some(items))),
    }
}

impl<T: FromValue> FromValue for Vec<T> {
    const DEPTH: usize = T::LIST_DEPTH;

    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<Vec<T>> {
        T::vec_from_value(value)
    }

    #[inline]
    fn from_bulk(bytes: Vec<u8>) -> Result<Vec<T>> {
        T::vec_from_bulk(bytes)
    }
}

impl<T: FromValue, const N: usize> FromValue for [T; N] {
    const DEPTH: usize = T::LIST_DEPTH;

    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<[T; N]> {
        let values: Vec<T> = Vec::from_value(value)?;
        let count = values.len();
        values.try_into().map_err(|_| Error::reply(format!("expected {N} elements, got {count}")))
    }
}

impl<T: FromValue + Eq + Hash, S: BuildHasher + Default> FromValue for HashSet<T, S> {
    const DEPTH: usize = 1 + T::DEPTH;

    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<HashSet<T, S>> {
        items("a set", value)?.into_iter().flatten().map(T::from_value).collect()
    }
}

impl<T: FromValue + Ord> FromValue for BTreeSet<T> {
    const DEPTH: usize = 1 + T::DEPTH;

    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<BTreeSet<T>> {
        items("a set", value)?.into_iter().flatten().map(T::from_value).collect()
    }
}

impl<K: FromValue + Eq + Hash, V: FromValue, S: BuildHasher + Default> FromValue for HashMap<K, V, S> {
    const DEPTH: usize = 1 + K::DEPTH;

    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<HashMap<K, V, S>> {
        Ok(Vec::<(K, V)>::from_value(value)?.into_iter().collect())
    }
}

impl<K: FromValue + Ord, V: FromValue> FromValue for BTreeMap<K, V> {
    const DEPTH: usize = 1 + K::DEPTH;

    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<BTreeMap<K, V>> {
        Ok(Vec::<(K, V)>::from_value(value)?.into_iter().collect())
    }
}

/// Whether tuples lie each in a list of its own, by how deep values are nested at the places where the first type of a
/// tuple belongs, which is `depth`. One that a nil or an empty list cuts short leaves it to the next; `None` when all do.
#[inline]
fn are_nested(items: Items<'_>, count: usize, depth: usize) -> Option<bool> {
    for mut value in items.step_by(count) {
        let mut found = 0;
        let is_cut_short = loop {
            let Some(mut inside) = value.items() else { break value == ValueRef::Nil };
            found += 1;
            if found > depth {
                return Some(true);
            }
            match inside.next() {
                Some(first) => value = first,
                None => break true,
            }
        };
        if !is_cut_short || depth == 0 {
            return Some(false);
        }
    }
    None
}

macro_rules! tuples {
    ($(($count:literal: $first:ident $(, $name:ident)*)),*) => {$(
        impl<$first: FromValue $(, $name: FromValue)*> FromValue for ($first, $($name,)*) {
            const DEPTH: usize = 1 + $first::DEPTH;
            const LIST_DEPTH: usize = 1 + $first::DEPTH;

            #[inline]
            fn from_value(value: ValueRef<'_>) -> Result<Self> {
                let wanted = concat!("a list of ", $count);
                let mut items = match value.items() {
                    Some(items) if items.len() == $count => items,
                    _ => return mismatch(wanted, value),
                };
                let mut next = || items.next().unwrap_or(ValueRef::Nil);
                Ok(($first::from_value(next())?, $($name::from_value(next())?,)*))
            }

            /// Takes the tuples each in a list of its own, or all flat in one list.
            #[inline]
            fn from_items(items: Items<'_>) -> Result<Vec<Self>> {
                let nested = || items.map(Self::from_value).collect::<Result<Vec<Self>>>();
                match are_nested(items, $count, $first::DEPTH) {
                    Some(true) => nested(),
                    Some(false) => Self::from_map(items),
                    // All begin with nothing: the shape is the one that fits.
                    None => Self::from_map(items).or_else(|misfit| nested().map_err(|_| misfit)),
                }
            }

            #[inline]
            fn from_map(mut items: Items<'_>) -> Result<Vec<Self>> {
                if items.len() % $count != 0 {
                    return Err(Error::reply(format!("expected elements in groups of {}, got {}", $count, items.len())));
                }
                let mut values = Vec::with_capacity(items.len() / $count);
                while let Some(first) = items.next() {
                    let first = $first::from_value(first)?;
                    let mut next = || items.next().unwrap_or(ValueRef::Nil);
                    values.push((first, $($name::from_value(next())?,)*));
                }
                Ok(values)
            }
        }
    )*};
}
tuples!((2: A, B), (3: A, B, C), (4: A, B, C, D), (5: A, B, C, D, E), (6: A, B, C, D, E, F), (7: A, B, C, D, E, F, G),
    (8: A, B, C, D, E, F, G, H), (9: A, B, C, D, E, F, G, H, I), (10: A, B, C, D, E, F, G, H, I, J),
    (11: A, B, C, D, E, F, G, H, I, J, K), (12: A, B, C, D, E, F, G, H, I, J, K, L));
