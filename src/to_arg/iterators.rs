//! Iterators, wherever a list is taken.
//!
//! A blanket `impl for every Iterator` cannot stand beside those for `str` and the like: to the compiler they might become
//! iterators one day. So the adapters and the iterators of std are named here, each with whatever lies inside of it.

use super::{ToArg, ToArgs, ToPairs};
use crate::command::Args;

/// Calls a macro with the iterators of std, each as `[generics] type;`.
macro_rules! iterators {
    ($implement:ident) => {
        $implement! {
            [I, F] std::iter::Map<I, F>;
            [I, F] std::iter::Filter<I, F>;
            [I, F] std::iter::FilterMap<I, F>;
            [I, U: IntoIterator, F] std::iter::FlatMap<I, U, F>;
            [I: Iterator<Item = J>, J: IntoIterator] std::iter::Flatten<I>;
            [I, J] std::iter::Chain<I, J>;
            [I, J] std::iter::Zip<I, J>;
            [I] std::iter::Enumerate<I>;
            [I] std::iter::Rev<I>;
            [I] std::iter::Take<I>;
            [I] std::iter::Skip<I>;
            [I] std::iter::StepBy<I>;
            [I] std::iter::Cloned<I>;
            [I] std::iter::Copied<I>;
            [I] std::iter::Fuse<I>;
            [I: Iterator] std::iter::Peekable<I>;
            [I, F] std::iter::Inspect<I, F>;
            [I, F] std::iter::TakeWhile<I, F>;
            [I, F] std::iter::SkipWhile<I, F>;
            [I, F] std::iter::MapWhile<I, F>;
            [I, S, F] std::iter::Scan<I, S, F>;
            [T] std::iter::Once<T>;
            [T] std::iter::Empty<T>;
            [F] std::iter::FromFn<F>;
            [T, F] std::iter::Successors<T, F>;
            [T] std::ops::Range<T>;
            [T] std::ops::RangeInclusive<T>;
            ['a, T] std::slice::Iter<'a, T>;
            [T] std::vec::IntoIter<T>;
            [T] std::option::IntoIter<T>;
            [T, const N: usize] std::array::IntoIter<T, N>;
            ['a, T] std::collections::vec_deque::Iter<'a, T>;
            [T] std::collections::vec_deque::IntoIter<T>;
            ['a, K, V] std::collections::hash_map::Keys<'a, K, V>;
            ['a, K, V] std::collections::hash_map::Values<'a, K, V>;
            ['a, T] std::collections::hash_set::Iter<'a, T>;
            ['a, T, S] std::collections::hash_set::Difference<'a, T, S>;
            ['a, T, S] std::collections::hash_set::Intersection<'a, T, S>;
            ['a, T, S] std::collections::hash_set::Union<'a, T, S>;
            ['a, K, V] std::collections::btree_map::Keys<'a, K, V>;
            ['a, K, V] std::collections::btree_map::Values<'a, K, V>;
            ['a, T] std::collections::btree_set::Iter<'a, T>;
            ['a, T] std::collections::btree_set::Range<'a, T>;
            ['a] std::str::Lines<'a>;
            ['a] std::str::SplitWhitespace<'a>;
            ['a] std::str::SplitAsciiWhitespace<'a>;
        }
    };
}

macro_rules! arguments {
    ($([$($generics:tt)*] $iterator:ty;)*) => {$(
        impl<$($generics)*> ToArgs for $iterator
        where
            $iterator: Iterator + Clone,
            <$iterator as Iterator>::Item: ToArg,
        {
            /// Goes through a copy of the iterator.
            #[inline]
            fn write_args(&self, args: &mut Args) {
                self.clone().for_each(|value| value.write_arg(args));
            }
        }

        impl<$($generics)*> ToPairs for $iterator
        where
            $iterator: Iterator + Clone,
            <$iterator as Iterator>::Item: ToPairs,
        {
            /// Goes through a copy of the iterator.
            #[inline]
            fn write_pairs(&self, args: &mut Args) {
                self.clone().for_each(|pair| pair.write_pairs(args));
            }
        }
    )*};
}
pub(crate) use iterators;

/// The same for those over the pairs of maps, which stand the other way round where a score comes before its member.
macro_rules! iterators_of_maps {
    ($implement:ident) => {
        $implement! {
            ['a, K, V] std::collections::hash_map::Iter<'a, K, V>;
            ['a, K, V] std::collections::btree_map::Iter<'a, K, V>;
            ['a, K, V] std::collections::btree_map::Range<'a, K, V>;
        }
    };
}

iterators!(arguments);
iterators_of_maps!(arguments);
