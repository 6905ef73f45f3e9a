//! What servers tell about vector sets.

use crate::commands::fields::Fields;
use crate::error::Result;
use crate::from_value::FromValue;
use crate::resp::{Items, ValueRef};

/// An element that a search has found: see [`vsim_found`](crate::VectorSetCommands::vsim_found).
#[derive(Debug, Clone, PartialEq)]
pub struct VFound<M> {
    /// The element.
    pub element: M,
    /// How near it is: 1 is the same direction, 0 the opposite one.
    pub score: f64,
    /// Its attributes, a JSON text.
    pub attributes: Option<String>,
}

impl<M: FromValue> FromValue for VFound<M> {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<VFound<M>> {
        <(M, f64, Option<String>)>::from_value(value).map(VFound::new)
    }

    /// Takes element, score and attributes in turn (RESP2), and elements each with a list of the other two (RESP3).
    #[inline]
    fn from_items(items: Items<'_>) -> Result<Vec<VFound<M>>> {
        if items.clone().nth(1).is_some_and(|second| second.items().is_some()) {
            let pairs = <(M, (f64, Option<String>))>::from_items(items)?;
            return Ok(pairs.into_iter().map(|(element, (score, json))| VFound::new((element, score, json))).collect());
        }
        let triples = <(M, f64, Option<String>)>::from_items(items)?;
        Ok(triples.into_iter().map(VFound::new).collect())
    }
}

impl<M> VFound<M> {
    #[inline]
    fn new((element, score, attributes): (M, f64, Option<String>)) -> VFound<M> {
        VFound { element, score, attributes }
    }
}

/// How a vector set is made: see [`vinfo`](crate::VectorSetCommands::vinfo).
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VInfo {
    /// How numbers are kept: `f32`, `int8` or `bin`.
    pub quantization: String,
    /// How many dimensions the vectors have, as they are kept.
    pub dimensions: u64,
    /// How many dimensions they had before they were reduced; `None` when they were not.
    pub reduced_from: Option<u64>,
    /// How many elements there are.
    pub size: u64,
    /// How many of them have attributes.
    pub with_attributes: u64,
    /// How many neighbours an element is linked to.
    pub links: u64,
    /// The number of the highest layer of the graph; the lowest one is 0.
    pub max_level: u64,
}

impl FromValue for VInfo {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<VInfo> {
        let fields = Fields::of(value)?;
        Ok(VInfo {
            quantization: fields.get("quant-type")?,
            dimensions: fields.get("vector-dim")?,
            reduced_from: fields.get::<Option<u64>>("projection-input-dim")?.filter(|&dimensions| dimensions > 0),
            size: fields.get("size")?,
            with_attributes: fields.get("attributes-count")?,
            links: fields.get("hnsw-m")?,
            max_level: fields.get("max-level")?,
        })
    }
}

/// A vector as the server keeps it: see [`vemb_raw`](crate::VectorSetCommands::vemb_raw).
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq)]
pub struct VRaw {
    /// How numbers are kept: `f32`, `int8` or `bin`.
    pub quantization: String,
    /// The numbers of the vector, brought to the length 1: four bytes, one byte or one bit each.
    pub bytes: Vec<u8>,
    /// The length that the vector had.
    pub norm: f64,
    /// For `int8`, the number that 127 stands for.
    pub range: Option<f64>,
}

impl FromValue for VRaw {
    #[inline]
    fn from_value(value: ValueRef<'_>) -> Result<VRaw> {
        let (quantization, bytes, norm, range) = match value.items().map_or(0, |items| items.len()) {
            4 => <(String, Vec<u8>, f64, Option<f64>)>::from_value(value)?,
            _ => {
                let (quantization, bytes, norm) = <(String, Vec<u8>, f64)>::from_value(value)?;
                (quantization, bytes, norm, None)
            }
        };
        Ok(VRaw { quantization, bytes, norm, range })
    }
}
