//! Arguments in forms that only the typed methods need.

use super::time::wait_millis;
use crate::command::Args;
use crate::to_arg::{ToArg, ToArgs, ToPairs};
use std::time::Duration;

/// No arguments at all.
impl ToArgs for () {
    #[inline]
    fn write_args(&self, _: &mut Args) {}
}

/// A list behind its own length, as commands with `numkeys` want it.
pub(super) struct Counted<M>(pub(super) M);

impl<M: ToArgs> ToArgs for Counted<M> {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        let mut list = Args::new();
        self.0.write_args(&mut list);
        list.len().write_arg(args);
        list.iter().for_each(|arg| args.push(arg));
    }
}

/// Pairs behind their number.
pub(super) struct CountedPairs<P>(pub(super) P);

impl<P: ToPairs> ToArgs for CountedPairs<P> {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        let mut list = Args::new();
        self.0.write_pairs(&mut list);
        (list.len() / 2).write_arg(args);
        list.iter().for_each(|arg| args.push(arg));
    }
}

/// How long a command waits for data, in seconds; zero is for ever, and so is more than a hundred years.
///
/// Every other time is rounded up to milliseconds, and to two of them at least: servers before 7.0 multiply by 1000
/// and cut off, and of 0.001 that leaves 0. Whole seconds are sent as such, because servers before 6.0 take nothing
/// else.
pub(super) struct Seconds(pub(super) Duration);

impl ToArg for Seconds {
    #[inline]
    fn write_arg(&self, args: &mut Args) {
        let milliseconds = match wait_millis(self.0) {
            1 => 2,
            other => other,
        };
        match (milliseconds / 1000, milliseconds % 1000) {
            (whole, 0) => whole.write_arg(args),
            (whole, rest) => format!("{whole}.{rest:03}").write_arg(args),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(list: impl ToArgs) -> Vec<String> {
        let mut args = Args::new();
        list.write_args(&mut args);
        args.iter().map(|arg| String::from_utf8_lossy(arg).into_owned()).collect()
    }

    #[test]
    fn a_wait_is_never_rounded_down_to_for_ever() {
        let seconds = |duration| {
            let mut args = Args::new();
            Seconds(duration).write_arg(&mut args);
            String::from_utf8_lossy(args.get(0).unwrap_or_default()).into_owned()
        };
        assert_eq!(seconds(Duration::ZERO), "0");
        assert_eq!(seconds(Duration::from_nanos(1)), "0.002");
        assert_eq!(seconds(Duration::from_millis(1)), "0.002");
        assert_eq!(seconds(Duration::from_micros(2001)), "0.003");
        assert_eq!(seconds(Duration::from_millis(50)), "0.050");
        assert_eq!(seconds(Duration::from_millis(2500)), "2.500");
        assert_eq!(seconds(Duration::from_secs(30)), "30");
        assert_eq!(seconds(Duration::from_secs(100 * 365 * 24 * 3600)), "3153600000");
        assert_eq!(seconds(Duration::MAX), "0");
    }

    #[test]
    fn a_list_behind_its_length() {
        assert_eq!(written(Counted(["a", ""])), ["2", "a", ""]);
        assert_eq!(written(Counted("one")), ["1", "one"]);
        assert_eq!(written(Counted(Vec::<String>::new())), ["0"]);
        assert_eq!(written(Counted(())), ["0"]);
        assert_eq!(written(CountedPairs([("a", 1), ("b", 2)])), ["2", "a", "1", "b", "2"]);
    }
}
