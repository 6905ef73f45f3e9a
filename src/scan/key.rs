//! All elements of one key.

use super::pages::{page_of, Pages, Raw, RawPair};
use crate::cluster::{Cluster, Page};
use crate::cmd::Cmd;
use crate::command::{Args, Wait};
use crate::commands::{ScanOptions, ScanPage};
use crate::error::Result;
use crate::execute::Row;
use crate::from_value::FromValue;
use crate::to_arg::ToArg;
use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;

/// All elements of one key, one page after the other: see [`Cluster::hscan_all`], [`Cluster::sscan_all`] and
/// [`Cluster::zscan_all`].
pub struct ScanKey<T> {
    cluster: Cluster,
    spec: &'static Row,
    key: Vec<u8>,
    options: ScanOptions,
    /// What stands behind the options.
    last: Option<&'static str>,
    elements: Elements,
    item: PhantomData<fn() -> T>,
}

enum Elements {
    Single(Pages<Raw>),
    Pairs(Pages<RawPair>),
}

impl<T> ScanKey<T> {
    #[inline]
    pub(super) fn single(cluster: Cluster, spec: &'static Row, key: impl ToArg, options: ScanOptions) -> ScanKey<T> {
        let mut args = Args::new();
        key.write_arg(&mut args);
        let key = args.get(0).unwrap_or_default().to_vec();
        let elements = Elements::Single(Pages::from(0, String::new()));
        ScanKey { cluster, spec, key, options, last: None, elements, item: PhantomData }
    }

    #[inline]
    pub(super) fn pairs(cluster: Cluster, spec: &'static Row, key: impl ToArg, options: ScanOptions) -> ScanKey<T> {
        let elements = Elements::Pairs(Pages::from(0, String::new()));
        ScanKey { elements, ..ScanKey::single(cluster, spec, key, options) }
    }

    #[inline]
    pub(super) fn with(self, last: &'static str) -> ScanKey<T> {
        ScanKey { last: Some(last), ..self }
    }
}

impl<T: FromValue> ScanKey<T> {
    #[inline]
    fn advance(&mut self) -> Result<Option<T>> {
        let ScanKey { cluster, spec, key, options, last, elements, .. } = self;
        let until = cluster.begin(Wait::None);
        let cmd = |cursor: u64| Cmd::new(spec).arg(&*key).arg(cursor).args_of(&*options).args_of(*last);
        #[inline]
        fn ask<'a, I: FromValue>(
            cluster: &'a Cluster,
            until: crate::net::Deadline,
            cmd: impl Fn(u64) -> Cmd<()> + 'a,
        ) -> impl Fn(u64) -> Result<Page<ScanPage<I>>> + 'a {
            move |cursor| cluster.page(&page_of(cmd(cursor)), None, until)
        }
        let (converted, node) = match elements {
            Elements::Single(pages) => {
                (pages.next(until, ask(cluster, until, cmd))?.map(|raw| raw.make()), pages.node())
            }
            Elements::Pairs(pages) => {
                (pages.next(until, ask(cluster, until, cmd))?.map(|raw| raw.make()), pages.node())
            }
        };
        let node = node.map(ToString::to_string);
        converted.transpose().map_err(|error| match node {
            Some(node) => error.with_node(|| node),
            None => error,
        })
    }
}

impl<T: FromValue> Iterator for ScanKey<T> {
    type Item = Result<T>;

    #[inline]
    fn next(&mut self) -> Option<Result<T>> {
        let name = self.spec.name;
        self.advance().map_err(|error| error.with_command(name)).transpose()
    }
}

impl<T: FromValue> FusedIterator for ScanKey<T> {}

impl<T> fmt::Debug for ScanKey<T> {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cursor = match &self.elements {
            Elements::Single(pages) => pages.cursor().0,
            Elements::Pairs(pages) => pages.cursor().0,
        };
        f.debug_struct("ScanKey").field("command", &self.spec.name).field("cursor", &cursor).finish_non_exhaustive()
    }
}
