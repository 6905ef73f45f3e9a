//! Points, units, and which places are looked for.

use crate::command::Args;
use crate::error::Result;
use crate::from_value::FromValue;
use crate::resp::ValueRef;
use crate::to_arg::{iterators, ToArg, ToArgs};
use std::collections::{BTreeMap, HashMap};

/// A point of the earth, in degrees.
///
/// The longitude lies between −180 and 180, west being negative; the latitude between −85.05112878 and
/// 85.05112878, south being negative: servers take nothing nearer to the poles.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct GeoPoint {
    /// How far east of Greenwich.
    pub longitude: f64,
    /// How far north of the equator.
    pub latitude: f64,
}

impl GeoPoint {
    /// A point; the longitude comes first, as in all that servers are told.
    #[inline]
    pub const fn new(longitude: f64, latitude: f64) -> GeoPoint {
        GeoPoint { longitude, latitude }
    }
}

impl ToArgs for GeoPoint {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        self.longitude.write_arg(args);
        self.latitude.write_arg(args);
    }
}

impl FromValue for GeoPoint {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<GeoPoint> {
        <(f64, f64)>::from_value(value).map(|(longitude, latitude)| GeoPoint { longitude, latitude })
    }
}

/// The unit of a distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GeoUnit {
    /// `m`
    Meters,
    /// `km`
    Kilometers,
    /// `mi`: 1609.34 metres.
    Miles,
    /// `ft`: 0.3048 metres.
    Feet,
}

impl ToArg for GeoUnit {
    #[inline]
    fn write_arg(&self, args: &mut Args) {
        let word = match self {
            GeoUnit::Meters => "m",
            GeoUnit::Kilometers => "km",
            GeoUnit::Miles => "mi",
            GeoUnit::Feet => "ft",
        };
        word.write_arg(args);
    }
}

/// A list of places, for [`geoadd`](crate::GeoCommands::geoadd).
///
/// It is made of triples `(longitude, latitude, member)`, in Redis's own order, or of pairs `(point, member)`; or it is
/// a map from members to points. A single place is a list of one.
///
/// ```
/// use rediscluster::{GeoPoint, ToGeo};
/// use std::collections::HashMap;
///
/// fn takes(_: impl ToGeo) {}
///
/// takes((13.405, 52.52, "Berlin"));
/// takes([(GeoPoint::new(13.405, 52.52), "Berlin"), (GeoPoint::new(11.582, 48.1351), "Munich")]);
/// takes(HashMap::from([("Berlin", GeoPoint::new(13.405, 52.52))]));
/// ```
pub trait ToGeo {
    /// Appends the places in order, in front of each member its longitude and its latitude.
    fn write_geo(&self, args: &mut Args);
}

impl<T: ToGeo + ?Sized> ToGeo for &T {
    #[inline]
    fn write_geo(&self, args: &mut Args) {
        (**self).write_geo(args);
    }
}

impl<M: ToArg> ToGeo for (f64, f64, M) {
    #[inline]
    fn write_geo(&self, args: &mut Args) {
        (GeoPoint::new(self.0, self.1), &self.2).write_geo(args);
    }
}

impl<M: ToArg> ToGeo for (GeoPoint, M) {
    #[inline]
    fn write_geo(&self, args: &mut Args) {
        self.0.write_args(args);
        self.1.write_arg(args);
    }
}

impl<T: ToGeo> ToGeo for [T] {
    #[inline]
    fn write_geo(&self, args: &mut Args) {
        self.iter().for_each(|place| place.write_geo(args));
    }
}

impl<T: ToGeo, const N: usize> ToGeo for [T; N] {
    #[inline]
    fn write_geo(&self, args: &mut Args) {
        self.as_slice().write_geo(args);
    }
}

impl<T: ToGeo> ToGeo for Vec<T> {
    #[inline]
    fn write_geo(&self, args: &mut Args) {
        self.as_slice().write_geo(args);
    }
}

impl<M: ToArg> ToGeo for BTreeMap<M, GeoPoint> {
    #[inline]
    fn write_geo(&self, args: &mut Args) {
        self.iter().for_each(|(member, point)| (*point, member).write_geo(args));
    }
}

impl<M: ToArg, H> ToGeo for HashMap<M, GeoPoint, H> {
    #[inline]
    fn write_geo(&self, args: &mut Args) {
        self.iter().for_each(|(member, point)| (*point, member).write_geo(args));
    }
}

macro_rules! of_iterators {
    ($([$($generics:tt)*] $iterator:ty;)*) => {$(
        impl<$($generics)*> ToGeo for $iterator
        where
            $iterator: Iterator + Clone,
            <$iterator as Iterator>::Item: ToGeo,
        {
            /// Goes through a copy of the iterator.
            #[inline]
            fn write_geo(&self, args: &mut Args) {
                self.clone().for_each(|place| place.write_geo(args));
            }
        }
    )*};
}
iterators!(of_iterators);

/// What [`geoadd`](crate::GeoCommands::geoadd) is given, as arguments.
pub(super) struct Located<P>(pub(super) P);

impl<P: ToGeo> ToArgs for Located<P> {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        self.0.write_geo(args);
    }
}

/// The options of [`geoadd_with`](crate::GeoCommands::geoadd_with).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GeoAddOptions {
    existence: Option<&'static str>,
    changed: bool,
}

impl GeoAddOptions {
    /// No options.
    #[inline]
    pub fn new() -> GeoAddOptions {
        GeoAddOptions::default()
    }

    /// Only adds places and leaves those that are there where they are: `NX`.
    #[inline]
    pub fn if_missing(mut self) -> GeoAddOptions {
        self.existence = Some("NX");
        self
    }

    /// Only moves places that are there and adds none: `XX`.
    #[inline]
    pub fn if_exists(mut self) -> GeoAddOptions {
        self.existence = Some("XX");
        self
    }

    /// Counts the places that have moved, too, and not only the new ones: `CH`.
    #[inline]
    pub fn changed(mut self) -> GeoAddOptions {
        self.changed = true;
        self
    }
}

impl ToArgs for GeoAddOptions {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        let words = [self.existence, self.changed.then_some("CH")];
        words.into_iter().flatten().for_each(|word| word.write_arg(args));
    }
}

/// What lies in the middle of the area that is searched: a point, or a place of the same key.
#[derive(Debug, Clone, PartialEq)]
pub struct GeoCenter(Center);

#[derive(Debug, Clone, PartialEq)]
enum Center {
    Point(GeoPoint),
    Member(Vec<u8>),
}

impl GeoCenter {
    /// A place that is there: `FROMMEMBER`.
    #[inline]
    pub fn member(member: impl ToArg) -> GeoCenter {
        let mut args = Args::new();
        member.write_arg(&mut args);
        GeoCenter(Center::Member(args.get(0).unwrap_or_default().to_vec()))
    }
}

/// `FROMLONLAT`
impl From<GeoPoint> for GeoCenter {
    #[inline]
    fn from(point: GeoPoint) -> GeoCenter {
        GeoCenter(Center::Point(point))
    }
}

impl ToArgs for GeoCenter {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        match &self.0 {
            Center::Point(point) => {
                "FROMLONLAT".write_arg(args);
                point.write_args(args);
            }
            Center::Member(member) => {
                "FROMMEMBER".write_arg(args);
                args.push(member);
            }
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Area {
    Circle(GeoCenter, f64, GeoUnit),
    Rectangle(GeoCenter, f64, f64, GeoUnit),
    Polygon(Vec<GeoPoint>),
}

/// The area that [`geosearch`](crate::GeoCommands::geosearch) looks at, how many places it gives, and in which order.
///
/// ```
/// use rediscluster::{GeoCenter, GeoPoint, GeoSearch, GeoUnit};
///
/// let around = GeoSearch::circle(GeoPoint::new(13.4, 52.5), 5.0, GeoUnit::Miles).nearest_first().count(10);
/// let beside = GeoSearch::rectangle(GeoCenter::member("Berlin"), 300.0, 200.0, GeoUnit::Kilometers);
/// assert_ne!(around, beside);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct GeoSearch {
    area: Area,
    picked: GeoRadiusOptions,
}

impl GeoSearch {
    /// All that is no farther from the center than this: `BYRADIUS`.
    #[inline]
    pub fn circle(center: impl Into<GeoCenter>, radius: f64, unit: GeoUnit) -> GeoSearch {
        GeoSearch::of(Area::Circle(center.into(), radius, unit))
    }

    /// A rectangle around the center, so wide from west to east and so high from north to south: `BYBOX`.
    #[inline]
    pub fn rectangle(center: impl Into<GeoCenter>, width: f64, height: f64, unit: GeoUnit) -> GeoSearch {
        GeoSearch::of(Area::Rectangle(center.into(), width, height, unit))
    }

    /// A polygon with these corners, three at least: `BYPOLYGON`, since Valkey 9.0.0; Redis does not have it. Distances
    /// are counted from its middle, in metres.
    #[inline]
    pub fn polygon(corners: impl IntoIterator<Item = GeoPoint>) -> GeoSearch {
        GeoSearch::of(Area::Polygon(corners.into_iter().collect()))
    }

    #[inline]
    fn of(area: Area) -> GeoSearch {
        GeoSearch { area, picked: GeoRadiusOptions::new() }
    }

    /// The nearest place first: `ASC`.
    #[inline]
    pub fn nearest_first(mut self) -> GeoSearch {
        self.picked = self.picked.nearest_first();
        self
    }

    /// The farthest place first: `DESC`.
    #[inline]
    pub fn farthest_first(mut self) -> GeoSearch {
        self.picked = self.picked.farthest_first();
        self
    }

    /// So many places at most, those nearest to the center unless the farthest come first: `COUNT`.
    #[inline]
    pub fn count(mut self, count: u64) -> GeoSearch {
        self.picked = self.picked.count(count);
        self
    }

    /// So many places at most, whichever are found first, which is faster: `COUNT … ANY`.
    #[inline]
    pub fn count_any(mut self, count: u64) -> GeoSearch {
        self.picked = self.picked.count_any(count);
        self
    }
}

impl ToArgs for GeoSearch {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        match &self.area {
            Area::Circle(center, radius, unit) => {
                center.write_args(args);
                "BYRADIUS".write_arg(args);
                radius.write_arg(args);
                unit.write_arg(args);
            }
            Area::Rectangle(center, width, height, unit) => {
                center.write_args(args);
                "BYBOX".write_arg(args);
                [width, height].write_args(args);
                unit.write_arg(args);
            }
            Area::Polygon(corners) => {
                "BYPOLYGON".write_arg(args);
                corners.len().write_arg(args);
                corners.iter().for_each(|corner| corner.write_args(args));
            }
        }
        self.picked.write_args(args);
    }
}

/// How many places the commands of [`GeoRadiusCommands`](crate::GeoRadiusCommands) give, and in which order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GeoRadiusOptions {
    order: Option<&'static str>,
    count: Option<u64>,
    any: bool,
}

impl GeoRadiusOptions {
    /// All places, in no particular order.
    #[inline]
    pub fn new() -> GeoRadiusOptions {
        GeoRadiusOptions::default()
    }

    /// The nearest place first: `ASC`.
    #[inline]
    pub fn nearest_first(mut self) -> GeoRadiusOptions {
        self.order = Some("ASC");
        self
    }

    /// The farthest place first: `DESC`.
    #[inline]
    pub fn farthest_first(mut self) -> GeoRadiusOptions {
        self.order = Some("DESC");
        self
    }

    /// So many places at most, those nearest to the center unless the farthest come first: `COUNT`.
    #[inline]
    pub fn count(mut self, count: u64) -> GeoRadiusOptions {
        (self.count, self.any) = (Some(count), false);
        self
    }

    /// So many places at most, whichever are found first, which is faster: `COUNT … ANY`, since Redis 6.2.0.
    #[inline]
    pub fn count_any(mut self, count: u64) -> GeoRadiusOptions {
        (self.count, self.any) = (Some(count), true);
        self
    }
}

impl ToArgs for GeoRadiusOptions {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        if let Some(count) = self.count {
            "COUNT".write_arg(args);
            count.write_arg(args);
            self.any.then_some("ANY").into_iter().for_each(|word| word.write_arg(args));
        }
        self.order.into_iter().for_each(|word| word.write_arg(args));
    }
}

/// A place that a search has found, with all that is known of it.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct GeoFound<M> {
    /// The place.
    pub member: M,
    /// How far it is from the center, in the unit of the search, or in metres where that has none.
    pub distance: f64,
    /// Where it is.
    pub point: GeoPoint,
    /// The score by which the sorted set keeps it.
    pub hash: u64,
}

impl<M: FromValue> FromValue for GeoFound<M> {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<GeoFound<M>> {
        let (member, distance, hash, point) = <(M, f64, u64, GeoPoint)>::from_value(value)?;
        Ok(GeoFound { member, distance, point, hash })
    }
}

/// The words that ask for all that is in a [`GeoFound`].
pub(super) struct Found;

impl ToArgs for Found {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        ["WITHCOORD", "WITHDIST", "WITHHASH"].write_args(args);
    }
}
