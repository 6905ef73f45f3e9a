//! Vector sets.

mod options;
mod replies;

pub use options::{VAddOptions, VQuantization, VQuery, VSimOptions};
pub use replies::{VFound, VInfo, VRaw};

use super::ScoredMember;
use crate::cmd::{Cmd, Execute};
use crate::from_value::FromValue;
use crate::table;
use crate::to_arg::ToArg;
use options::Fp32;

/// Commands on sets whose elements have a vector each, and are found by how near their vectors are to another one.
///
/// Servers have them since Redis 8.0; Valkey does not. All vectors of a key have the same number of dimensions. What is
/// near is told by the angle between vectors: a similarity of 1 is the same direction, 0 the opposite one. The
/// vectors are kept in a graph, so that a search is fast and may miss an element now and then.
///
/// A key that does not exist is an empty set, and one that loses its last element is a key that does not exist. A key
/// of another type is a [`WrongType`](crate::ErrorKind::WrongType) error.
pub trait VectorSetCommands: Execute {
    /// Adds an element with its vector, or gives one that is there another vector. Tells whether it is new.
    ///
    /// `VADD`, since Redis 8.0.0. See [`vadd_with`](VectorSetCommands::vadd_with) for how vectors are kept.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no vector set, [`Server`](crate::ErrorKind::Server)
    /// when the other vectors have another number of dimensions, and [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("8.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert!(cluster.vadd("colors", [1.0, 0.0, 0.0], "red")?);
    /// assert!(!cluster.vadd("colors", [0.9, 0.1, 0.1], "red")?);
    /// # Ok(()) });
    /// ```
    fn vadd<K: ToArg, V: AsRef<[f32]>, M: ToArg>(self, key: K, vector: V, element: M) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::VADD).arg(key).args_of(Fp32(vector.as_ref())).arg(element))
    }

    /// As [`vadd`](VectorSetCommands::vadd), saying how vectors are kept, or with attributes of the element.
    ///
    /// `VADD` with options, since Redis 8.0.0.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) when the options are not those by which the key was made; else as
    /// [`vadd`](VectorSetCommands::vadd).
    ///
    /// ```
    /// # rediscluster_testing::example_since("8.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{VAddOptions, VQuantization};
    ///
    /// let options = VAddOptions::new().quantization(VQuantization::None).attributes(r#"{"warm": true}"#);
    /// cluster.vadd_with("colors", [1.0, 0.0, 0.0], "red", options)?;
    /// # Ok(()) });
    /// ```
    fn vadd_with<K: ToArg, V: AsRef<[f32]>, M: ToArg>(
        self,
        key: K,
        vector: V,
        element: M,
        options: VAddOptions,
    ) -> Self::Output<bool> {
        let cmd = Cmd::new(&table::VADD).arg(key).args_of(options.reduced());
        self.execute(cmd.args_of(Fp32(vector.as_ref())).arg(element).args_of(options))
    }

    /// Gives the number of elements.
    ///
    /// `VCARD`, since Redis 8.0.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no vector set, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("8.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// assert_eq!(cluster.vcard("missing")?, 0);
    /// # Ok(()) });
    /// ```
    fn vcard<K: ToArg>(self, key: K) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::VCARD).arg(key))
    }

    /// Gives how many dimensions the vectors have.
    ///
    /// `VDIM`, since Redis 8.0.0.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) when the key does not exist; else as
    /// [`vcard`](VectorSetCommands::vcard).
    ///
    /// ```
    /// # rediscluster_testing::example_since("8.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.vadd("colors", [1.0, 0.0, 0.0], "red")?;
    /// assert_eq!(cluster.vdim("colors")?, 3);
    /// # Ok(()) });
    /// ```
    fn vdim<K: ToArg>(self, key: K) -> Self::Output<u64> {
        self.execute(Cmd::new(&table::VDIM).arg(key))
    }

    /// Gives the vector of an element, as well as the server can still tell; `None` when there is no such element.
    ///
    /// `VEMB`, since Redis 8.0.0.
    ///
    /// # Errors
    /// As [`vcard`](VectorSetCommands::vcard).
    ///
    /// ```
    /// # rediscluster_testing::example_since("8.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.vadd("colors", [2.0, 0.0, 1.0], "pink")?;
    /// let vector = cluster.vemb("colors", "pink")?.unwrap();
    /// assert!((vector[0] - 2.0).abs() < 0.05);
    /// # Ok(()) });
    /// ```
    fn vemb<K: ToArg, M: ToArg>(self, key: K, element: M) -> Self::Output<Option<Vec<f32>>> {
        self.execute(Cmd::new(&table::VEMB).arg(key).arg(element))
    }

    /// Gives the vector of an element as the server keeps it; `None` when there is no such element.
    ///
    /// `VEMB … RAW`, since Redis 8.0.0.
    ///
    /// # Errors
    /// As [`vcard`](VectorSetCommands::vcard).
    ///
    /// ```
    /// # rediscluster_testing::example_since("8.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.vadd("colors", [3.0, 0.0, 4.0], "violet")?;
    /// let raw = cluster.vemb_raw("colors", "violet")?.unwrap();
    /// assert_eq!((raw.quantization.as_str(), raw.bytes.len(), raw.norm), ("int8", 3, 5.0));
    /// # Ok(()) });
    /// ```
    fn vemb_raw<K: ToArg, M: ToArg>(self, key: K, element: M) -> Self::Output<Option<VRaw>> {
        self.execute(Cmd::new(&table::VEMB).arg(key).arg(element).arg("RAW"))
    }

    /// Gives the attributes of an element; nil, so `None`, when there is no such element or it has none.
    ///
    /// `VGETATTR`, since Redis 8.0.0.
    ///
    /// # Errors
    /// As [`vcard`](VectorSetCommands::vcard).
    ///
    /// ```
    /// # rediscluster_testing::example_since("8.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// let attributes: Option<String> = cluster.vgetattr("colors", "missing")?;
    /// assert_eq!(attributes, None);
    /// # Ok(()) });
    /// ```
    fn vgetattr<K: ToArg, M: ToArg, V: FromValue>(self, key: K, element: M) -> Self::Output<V> {
        self.execute(Cmd::new(&table::VGETATTR).arg(key).arg(element))
    }

    /// Tells how a vector set is made; `None` when the key does not exist.
    ///
    /// `VINFO`, since Redis 8.0.0.
    ///
    /// # Errors
    /// As [`vcard`](VectorSetCommands::vcard).
    ///
    /// ```
    /// # rediscluster_testing::example_since("8.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.vadd("colors", [1.0, 0.0, 0.0], "red")?;
    /// let info = cluster.vinfo("colors")?.unwrap();
    /// assert_eq!((info.dimensions, info.size, info.links), (3, 1, 16));
    /// # Ok(()) });
    /// ```
    fn vinfo<K: ToArg>(self, key: K) -> Self::Output<Option<VInfo>> {
        self.execute(Cmd::new(&table::VINFO).arg(key))
    }

    /// Tells whether there is such an element.
    ///
    /// `VISMEMBER`, since Redis 8.2.0.
    ///
    /// # Errors
    /// As [`vcard`](VectorSetCommands::vcard).
    ///
    /// ```
    /// # rediscluster_testing::example_since("8.2", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.vadd("colors", [1.0, 0.0, 0.0], "red")?;
    /// assert!(cluster.vismember("colors", "red")?);
    /// # Ok(()) });
    /// ```
    fn vismember<K: ToArg, M: ToArg>(self, key: K, element: M) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::VISMEMBER).arg(key).arg(element))
    }

    /// Gives the elements that an element is linked to in the graph, one list for each layer, the highest one first;
    /// `None` when there is no such element.
    ///
    /// `VLINKS`, since Redis 8.0.0.
    ///
    /// # Errors
    /// As [`vcard`](VectorSetCommands::vcard).
    ///
    /// ```
    /// # rediscluster_testing::example_since("8.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.vadd("colors", [1.0, 0.0, 0.0], "red")?;
    /// cluster.vadd("colors", [0.9, 0.0, 0.1], "crimson")?;
    /// let layers: Vec<Vec<String>> = cluster.vlinks("colors", "red")?.unwrap();
    /// assert_eq!(layers.last().unwrap(), &["crimson"]);
    /// # Ok(()) });
    /// ```
    fn vlinks<K: ToArg, M: ToArg, V: FromValue>(self, key: K, element: M) -> Self::Output<Option<Vec<Vec<V>>>> {
        self.execute(Cmd::new(&table::VLINKS).arg(key).arg(element))
    }

    /// As [`vlinks`](VectorSetCommands::vlinks), each element with its similarity.
    ///
    /// `VLINKS … WITHSCORES`, since Redis 8.0.0.
    ///
    /// # Errors
    /// As [`vcard`](VectorSetCommands::vcard).
    ///
    /// ```
    /// # rediscluster_testing::example_since("8.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.vadd("colors", [1.0, 0.0, 0.0], "red")?;
    /// cluster.vadd("colors", [0.9, 0.0, 0.1], "crimson")?;
    /// let layers = cluster.vlinks_with_scores::<_, _, String>("colors", "red")?.unwrap();
    /// assert!(layers.last().unwrap()[0].score > 0.9);
    /// # Ok(()) });
    /// ```
    fn vlinks_with_scores<K: ToArg, M: ToArg, V: FromValue>(
        self,
        key: K,
        element: M,
    ) -> Self::Output<Option<Vec<Vec<ScoredMember<V>>>>> {
        self.execute(Cmd::new(&table::VLINKS).arg(key).arg(element).arg("WITHSCORES"))
    }

    /// Gives an element drawn by chance; nil, so `None`, when there is none.
    ///
    /// `VRANDMEMBER`, since Redis 8.0.0.
    ///
    /// # Errors
    /// As [`vcard`](VectorSetCommands::vcard).
    ///
    /// ```
    /// # rediscluster_testing::example_since("8.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.vadd("colors", [1.0, 0.0, 0.0], "red")?;
    /// let color: Option<String> = cluster.vrandmember("colors")?;
    /// assert_eq!(color.as_deref(), Some("red"));
    /// # Ok(()) });
    /// ```
    fn vrandmember<K: ToArg, M: FromValue>(self, key: K) -> Self::Output<M> {
        self.execute(Cmd::new(&table::VRANDMEMBER).arg(key))
    }

    /// Gives up to `count` different elements drawn by chance; for a negative count exactly so many, among which an
    /// element may come more than once. None when there are none.
    ///
    /// `VRANDMEMBER` with a count, since Redis 8.0.0.
    ///
    /// # Errors
    /// As [`vcard`](VectorSetCommands::vcard).
    ///
    /// ```
    /// # rediscluster_testing::example_since("8.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.vadd("colors", [1.0, 0.0, 0.0], "red")?;
    /// let twice: Vec<String> = cluster.vrandmember_count("colors", -2)?;
    /// assert_eq!(twice, ["red", "red"]);
    /// # Ok(()) });
    /// ```
    fn vrandmember_count<K: ToArg, M: FromValue>(self, key: K, count: i64) -> Self::Output<Vec<M>> {
        self.execute(Cmd::new(&table::VRANDMEMBER).arg(key).arg(count))
    }

    /// Removes an element, and tells whether it was there.
    ///
    /// `VREM`, since Redis 8.0.0.
    ///
    /// # Errors
    /// As [`vcard`](VectorSetCommands::vcard).
    ///
    /// ```
    /// # rediscluster_testing::example_since("8.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.vadd("colors", [1.0, 0.0, 0.0], "red")?;
    /// assert!(cluster.vrem("colors", "red")?);
    /// # Ok(()) });
    /// ```
    fn vrem<K: ToArg, M: ToArg>(self, key: K, element: M) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::VREM).arg(key).arg(element))
    }

    /// Gives an element other attributes, and tells whether there is such an element. They are a JSON text, by whose
    /// fields [searches may choose](VSimOptions::filter); an empty text takes them away.
    ///
    /// `VSETATTR`, since Redis 8.0.0. The server does not check that the text is JSON.
    ///
    /// # Errors
    /// As [`vcard`](VectorSetCommands::vcard).
    ///
    /// ```
    /// # rediscluster_testing::example_since("8.0", |cluster| {
    /// use rediscluster::prelude::*;
    ///
    /// cluster.vadd("colors", [1.0, 0.0, 0.0], "red")?;
    /// assert!(cluster.vsetattr("colors", "red", r#"{"warm": true}"#)?);
    /// let attributes: String = cluster.vgetattr("colors", "red")?;
    /// # Ok(()) });
    /// ```
    fn vsetattr<K: ToArg, M: ToArg, A: ToArg>(self, key: K, element: M, attributes: A) -> Self::Output<bool> {
        self.execute(Cmd::new(&table::VSETATTR).arg(key).arg(element).arg(attributes))
    }

    /// Gives the ten elements whose vectors are nearest to a vector or to that of an element, the nearest one first.
    ///
    /// `VSIM`, since Redis 8.0.0.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) when the key is no vector set, [`Server`](crate::ErrorKind::Server)
    /// when it is there and the element is not, or the vector has another number of dimensions, and
    /// [what every call may meet](crate#errors).
    ///
    /// ```
    /// # rediscluster_testing::example_since("8.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::VQuery;
    ///
    /// cluster.vadd("colors", [1.0, 0.0, 0.0], "red")?;
    /// cluster.vadd("colors", [0.0, 0.0, 1.0], "blue")?;
    /// let near: Vec<String> = cluster.vsim("colors", [0.1, 0.0, 0.8])?;
    /// assert_eq!(near, ["blue", "red"]);
    /// let near: Vec<String> = cluster.vsim("colors", VQuery::element("red"))?;
    /// assert_eq!(near, ["red", "blue"]);
    /// # Ok(()) });
    /// ```
    fn vsim<K: ToArg, Q: Into<VQuery>, M: FromValue>(self, key: K, query: Q) -> Self::Output<Vec<M>> {
        self.execute(Cmd::new(&table::VSIM).arg(key).args_of(query.into()))
    }

    /// As [`vsim`](VectorSetCommands::vsim), saying how many elements there may be and which.
    ///
    /// `VSIM` with options, since Redis 8.0.0.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) for a filter that cannot be read; else as
    /// [`vsim`](VectorSetCommands::vsim).
    ///
    /// ```
    /// # rediscluster_testing::example_since("8.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::VSimOptions;
    ///
    /// cluster.vadd("colors", [1.0, 0.0, 0.0], "red")?;
    /// cluster.vadd("colors", [0.0, 0.0, 1.0], "blue")?;
    /// cluster.vsetattr("colors", "red", r#"{"warm": true}"#)?;
    /// let warm = VSimOptions::new().filter(".warm").count(5);
    /// let near: Vec<String> = cluster.vsim_with("colors", [0.1, 0.0, 0.8], warm)?;
    /// assert_eq!(near, ["red"]);
    /// # Ok(()) });
    /// ```
    fn vsim_with<K: ToArg, Q: Into<VQuery>, M: FromValue>(
        self,
        key: K,
        query: Q,
        options: VSimOptions,
    ) -> Self::Output<Vec<M>> {
        self.execute(Cmd::new(&table::VSIM).arg(key).args_of(query.into()).args_of(options))
    }

    /// As [`vsim_with`](VectorSetCommands::vsim_with), each element with its similarity and its attributes.
    ///
    /// `VSIM … WITHSCORES WITHATTRIBS`, since Redis 8.2.0.
    ///
    /// # Errors
    /// As [`vsim_with`](VectorSetCommands::vsim_with).
    ///
    /// ```
    /// # rediscluster_testing::example_since("8.2", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{VFound, VSimOptions};
    ///
    /// cluster.vadd("colors", [1.0, 0.0, 0.0], "red")?;
    /// let near: Vec<VFound<String>> = cluster.vsim_found("colors", [1.0, 0.0, 0.0], VSimOptions::new())?;
    /// assert_eq!((near[0].element.as_str(), near[0].attributes.as_deref()), ("red", None));
    /// # Ok(()) });
    /// ```
    fn vsim_found<K: ToArg, Q: Into<VQuery>, M: FromValue>(
        self,
        key: K,
        query: Q,
        options: VSimOptions,
    ) -> Self::Output<Vec<VFound<M>>> {
        let cmd = Cmd::new(&table::VSIM).arg(key).args_of(query.into());
        self.execute(cmd.arg("WITHSCORES").arg("WITHATTRIBS").args_of(options))
    }

    /// As [`vsim_with`](VectorSetCommands::vsim_with), each element with its similarity.
    ///
    /// `VSIM … WITHSCORES`, since Redis 8.0.0.
    ///
    /// # Errors
    /// As [`vsim_with`](VectorSetCommands::vsim_with).
    ///
    /// ```
    /// # rediscluster_testing::example_since("8.0", |cluster| {
    /// use rediscluster::prelude::*;
    /// use rediscluster::{ScoredMember, VSimOptions};
    ///
    /// cluster.vadd("colors", [1.0, 0.0, 0.0], "red")?;
    /// cluster.vadd("colors", [-1.0, 0.0, 0.0], "anti-red")?;
    /// let near = cluster.vsim_with_scores::<_, _, String>("colors", [1.0, 0.0, 0.0], VSimOptions::new())?;
    /// assert!(near[0].score > 0.99 && near[1].score < 0.01);
    /// # Ok(()) });
    /// ```
    fn vsim_with_scores<K: ToArg, Q: Into<VQuery>, M: FromValue>(
        self,
        key: K,
        query: Q,
        options: VSimOptions,
    ) -> Self::Output<Vec<ScoredMember<M>>> {
        self.execute(Cmd::new(&table::VSIM).arg(key).args_of(query.into()).arg("WITHSCORES").args_of(options))
    }
}

impl<E: Execute> VectorSetCommands for E {}
