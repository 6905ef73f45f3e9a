//! The searches of servers before 6.2.

use super::options::Found;
use super::{GeoFound, GeoPoint, GeoRadiusOptions, GeoUnit};
use crate::cmd::{Cmd, Execute};
use crate::from_value::FromValue;
use crate::table;
use crate::to_arg::ToArg;

/// The older forms of [`geosearch`](crate::GeoCommands::geosearch) and its like, for servers before 6.2; newer ones
/// still have them.
///
/// Those without `_ro` go to masters, because a server takes them for writes; those with it may be served by replicas.
/// A key that does not exist holds no places; a key of another type is a
/// [`WrongType`](crate::ErrorKind::WrongType) error.
pub trait GeoRadiusCommands: Execute {
    /// Gives the places that are no farther from a point than this.
    ///
    /// `GEORADIUS`, since Redis 3.2.0; [`geosearch`](crate::GeoCommands::geosearch) is its newer form.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no sorted set, [`Server`](crate::ErrorKind::Server)
    /// when the center is no point of the earth, and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{GeoPoint, GeoRadiusOptions, GeoUnit};
    ///
    /// cluster.geoadd("cities", (13.4050, 52.5200, "Berlin"))?;
    /// let center = GeoPoint::new(13.4, 52.5);
    /// let all = GeoRadiusOptions::new();
    /// let cities: Vec<String> = cluster.georadius("cities", center, 9.0, GeoUnit::Miles, all)?;
    /// assert_eq!(cities, ["Berlin"]);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "geo_radius")]
    fn georadius<K: ToArg, M: FromValue>(
        self,
        key: K,
        center: GeoPoint,
        radius: f64,
        unit: GeoUnit,
        options: GeoRadiusOptions,
    ) -> Self::Output<Vec<M>> {
        self.execute(Cmd::new(&table::GEORADIUS).arg(key).args_of(center).arg(radius).arg(unit).args_of(options))
    }

    /// As [`georadius`](GeoRadiusCommands::georadius), each place with all that is known of it.
    ///
    /// `GEORADIUS … WITHCOORD WITHDIST WITHHASH`, since Redis 3.2.0.
    ///
    /// # Errors
    /// As [`georadius`](GeoRadiusCommands::georadius).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{GeoFound, GeoPoint, GeoRadiusOptions, GeoUnit};
    ///
    /// cluster.geoadd("cities", (13.4050, 52.5200, "Berlin"))?;
    /// let center = GeoPoint::new(13.4, 52.5);
    /// let all = GeoRadiusOptions::new();
    /// let cities: Vec<GeoFound<String>> =
    ///     cluster.georadius_found("cities", center, 9.0, GeoUnit::Miles, all)?;
    /// assert!(cities[0].distance < 3.0);
    /// # Ok(()) });
    /// ```
    fn georadius_found<K: ToArg, M: FromValue>(
        self,
        key: K,
        center: GeoPoint,
        radius: f64,
        unit: GeoUnit,
        options: GeoRadiusOptions,
    ) -> Self::Output<Vec<GeoFound<M>>> {
        self.execute(
            Cmd::new(&table::GEORADIUS).arg(key).args_of(center).arg(radius).arg(unit).args_of(options).args_of(Found),
        )
    }

    /// As [`georadius`](GeoRadiusCommands::georadius), but a replica may serve it.
    ///
    /// `GEORADIUS_RO`, since Redis 3.2.10.
    ///
    /// # Errors
    /// As [`georadius`](GeoRadiusCommands::georadius).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{GeoPoint, GeoRadiusOptions, GeoUnit};
    ///
    /// cluster.geoadd("cities", (13.4050, 52.5200, "Berlin"))?;
    /// let center = GeoPoint::new(13.4, 52.5);
    /// let all = GeoRadiusOptions::new();
    /// let cities: Vec<String> = cluster.georadius_ro("cities", center, 9.0, GeoUnit::Miles, all)?;
    /// assert_eq!(cities, ["Berlin"]);
    /// # Ok(()) });
    /// ```
    fn georadius_ro<K: ToArg, M: FromValue>(
        self,
        key: K,
        center: GeoPoint,
        radius: f64,
        unit: GeoUnit,
        options: GeoRadiusOptions,
    ) -> Self::Output<Vec<M>> {
        self.execute(Cmd::new(&table::GEORADIUS_RO).arg(key).args_of(center).arg(radius).arg(unit).args_of(options))
    }

    /// As [`georadius_ro`](GeoRadiusCommands::georadius_ro), each place with all that is known of it.
    ///
    /// `GEORADIUS_RO … WITHCOORD WITHDIST WITHHASH`, since Redis 3.2.10.
    ///
    /// # Errors
    /// As [`georadius`](GeoRadiusCommands::georadius).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{GeoFound, GeoPoint, GeoRadiusOptions, GeoUnit};
    ///
    /// cluster.geoadd("cities", (13.4050, 52.5200, "Berlin"))?;
    /// let center = GeoPoint::new(13.4, 52.5);
    /// let all = GeoRadiusOptions::new();
    /// let cities: Vec<GeoFound<String>> =
    ///     cluster.georadius_ro_found("cities", center, 9.0, GeoUnit::Miles, all)?;
    /// assert!(cities[0].distance < 3.0);
    /// # Ok(()) });
    /// ```
    fn georadius_ro_found<K: ToArg, M: FromValue>(
        self,
        key: K,
        center: GeoPoint,
        radius: f64,
        unit: GeoUnit,
        options: GeoRadiusOptions,
    ) -> Self::Output<Vec<GeoFound<M>>> {
        self.execute(
            Cmd::new(&table::GEORADIUS_RO)
                .arg(key)
                .args_of(center)
                .arg(radius)
                .arg(unit)
                .args_of(options)
                .args_of(Found),
        )
    }

    /// Puts the places that [`georadius`](GeoRadiusCommands::georadius) would give under another key, whatever that
    /// held before, and gives how many they are. When there are none the destination does not exist afterwards. Servers
    /// before 6.2.6 leave it as it is when the source does not exist, and what they answer then is a
    /// [`Reply`](crate::ErrorKind::Reply) error.
    ///
    /// `GEORADIUS … STORE`, since Redis 3.2.0. Across nodes: the source is carried over, and one transaction
    /// runs the command on the copy.
    ///
    /// # Errors
    /// As [`georadius`](GeoRadiusCommands::georadius).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{GeoPoint, GeoRadiusOptions, GeoUnit};
    ///
    /// cluster.geoadd("cities:de{de}", (13.4050, 52.5200, "Berlin"))?;
    /// let center = GeoPoint::new(13.4, 52.5);
    /// let all = GeoRadiusOptions::new();
    /// assert_eq!(cluster.georadius_store("near:de{de}", "cities:de{de}", center, 9.0, GeoUnit::Miles, all)?, 1);
    /// # Ok(()) });
    /// ```
    fn georadius_store<D: ToArg, K: ToArg>(
        self,
        destination: D,
        key: K,
        center: GeoPoint,
        radius: f64,
        unit: GeoUnit,
        options: GeoRadiusOptions,
    ) -> Self::Output<u64> {
        self.execute(
            Cmd::new(&table::GEORADIUS)
                .arg(key)
                .args_of(center)
                .arg(radius)
                .arg(unit)
                .args_of(options)
                .arg("STORE")
                .arg(destination),
        )
    }

    /// As [`georadius_store`](GeoRadiusCommands::georadius_store), but the scores in the destination are how far each
    /// place is from the center, in the given unit.
    ///
    /// `GEORADIUS … STOREDIST`, since Redis 3.2.0. Both keys must live on one node, as there.
    ///
    /// # Errors
    /// As [`georadius`](GeoRadiusCommands::georadius).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{GeoPoint, GeoRadiusOptions, GeoUnit};
    ///
    /// cluster.geoadd("cities:de{de}", (13.4050, 52.5200, "Berlin"))?;
    /// let center = GeoPoint::new(13.4, 52.5);
    /// let all = GeoRadiusOptions::new();
    /// cluster.georadius_store_distances("near:de{de}", "cities:de{de}", center, 9.0, GeoUnit::Miles, all)?;
    /// assert!(cluster.zscore("near:de{de}", "Berlin")?.unwrap() < 3.0);
    /// # Ok(()) });
    /// ```
    fn georadius_store_distances<D: ToArg, K: ToArg>(
        self,
        destination: D,
        key: K,
        center: GeoPoint,
        radius: f64,
        unit: GeoUnit,
        options: GeoRadiusOptions,
    ) -> Self::Output<u64> {
        self.execute(
            Cmd::new(&table::GEORADIUS)
                .arg(key)
                .args_of(center)
                .arg(radius)
                .arg(unit)
                .args_of(options)
                .arg("STOREDIST")
                .arg(destination),
        )
    }

    /// Gives the places that are no farther from another place than this, that one included.
    ///
    /// `GEORADIUSBYMEMBER`, since Redis 3.2.0; [`geosearch`](crate::GeoCommands::geosearch) is its newer form.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no sorted set, [`Server`](crate::ErrorKind::Server)
    /// when the key is there and the place in the center is not, and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{GeoRadiusOptions, GeoUnit};
    ///
    /// cluster.geoadd("cities", (13.4050, 52.5200, "Berlin"))?;
    /// let all = GeoRadiusOptions::new();
    /// let cities: Vec<String> = cluster.georadiusbymember("cities", "Berlin", 9.0, GeoUnit::Miles, all)?;
    /// assert_eq!(cities, ["Berlin"]);
    /// # Ok(()) });
    /// ```
    #[doc(alias = "geo_radius_by_member")]
    fn georadiusbymember<K: ToArg, C: ToArg, M: FromValue>(
        self,
        key: K,
        member: C,
        radius: f64,
        unit: GeoUnit,
        options: GeoRadiusOptions,
    ) -> Self::Output<Vec<M>> {
        self.execute(Cmd::new(&table::GEORADIUSBYMEMBER).arg(key).arg(member).arg(radius).arg(unit).args_of(options))
    }

    /// As [`georadiusbymember`](GeoRadiusCommands::georadiusbymember), each place with all that is known of it.
    ///
    /// `GEORADIUSBYMEMBER … WITHCOORD WITHDIST WITHHASH`, since Redis 3.2.0.
    ///
    /// # Errors
    /// As [`georadiusbymember`](GeoRadiusCommands::georadiusbymember).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{GeoFound, GeoRadiusOptions, GeoUnit};
    ///
    /// cluster.geoadd("cities", (13.4050, 52.5200, "Berlin"))?;
    /// let all = GeoRadiusOptions::new();
    /// let cities: Vec<GeoFound<String>> =
    ///     cluster.georadiusbymember_found("cities", "Berlin", 9.0, GeoUnit::Miles, all)?;
    /// assert!(cities[0].distance < 3.0);
    /// # Ok(()) });
    /// ```
    fn georadiusbymember_found<K: ToArg, C: ToArg, M: FromValue>(
        self,
        key: K,
        member: C,
        radius: f64,
        unit: GeoUnit,
        options: GeoRadiusOptions,
    ) -> Self::Output<Vec<GeoFound<M>>> {
        self.execute(
            Cmd::new(&table::GEORADIUSBYMEMBER)
                .arg(key)
                .arg(member)
                .arg(radius)
                .arg(unit)
                .args_of(options)
                .args_of(Found),
        )
    }

    /// As [`georadiusbymember`](GeoRadiusCommands::georadiusbymember), which it does not replace on servers before
    /// 3.2.10.
    ///
    /// `GEORADIUSBYMEMBER_RO`, since Redis 3.2.10.
    ///
    /// # Errors
    /// As [`georadiusbymember`](GeoRadiusCommands::georadiusbymember).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{GeoRadiusOptions, GeoUnit};
    ///
    /// cluster.geoadd("cities", (13.4050, 52.5200, "Berlin"))?;
    /// let all = GeoRadiusOptions::new();
    /// let cities: Vec<String> = cluster.georadiusbymember_ro("cities", "Berlin", 9.0, GeoUnit::Miles, all)?;
    /// assert_eq!(cities, ["Berlin"]);
    /// # Ok(()) });
    /// ```
    fn georadiusbymember_ro<K: ToArg, C: ToArg, M: FromValue>(
        self,
        key: K,
        member: C,
        radius: f64,
        unit: GeoUnit,
        options: GeoRadiusOptions,
    ) -> Self::Output<Vec<M>> {
        self.execute(Cmd::new(&table::GEORADIUSBYMEMBER_RO).arg(key).arg(member).arg(radius).arg(unit).args_of(options))
    }

    /// As [`georadiusbymember_ro`](GeoRadiusCommands::georadiusbymember_ro), each place with all that is known of it.
    ///
    /// `GEORADIUSBYMEMBER_RO … WITHCOORD WITHDIST WITHHASH`, since Redis 3.2.10.
    ///
    /// # Errors
    /// As [`georadiusbymember`](GeoRadiusCommands::georadiusbymember).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{GeoFound, GeoRadiusOptions, GeoUnit};
    ///
    /// cluster.geoadd("cities", (13.4050, 52.5200, "Berlin"))?;
    /// let all = GeoRadiusOptions::new();
    /// let cities: Vec<GeoFound<String>> =
    ///     cluster.georadiusbymember_ro_found("cities", "Berlin", 9.0, GeoUnit::Miles, all)?;
    /// assert!(cities[0].distance < 3.0);
    /// # Ok(()) });
    /// ```
    fn georadiusbymember_ro_found<K: ToArg, C: ToArg, M: FromValue>(
        self,
        key: K,
        member: C,
        radius: f64,
        unit: GeoUnit,
        options: GeoRadiusOptions,
    ) -> Self::Output<Vec<GeoFound<M>>> {
        self.execute(
            Cmd::new(&table::GEORADIUSBYMEMBER_RO)
                .arg(key)
                .arg(member)
                .arg(radius)
                .arg(unit)
                .args_of(options)
                .args_of(Found),
        )
    }

    /// Puts the places that [`georadiusbymember`](GeoRadiusCommands::georadiusbymember) would give under another key,
    /// whatever that held before, and gives how many they are. When there are none the destination does not exist
    /// afterwards. Servers before 6.2.6 leave it as it is when the source does not exist, and what they answer then is
    /// a [`Reply`](crate::ErrorKind::Reply) error.
    ///
    /// `GEORADIUSBYMEMBER … STORE`, since Redis 3.2.0. Across nodes: the source is carried over, and one transaction
    /// runs the command on the copy.
    ///
    /// # Errors
    /// As [`georadiusbymember`](GeoRadiusCommands::georadiusbymember).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{GeoRadiusOptions, GeoUnit};
    ///
    /// cluster.geoadd("cities:de{de}", (13.4050, 52.5200, "Berlin"))?;
    /// let all = GeoRadiusOptions::new();
    /// assert_eq!(cluster.georadiusbymember_store("near:de{de}", "cities:de{de}", "Berlin", 9.0, GeoUnit::Miles, all)?, 1);
    /// # Ok(()) });
    /// ```
    fn georadiusbymember_store<D: ToArg, K: ToArg, C: ToArg>(
        self,
        destination: D,
        key: K,
        member: C,
        radius: f64,
        unit: GeoUnit,
        options: GeoRadiusOptions,
    ) -> Self::Output<u64> {
        self.execute(
            Cmd::new(&table::GEORADIUSBYMEMBER)
                .arg(key)
                .arg(member)
                .arg(radius)
                .arg(unit)
                .args_of(options)
                .arg("STORE")
                .arg(destination),
        )
    }

    /// As [`georadiusbymember_store`](GeoRadiusCommands::georadiusbymember_store), but the scores in the destination
    /// are how far each place is from the center, in the given unit.
    ///
    /// `GEORADIUSBYMEMBER … STOREDIST`, since Redis 3.2.0. Both keys must live on one node, as there.
    ///
    /// # Errors
    /// As [`georadiusbymember`](GeoRadiusCommands::georadiusbymember).
    ///
    /// ```
    /// # rediscluster_testing::example(|cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{GeoRadiusOptions, GeoUnit};
    ///
    /// cluster.geoadd("cities:de{de}", (13.4050, 52.5200, "Berlin"))?;
    /// let all = GeoRadiusOptions::new();
    /// cluster.georadiusbymember_store_distances("near:de{de}", "cities:de{de}", "Berlin", 9.0, GeoUnit::Miles, all)?;
    /// assert!(cluster.zscore("near:de{de}", "Berlin")?.unwrap() < 3.0);
    /// # Ok(()) });
    /// ```
    fn georadiusbymember_store_distances<D: ToArg, K: ToArg, C: ToArg>(
        self,
        destination: D,
        key: K,
        member: C,
        radius: f64,
        unit: GeoUnit,
        options: GeoRadiusOptions,
    ) -> Self::Output<u64> {
        self.execute(
            Cmd::new(&table::GEORADIUSBYMEMBER)
                .arg(key)
                .arg(member)
                .arg(radius)
                .arg(unit)
                .args_of(options)
                .arg("STOREDIST")
                .arg(destination),
        )
    }
}

impl<E: Execute> GeoRadiusCommands for E {}
