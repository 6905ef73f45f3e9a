//! Places on the earth.

mod options;
mod radius;

pub use options::{GeoAddOptions, GeoCenter, GeoFound, GeoPoint, GeoRadiusOptions, GeoSearch, GeoUnit, ToGeo};
pub use radius::GeoRadiusCommands;

use crate::cmd::{Cmd, Execute};
use crate::from_value::FromValue;
use crate::table;
use crate::to_arg::{ToArg, ToArgs};
use options::{Found, Located};

/// Commands on the places of one key.
///
/// Places are kept in a sorted set, each as a member whose score stands for its point, so that
/// [`SortedSetCommands`](crate::SortedSetCommands) work on them as well: `zrem` removes a place. A score has 52 bits,
/// which is why a point comes back a little beside where it was put, less than a metre. A key that does not exist
/// holds no places; a key of another type is a [`WrongType`](crate::ErrorKind::WrongType) error.
///
/// The searches of servers before 6.2 are in [`GeoRadiusCommands`].
pub trait GeoCommands: Execute {
    /// Adds places and moves those that are there to their new points. Gives how many are new.
    ///
    /// `GEOADD`, since Redis 3.2.0. See [`ToGeo`] for the forms that places may have, and
    /// [`geoadd_with`](GeoCommands::geoadd_with) for conditions.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no sorted set, [`Server`](crate::ErrorKind::Server)
    /// for a point outside of what [`GeoPoint`] may be, and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.geoadd("cities", [(13.4050, 52.5200, "Berlin"), (11.5820, 48.1351, "Munich")])?, 2);
    /// assert_eq!(cluster.geoadd("cities", (13.4, 52.5, "Berlin"))?, 0);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "geo_add")]
    fn geoadd<K: ToArg, P: ToGeo>(self, key: K, places: P) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::GEOADD).arg(key).args_of(Located(places)))
    }

    /// As [`geoadd`](GeoCommands::geoadd), under conditions; with [`changed`](GeoAddOptions::changed) it gives how many
    /// places are new or have moved.
    ///
    /// `GEOADD` with options, since Redis 6.2.0.
    ///
    /// # Errors
    /// As [`geoadd`](GeoCommands::geoadd).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::GeoAddOptions;
    ///
    /// cluster.geoadd("cars", (13.40, 52.52, "red"))?;
    /// let moves = GeoAddOptions::new().if_exists().changed();
    /// assert_eq!(cluster.geoadd_with("cars", [(13.41, 52.52, "red"), (13.42, 52.52, "blue")], moves)?, 1);
    /// # Ok(()) });
    /// ```
    fn geoadd_with<K: ToArg, P: ToGeo>(self, key: K, places: P, options: GeoAddOptions) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::GEOADD).arg(key).args_of(options).args_of(Located(places)))
    }

    /// Gives the distance between two places; `None` when one of them is not there. The earth is taken for a ball,
    /// which can make it wrong by up to half a percent.
    ///
    /// `GEODIST`, since Redis 3.2.0.
    ///
    /// # Errors
    /// As [`geopos`](GeoCommands::geopos).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::GeoUnit;
    ///
    /// cluster.geoadd("cities", [(13.4050, 52.5200, "Berlin"), (11.5820, 48.1351, "Munich")])?;
    /// let distance = cluster.geodist("cities", "Berlin", "Munich", GeoUnit::Kilometers)?.unwrap();
    /// assert!(distance > 504.0 && distance < 505.0);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "geo_dist")]
    fn geodist<K: ToArg, A: ToArg, B: ToArg>(self, key: K, from: A, to: B, unit: GeoUnit) -> Self::Output<Option<f64>> {
        self.execute(Cmd::new(&table::GEODIST).arg(key).arg(from).arg(to).arg(unit))
    }

    /// Gives the geohashes of places, each a text of 11 characters as geohash.org has them, `None` for each that is
    /// not there. Places whose texts begin alike lie near one another.
    ///
    /// `GEOHASH`, since Redis 3.2.0.
    ///
    /// # Errors
    /// As [`geopos`](GeoCommands::geopos).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.geoadd("cities", (13.4050, 52.5200, "Berlin"))?;
    /// let hashes = cluster.geohash("cities", ["Berlin", "Atlantis"])?;
    /// assert!(hashes[0].as_ref().unwrap().starts_with("u33d"));
    /// assert_eq!(hashes[1], None);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "geo_hash")]
    fn geohash<K: ToArg, M: ToArgs>(self, key: K, members: M) -> Self::Output<Vec<Option<String>>> {
        self.execute(Cmd::new(&table::GEOHASH).arg(key).args_of(members))
    }

    /// Gives the points of places, `None` for each that is not there.
    ///
    /// `GEOPOS`, since Redis 3.2.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no sorted set, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.geoadd("cities", (13.4050, 52.5200, "Berlin"))?;
    /// let points = cluster.geopos("cities", ["Berlin", "Atlantis"])?;
    /// assert!((points[0].unwrap().latitude - 52.52).abs() < 0.00001);
    /// assert_eq!(points[1], None);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "geo_pos")]
    fn geopos<K: ToArg, M: ToArgs>(self, key: K, members: M) -> Self::Output<Vec<Option<GeoPoint>>> {
        self.execute(Cmd::new(&table::GEOPOS).arg(key).args_of(members))
    }

    /// Gives the places within a circle, a rectangle or a polygon.
    ///
    /// `GEOSEARCH`, since Redis 6.2.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no sorted set, [`Server`](crate::ErrorKind::Server)
    /// when the place in the center is not there or the center is no point of the earth, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{GeoPoint, GeoSearch, GeoUnit};
    ///
    /// cluster.geoadd("cities", [(13.4050, 52.5200, "Berlin"), (13.0645, 52.3906, "Potsdam")])?;
    /// let near = GeoSearch::circle(GeoPoint::new(13.1, 52.4), 100.0, GeoUnit::Kilometers).nearest_first();
    /// let cities: Vec<String> = cluster.geosearch("cities", near)?;
    /// assert_eq!(cities, ["Potsdam", "Berlin"]);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "geo_search")]
    fn geosearch<K: ToArg, M: FromValue>(self, key: K, search: GeoSearch) -> Self::Output<Vec<M>> {
        self.execute(Cmd::new(&table::GEOSEARCH).arg(key).args_of(search))
    }

    /// As [`geosearch`](GeoCommands::geosearch), each place with all that is known of it: how far it is from the
    /// center, its point, and its score.
    ///
    /// `GEOSEARCH … WITHCOORD WITHDIST WITHHASH`, since Redis 6.2.0.
    ///
    /// # Errors
    /// As [`geosearch`](GeoCommands::geosearch).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{GeoCenter, GeoFound, GeoSearch, GeoUnit};
    ///
    /// cluster.geoadd("cities", [(13.4050, 52.5200, "Berlin"), (13.0645, 52.3906, "Potsdam")])?;
    /// let near = GeoSearch::circle(GeoCenter::member("Potsdam"), 50.0, GeoUnit::Kilometers).farthest_first();
    /// let cities: Vec<GeoFound<String>> = cluster.geosearch_found("cities", near)?;
    /// assert_eq!((cities[0].member.as_str(), cities[0].distance.round()), ("Berlin", 27.0));
    /// assert_eq!(cities[1].distance, 0.0);
    /// # Ok(()) });
    /// ```
    fn geosearch_found<K: ToArg, M: FromValue>(self, key: K, search: GeoSearch) -> Self::Output<Vec<GeoFound<M>>> {
        self.execute(Cmd::new(&table::GEOSEARCH).arg(key).args_of(search).args_of(Found))
    }

    /// As [`geosearch`](GeoCommands::geosearch), each place with how far it is from the center, in the unit of the
    /// search.
    ///
    /// `GEOSEARCH … WITHDIST`, since Redis 6.2.0.
    ///
    /// # Errors
    /// As [`geosearch`](GeoCommands::geosearch).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{GeoCenter, GeoSearch, GeoUnit};
    ///
    /// cluster.geoadd("cities", [(13.4050, 52.5200, "Berlin"), (13.0645, 52.3906, "Potsdam")])?;
    /// let near = GeoSearch::circle(GeoCenter::member("Potsdam"), 50.0, GeoUnit::Kilometers);
    /// for (city, distance) in cluster.geosearch_with_distances::<_, String>("cities", near)? {
    ///     println!("{city}: {distance} km");
    /// }
    /// # Ok(()) });
    /// ```
    fn geosearch_with_distances<K: ToArg, M: FromValue>(
        self,
        key: K,
        search: GeoSearch,
    ) -> Self::Output<Vec<(M, f64)>> {
        self.execute(Cmd::new(&table::GEOSEARCH).arg(key).args_of(search).arg("WITHDIST"))
    }

    /// Puts the places within a circle or a rectangle under another key, whatever that held before, and gives how many
    /// they are. When there are none the destination does not exist afterwards. Servers before 6.2.6 leave it as it is
    /// when the source does not exist, and what they answer then is a [`Reply`](crate::ErrorKind::Reply) error.
    ///
    /// `GEOSEARCHSTORE`, since Redis 6.2.0. Across nodes: the source is carried over, and one transaction
    /// runs the command on the copy.
    ///
    /// # Errors
    /// As [`geosearch`](GeoCommands::geosearch).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{GeoPoint, GeoSearch, GeoUnit};
    ///
    /// cluster.geoadd("cities:de{de}", [(13.4050, 52.5200, "Berlin"), (11.5820, 48.1351, "Munich")])?;
    /// let north = GeoSearch::rectangle(GeoPoint::new(10.0, 53.0), 800.0, 400.0, GeoUnit::Kilometers);
    /// assert_eq!(cluster.geosearchstore("north:de{de}", "cities:de{de}", north)?, 1);
    /// # Ok(()) });
    /// ```
    fn geosearchstore<D: ToArg, K: ToArg>(self, destination: D, source: K, search: GeoSearch) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::GEOSEARCHSTORE).arg(destination).arg(source).args_of(search))
    }

    /// As [`geosearchstore`](GeoCommands::geosearchstore), but the scores in the destination are how far each place is
    /// from the center, in the unit of the search: it is a sorted set of distances and holds no places.
    ///
    /// `GEOSEARCHSTORE … STOREDIST`, since Redis 6.2.0. Both keys must live on one node, as there.
    ///
    /// # Errors
    /// As [`geosearch`](GeoCommands::geosearch).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{GeoCenter, GeoSearch, GeoUnit};
    ///
    /// cluster.geoadd("cities:de{de}", [(13.4050, 52.5200, "Berlin"), (13.0645, 52.3906, "Potsdam")])?;
    /// let near = GeoSearch::circle(GeoCenter::member("Berlin"), 50.0, GeoUnit::Kilometers);
    /// assert_eq!(cluster.geosearchstore_distances("near:de{de}", "cities:de{de}", near)?, 2);
    /// assert_eq!(cluster.zscore("near:de{de}", "Potsdam")?.map(f64::round), Some(27.0));
    /// # Ok(()) });
    /// ```
    fn geosearchstore_distances<D: ToArg, K: ToArg>(
        self,
        destination: D,
        source: K,
        search: GeoSearch,
    ) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::GEOSEARCHSTORE).arg(destination).arg(source).args_of(search).arg("STOREDIST"))
    }
}

impl<E: Execute> GeoCommands for E {}
