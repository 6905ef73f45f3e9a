//! Lists of tuples become the same Rust values whether the tuples lie flat in the list or each in a list of its own, however
//! many elements their parts happen to have.

use rediscluster::resp::{Decoder, Limits, Protocol};
use rediscluster::{ErrorKind, FromValue, Result, Value};
use std::collections::BTreeMap;
use std::fmt::Debug;

/// Numbers that look like chance, the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((mixed ^ (mixed >> 27)) % end as u64) as usize
    }
}

/// A type with values by chance, and how a server would send them.
trait Drawn: FromValue + PartialEq + Debug {
    fn draw(chance: &mut Chance) -> Self;
    fn sent(&self, protocol: Protocol) -> Value;
}

impl Drawn for String {
    fn draw(chance: &mut Chance) -> String {
        ["", "a", "b", "seven"][chance.below(4)].to_owned()
    }

    fn sent(&self, _: Protocol) -> Value {
        Value::from(self.as_str())
    }
}

impl Drawn for i64 {
    fn draw(chance: &mut Chance) -> i64 {
        chance.below(100) as i64 - 50
    }

    fn sent(&self, _: Protocol) -> Value {
        Value::Integer(*self)
    }
}

impl<T: Drawn> Drawn for Option<T> {
    fn draw(chance: &mut Chance) -> Option<T> {
        (chance.below(3) > 0).then(|| T::draw(chance))
    }

    fn sent(&self, protocol: Protocol) -> Value {
        self.as_ref().map_or(Value::Nil, |some| some.sent(protocol))
    }
}

impl<T: Drawn> Drawn for Vec<T> {
    fn draw(chance: &mut Chance) -> Vec<T> {
        (0..chance.below(5)).map(|_| T::draw(chance)).collect()
    }

    fn sent(&self, protocol: Protocol) -> Value {
        Value::Array(self.iter().map(|item| item.sent(protocol)).collect())
    }
}

impl<T: Drawn> Drawn for BTreeMap<String, T> {
    fn draw(chance: &mut Chance) -> BTreeMap<String, T> {
        (0..chance.below(4)).map(|_| (String::draw(chance), T::draw(chance))).collect()
    }

    fn sent(&self, protocol: Protocol) -> Value {
        let pairs = self.iter().map(|(key, value)| (key.sent(protocol), value.sent(protocol)));
        match protocol {
            Protocol::Resp3 => Value::Map(pairs.collect()),
            _ => Value::Array(pairs.flat_map(|(key, value)| [key, value]).collect()),
        }
    }
}

macro_rules! tuples {
    ($(($($name:ident $at:tt),+))*) => {$(
        impl<$($name: Drawn),+> Drawn for ($($name,)+) {
            fn draw(chance: &mut Chance) -> Self {
                ($($name::draw(chance),)+)
            }

            fn sent(&self, protocol: Protocol) -> Value {
                Value::Array(vec![$(self.$at.sent(protocol)),+])
            }
        }
    )*};
}
tuples!((A 0, B 1)(A 0, B 1, C 2)(A 0, B 1, C 2, D 3));

fn made<T: FromValue>(value: &Value) -> Result<T> {
    let mut decoder = Decoder::new(Protocol::Resp3, Limits::default());
    decoder.feed(&value.to_bytes());
    let frame = decoder.decode()?.expect("a whole reply");
    T::from_value(frame.value())
}

fn inside(value: Value) -> Vec<Value> {
    match value {
        Value::Array(values) => values,
        other => vec![other],
    }
}

/// Whatever the parts hold, both shapes give what was sent.
fn both_shapes<T: Drawn>() {
    let name = std::any::type_name::<T>();
    let mut chance = Chance(7);
    for _ in 0..2_000 {
        let tuples = Vec::<T>::draw(&mut chance);
        for protocol in [Protocol::Resp2, Protocol::Resp3] {
            let nested = tuples.sent(protocol);
            let flat = Value::Array(tuples.iter().flat_map(|tuple| inside(tuple.sent(protocol))).collect());
            for sent in [flat, nested] {
                let got = made::<Vec<T>>(&sent).unwrap_or_else(|error| panic!("{name} from {sent:?}: {error}"));
                assert!(got == tuples, "{name} from {sent:?}: {got:?}, not {tuples:?}");
            }
        }
    }
}

#[test]
fn the_type_decides_the_shape() {
    both_shapes::<(String, String)>();
    both_shapes::<(String, Vec<String>)>();
    both_shapes::<(Vec<String>, Vec<String>)>();
    both_shapes::<(Vec<String>, String)>();
    both_shapes::<(Option<String>, i64)>();
    both_shapes::<(String, Vec<(String, Vec<String>)>)>();
    both_shapes::<((String, i64), String)>();
    both_shapes::<((String, i64), (String, i64))>();
    both_shapes::<(BTreeMap<String, String>, BTreeMap<String, i64>)>();
    both_shapes::<(BTreeMap<String, Vec<String>>, Vec<String>)>();
    both_shapes::<(Option<Vec<i64>>, Vec<i64>)>();
    both_shapes::<(Vec<String>, i64, Vec<String>)>();
    both_shapes::<(i64, Vec<i64>, Vec<i64>)>();
    both_shapes::<(Vec<i64>, Vec<i64>, Vec<i64>, Vec<i64>)>();
    both_shapes::<(i64, Option<String>, Vec<i64>, String)>();
}

/// What an empty list or a nil at the front leaves open, the next tuple tells.
#[test]
fn what_is_cut_short_leaves_it_to_the_next() {
    type Deep = Vec<(Vec<Vec<i64>>, i64)>;
    let number = |number| Value::Integer(number);
    let list = |items: &[Value]| Value::Array(items.to_vec());
    let deep = list(&[list(&[number(1)])]);
    let wanted: Deep = vec![(vec![], 1), (vec![vec![1]], 2)];
    let empty = list(&[]);
    let nested = list(&[list(&[empty.clone(), number(1)]), list(&[deep.clone(), number(2)])]);
    assert_eq!(made::<Deep>(&nested).unwrap(), wanted);
    let flat = list(&[empty, number(1), deep, number(2)]);
    assert_eq!(made::<Deep>(&flat).unwrap(), wanted);
}

/// The keys of a RESP3 map and their values are pairs, whatever they are.
#[test]
fn a_map_is_made_of_pairs() {
    let two = Value::Array(vec![Value::Integer(1), Value::Integer(2)]);
    let map = Value::Map(vec![(two.clone(), two.clone())]);
    assert_eq!(made::<Vec<(Value, Value)>>(&map).unwrap(), [(two.clone(), two)]);
    assert_eq!(made::<Vec<(Vec<i64>, [i64; 2])>>(&map).unwrap(), [(vec![1, 2], [1, 2])]);
}

#[test]
fn what_fits_neither_shape_is_told() {
    let list = |items: &[&str]| Value::Array(items.iter().map(|&item| item.into()).collect());
    let error = made::<Vec<(String, String)>>(&Value::Array(vec![list(&["a", "b"]), list(&["c"])])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Reply);
    assert!(error.message().starts_with("expected a list of 2, got Array"), "{error}");
    let error = made::<Vec<(String, String)>>(&list(&["a", "b", "c"])).unwrap_err();
    assert_eq!(error.message(), "expected elements in groups of 2, got 3");
    let lists = Value::Array(vec![list(&["a", "b"]), list(&["c", "d"]), list(&["e", "f"])]);
    let error = made::<Vec<(Vec<String>, Vec<String>)>>(&lists).unwrap_err();
    assert_eq!(error.message(), "expected elements in groups of 2, got 3");
}

/// The case that it was found by: a script that returns the fields of hashes.
#[test]
fn hashes_with_one_field() {
    let one = |field: &str| Value::Array(vec![field.into(), "value".into()]);
    let pairs: Vec<(Vec<String>, Vec<String>)> = made(&Value::Array(vec![one("a"), one("b")])).unwrap();
    assert_eq!(pairs[0].0, ["a", "value"]);
    let maps: Vec<(BTreeMap<String, String>, BTreeMap<String, String>)> =
        made(&Value::Array(vec![one("a"), one("b")])).unwrap();
    assert_eq!(maps[0].1["b"], "value");
}
