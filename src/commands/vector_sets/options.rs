//! How vectors are kept, and which ones are looked for.

use crate::command::Args;
use crate::to_arg::{ToArg, ToArgs};

/// A vector as one argument, four bytes a dimension, lowest byte first.
pub(super) struct Fp32<'v>(pub(super) &'v [f32]);

impl ToArgs for Fp32<'_> {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        let bytes: Vec<u8> = self.0.iter().flat_map(|number| number.to_le_bytes()).collect();
        "FP32".write_arg(args);
        args.push(&bytes);
    }
}

/// How the numbers of vectors are kept: see [`VAddOptions::quantization`].
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VQuantization {
    /// As they are, in four bytes each: `NOQUANT`.
    None,
    /// Rounded to one byte each: `Q8`, which servers take unless they are told otherwise.
    Bytes,
    /// Only whether they are positive, in one bit each: `BIN`.
    Bits,
}

impl ToArg for VQuantization {
    #[inline]
    fn write_arg(&self, args: &mut Args) {
        let word = match self {
            VQuantization::None => "NOQUANT",
            VQuantization::Bytes => "Q8",
            VQuantization::Bits => "BIN",
        };
        word.write_arg(args);
    }
}

/// The options of [`vadd_with`](crate::VectorSetCommands::vadd_with). Those about how vectors are kept must be the same
/// for every element of a key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VAddOptions {
    reduce: Option<u64>,
    background: bool,
    quantization: Option<VQuantization>,
    effort: Option<u64>,
    attributes: Option<String>,
    links: Option<u64>,
}

impl VAddOptions {
    /// No options.
    #[inline]
    pub fn new() -> VAddOptions {
        VAddOptions::default()
    }

    /// Keeps vectors of so many dimensions only, made of the given ones by a random projection: `REDUCE`.
    #[inline]
    pub fn reduce(mut self, dimensions: u64) -> VAddOptions {
        self.reduce = Some(dimensions);
        self
    }

    /// Has the server look for the neighbours beside its other work: `CAS`.
    #[inline]
    pub fn in_background(mut self) -> VAddOptions {
        self.background = true;
        self
    }

    /// How the numbers are kept.
    #[inline]
    pub fn quantization(mut self, quantization: VQuantization) -> VAddOptions {
        self.quantization = Some(quantization);
        self
    }

    /// How many candidates the server looks at to find the neighbours, 200 unless told otherwise: `EF`. More of them
    /// make searches better and adding slower.
    #[inline]
    pub fn effort(mut self, candidates: u64) -> VAddOptions {
        self.effort = Some(candidates);
        self
    }

    /// The element's attributes, a JSON text: `SETATTR`.
    #[inline]
    pub fn attributes(mut self, json: impl Into<String>) -> VAddOptions {
        self.attributes = Some(json.into());
        self
    }

    /// How many neighbours an element is linked to, 16 unless told otherwise: `M`.
    #[inline]
    pub fn links(mut self, links: u64) -> VAddOptions {
        self.links = Some(links);
        self
    }

    /// The one option that comes in front of the vector.
    #[inline]
    pub(super) fn reduced(&self) -> Named<u64> {
        Named("REDUCE", self.reduce)
    }
}

impl ToArgs for VAddOptions {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        if self.background {
            "CAS".write_arg(args);
        }
        self.quantization.iter().for_each(|quantization| quantization.write_arg(args));
        Named("EF", self.effort).write_args(args);
        Named("SETATTR", self.attributes.as_ref()).write_args(args);
        Named("M", self.links).write_args(args);
    }
}

/// A word with a value, when there is one.
pub(super) struct Named<T>(&'static str, Option<T>);

impl<T: ToArg> ToArgs for Named<T> {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        if let Some(value) = &self.1 {
            self.0.write_arg(args);
            value.write_arg(args);
        }
    }
}

/// What [`vsim`](crate::VectorSetCommands::vsim) compares with: a vector, or that of an element.
///
/// ```
/// use rediscluster::VQuery;
///
/// assert_eq!(VQuery::from([0.5, 1.0]), VQuery::vector([0.5, 1.0]));
/// assert_ne!(VQuery::element("red"), VQuery::element("blue"));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct VQuery(Query);

#[derive(Debug, Clone, PartialEq)]
enum Query {
    Vector(Vec<f32>),
    Element(Vec<u8>),
}

impl VQuery {
    /// A vector.
    #[inline]
    pub fn vector(vector: impl AsRef<[f32]>) -> VQuery {
        VQuery(Query::Vector(vector.as_ref().to_vec()))
    }

    /// The vector of an element of the same key: `ELE`.
    #[inline]
    pub fn element(element: impl ToArg) -> VQuery {
        let mut args = Args::new();
        element.write_arg(&mut args);
        VQuery(Query::Element(args.get(0).unwrap_or_default().to_vec()))
    }
}

impl From<Vec<f32>> for VQuery {
    #[inline]
    fn from(vector: Vec<f32>) -> VQuery {
        VQuery(Query::Vector(vector))
    }
}

impl From<&[f32]> for VQuery {
    #[inline]
    fn from(vector: &[f32]) -> VQuery {
        VQuery::vector(vector)
    }
}

impl From<&Vec<f32>> for VQuery {
    #[inline]
    fn from(vector: &Vec<f32>) -> VQuery {
        VQuery::vector(vector)
    }
}

impl<const N: usize> From<[f32; N]> for VQuery {
    #[inline]
    fn from(vector: [f32; N]) -> VQuery {
        VQuery::vector(vector)
    }
}

impl<const N: usize> From<&[f32; N]> for VQuery {
    #[inline]
    fn from(vector: &[f32; N]) -> VQuery {
        VQuery::vector(vector)
    }
}

impl ToArgs for VQuery {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        match &self.0 {
            Query::Vector(vector) => Fp32(vector).write_args(args),
            Query::Element(element) => {
                "ELE".write_arg(args);
                args.push(element);
            }
        }
    }
}

/// The options of [`vsim_with`](crate::VectorSetCommands::vsim_with).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VSimOptions {
    count: Option<u64>,
    farthest: Option<f64>,
    effort: Option<u64>,
    filter: Option<String>,
    filter_effort: Option<u64>,
    exact: bool,
    on_main_thread: bool,
}

impl VSimOptions {
    /// No options.
    #[inline]
    pub fn new() -> VSimOptions {
        VSimOptions::default()
    }

    /// So many elements at most, 10 unless told otherwise: `COUNT`.
    #[inline]
    pub fn count(mut self, count: u64) -> VSimOptions {
        self.count = Some(count);
        self
    }

    /// Only elements with a similarity of at least 1 less this distance, which lies between 0 and 1: `EPSILON`, since
    /// Redis 8.2.0.
    #[inline]
    pub fn within(mut self, distance: f64) -> VSimOptions {
        self.farthest = Some(distance);
        self
    }

    /// How many candidates the server looks at: `EF`. More of them make the search better and slower.
    #[inline]
    pub fn effort(mut self, candidates: u64) -> VSimOptions {
        self.effort = Some(candidates);
        self
    }

    /// Only elements whose attributes fulfil this expression, such as `.year > 1980`: `FILTER`. Elements without
    /// attributes do not.
    #[inline]
    pub fn filter(mut self, expression: impl Into<String>) -> VSimOptions {
        self.filter = Some(expression.into());
        self
    }

    /// How many candidates the server tries the filter on before it gives up: `FILTER-EF`.
    #[inline]
    pub fn filter_effort(mut self, candidates: u64) -> VSimOptions {
        self.filter_effort = Some(candidates);
        self
    }

    /// Compares with every element, which misses none and takes long: `TRUTH`.
    #[inline]
    pub fn exact(mut self) -> VSimOptions {
        self.exact = true;
        self
    }

    /// Has the server do nothing else meanwhile: `NOTHREAD`.
    #[inline]
    pub fn on_main_thread(mut self) -> VSimOptions {
        self.on_main_thread = true;
        self
    }
}

impl ToArgs for VSimOptions {
    #[inline]
    fn write_args(&self, args: &mut Args) {
        Named("COUNT", self.count).write_args(args);
        Named("EPSILON", self.farthest).write_args(args);
        Named("EF", self.effort).write_args(args);
        Named("FILTER", self.filter.as_ref()).write_args(args);
        Named("FILTER-EF", self.filter_effort).write_args(args);
        let words = [self.exact.then_some("TRUTH"), self.on_main_thread.then_some("NOTHREAD")];
        words.into_iter().flatten().for_each(|word| word.write_arg(args));
    }
}
