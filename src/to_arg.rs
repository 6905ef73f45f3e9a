//! From Rust values to the arguments of a command.

mod iterators;

pub(crate) use iterators::iterators;

use crate::command::Args;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt::Write;
use std::rc::Rc;
use std::sync::Arc;

/// A value that is one argument: a key, a member, a number.
///
/// Numbers are sent in decimal, infinities as `inf` and `-inf`, truth values as `1` and `0`. A single byte is no
/// argument, so that `Vec<u8>` can only mean a string of bytes.
///
/// ```
/// use rediscluster::{cmd, Args, ToArg};
///
/// struct UserId(u64);
///
/// impl ToArg for UserId {
///     fn write_arg(&self, args: &mut Args) {
///         format!("user:{}", self.0).write_arg(args);
///     }
/// }
/// assert_eq!(cmd("GET").arg(UserId(7)).args().get(1), Some(&b"user:7"[..]));
/// ```
#[doc(alias = "ToSingleRedisArg")]
pub trait ToArg {
    /// Appends exactly one argument.
    fn write_arg(&self, args: &mut Args);
}

/// A list of values that are one argument each; a single value is a list of one. Iterators are taken where they can be
/// cloned, as those of std over borrowed data can; others are collected first.
///
/// ```
/// use rediscluster::prelude::*;
/// use rediscluster::Build;
///
/// let users = [7, 8];
/// let command = Build.mget::<_, Vec<String>>(users.iter().map(|user| format!("name:{user}")));
/// assert_eq!(command.args().get(2), Some(&b"name:8"[..]));
/// ```
#[doc(alias = "ToRedisArgs")]
pub trait ToArgs {
    /// Appends the arguments in order.
    fn write_args(&self, args: &mut Args);
}

/// A list of pairs or a map: two arguments for each. Iterators over pairs are taken as [`ToArgs`] takes those over values.
///
/// ```
/// use rediscluster::prelude::*;
/// use rediscluster::Build;
///
/// let users = [(7, "ann"), (8, "bob")];
/// let command = Build.mset(users.iter().map(|(user, name)| (format!("name:{user}"), name)));
/// assert_eq!(command.args().get(4), Some(&b"bob"[..]));
/// ```
pub trait ToPairs {
    /// Appends the pairs in order, the left side of each first.
    fn write_pairs(&self, args: &mut Args);
}

impl<T: ToArg + ?Sized> ToArg for &T {
    #[inline]
    fn write_arg(&self, args: &mut Args) {
        (**self).write_arg(args);
    }
}

impl<T: ToArgs + ?Sized> ToArgs for &T {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        (**self).write_args(args);
    }
}

impl<T: ToPairs + ?Sized> ToPairs for &T {
    #[inline]
    fn write_pairs(&self, args: &mut Args) {
        (**self).write_pairs(args);
    }
}

/// What is one argument is a list of one as well.
macro_rules! single {
    ($($type:ty: |$value:ident, $args:ident| $write:expr;)*) => {$(
        impl ToArg for $type {
            #[inline]
            fn write_arg(&self, $args: &mut Args) {
                let $value = self;
                $write
            }
        }
        impl ToArgs for $type {
            #[inline]
            fn write_args(&self, args: &mut Args) {
                self.write_arg(args);
            }
        }
    )*};
}

single! {
    str: |value, args| args.push(value.as_bytes());
    String: |value, args| args.push(value.as_bytes());
    Box<str>: |value, args| args.push(value.as_bytes());
    Rc<str>: |value, args| args.push(value.as_bytes());
    Arc<str>: |value, args| args.push(value.as_bytes());
    Cow<'_, str>: |value, args| args.push(value.as_bytes());
    [u8]: |value, args| args.push(value);
    Vec<u8>: |value, args| args.push(value);
    Box<[u8]>: |value, args| args.push(value);
    Cow<'_, [u8]>: |value, args| args.push(value);
    bool: |value, args| args.push(if *value { b"1" } else { b"0" });
    char: |value, args| args.push(value.encode_utf8(&mut [0; 4]).as_bytes());
    f32: |value, args| push_display(value, args);
    f64: |value, args| push_display(value, args);
    i128: |value, args| push_display(value, args);
    u128: |value, args| push_display(value, args);
}

impl<const N: usize> ToArg for [u8; N] {
    #[inline]
    fn write_arg(&self, args: &mut Args) {
        args.push(self);
    }
}

impl<const N: usize> ToArgs for [u8; N] {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        args.push(self);
    }
}

macro_rules! integers {
    ($($integer:ty),*) => {
        single! {
            $($integer: |value, args| {
                #[allow(unused_comparisons)] // one macro for signed and unsigned
                let negative = *value < 0;
                args.push_integer(negative, if negative { (*value as i64).unsigned_abs() } else { *value as u64 })
            };)*
        }
    };
}
integers!(i8, i16, u16, i32, u32, i64, u64, isize, usize);

/// Digits on the stack: the longest number, `f64::MIN_POSITIVE`, takes fewer than this.
struct Stack {
    bytes: [u8; 1100],
    length: usize,
}

impl Write for Stack {
    #[inline]
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.length + text.len();
        self.bytes.get_mut(self.length..end).ok_or(std::fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

#[inline]
fn push_display(value: impl std::fmt::Display, args: &mut Args) {
    let mut stack = Stack { bytes: [0; 1100], length: 0 };
    match write!(stack, "{value}") {
        Ok(()) => args.push(&stack.bytes[..stack.length]),
        Err(_) => args.push(value.to_string().as_bytes()),
    }
}

macro_rules! lists {
    ($([$($generics:tt)*] $list:ty;)*) => {$(
        impl<T: ToArg, $($generics)*> ToArgs for $list {
            #[inline]
            fn write_args(&self, args: &mut Args) {
                self.iter().for_each(|value| value.write_arg(args));
            }
        }
    )*};
}

lists! {
    [] [T];
    [const N: usize] [T; N];
    [] Vec<T>;
    [] VecDeque<T>;
    [] BTreeSet<T>;
    [S] HashSet<T, S>;
}

impl<T: ToArgs> ToArgs for Option<T> {
    /// Nothing appends nothing.
    #[inline]
    fn write_args(&self, args: &mut Args) {
        if let Some(value) = self {
            value.write_args(args);
        }
    }
}

macro_rules! pairs {
    ($([$($generics:tt)*] $pairs:ty;)*) => {$(
        impl<A: ToArg, B: ToArg, $($generics)*> ToPairs for $pairs {
            #[inline]
            fn write_pairs(&self, args: &mut Args) {
                for (left, right) in self.iter() {
                    left.write_arg(args);
                    right.write_arg(args);
                }
            }
        }
    )*};
}

pairs! {
    [] [(A, B)];
    [const N: usize] [(A, B); N];
    [] Vec<(A, B)>;
    [] VecDeque<(A, B)>;
    [] BTreeMap<A, B>;
    [S] HashMap<A, B, S>;
}

impl<A: ToArg, B: ToArg> ToPairs for (A, B) {
    #[inline]
    fn write_pairs(&self, args: &mut Args) {
        self.0.write_arg(args);
        self.1.write_arg(args);
    }
}
