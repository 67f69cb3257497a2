//! A serde serializer that names every leaf of a value by its path.

use alloc::string::String;
use core::fmt::{self, Write as _};

use serde::Serialize;
use serde::ser::{self, Serializer};

/// One leaf of a value.
pub(crate) struct Leaf<'a> {
    /// The path to it: `seats[2].health`.
    pub(crate) path: &'a str,
    /// Its value as text.
    pub(crate) value: &'a str,
}

/// Calls `visit` for every leaf of `value` in encoding order until it returns false.
pub(crate) fn walk<T: Serialize + ?Sized>(value: &T, visit: &mut dyn FnMut(Leaf<'_>) -> bool) {
    let mut walker = Walker { path: String::new(), text: String::new(), visit };
    // The walk ends early when the visitor has enough, or when a value refuses to be serialised.
    let _ = value.serialize(&mut walker);
}

struct Walker<'v> {
    path: String,
    text: String,
    visit: &'v mut dyn FnMut(Leaf<'_>) -> bool,
}

/// The walk ended early.
#[derive(Debug)]
pub(crate) struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the walk ended early")
    }
}

impl core::error::Error for Stopped {}

impl ser::Error for Stopped {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl Walker<'_> {
    fn leaf(&mut self, value: impl fmt::Display) -> Result<(), Stopped> {
        self.text.clear();
        let _ = write!(self.text, "{value}");
        let path = if self.path.is_empty() { "value" } else { &self.path };
        if (self.visit)(Leaf { path, value: &self.text }) { Ok(()) } else { Err(Stopped) }
    }

    /// Runs `inside` with `step` appended to the path.
    fn at(
        &mut self,
        step: fmt::Arguments<'_>,
        inside: impl FnOnce(&mut Self) -> Result<(), Stopped>,
    ) -> Result<(), Stopped> {
        let before = self.path.len();
        let _ = self.path.write_fmt(step);
        inside(self)?;
        self.path.truncate(before);
        Ok(())
    }

    fn field(&mut self, name: impl fmt::Display, value: &(impl Serialize + ?Sized)) -> Result<(), Stopped> {
        let dot = if self.path.is_empty() { "" } else { "." };
        self.at(format_args!("{dot}{name}"), |walker| value.serialize(walker))
    }

    fn element(&mut self, name: impl fmt::Display, value: &(impl Serialize + ?Sized)) -> Result<(), Stopped> {
        self.at(format_args!("[{name}]"), |walker| value.serialize(walker))
    }
}

/// The parts of a sequence, tuple, struct or map, counted.
pub(crate) struct Parts<'a, 'v> {
    walker: &'a mut Walker<'v>,
    count: u64,
    length_told: bool,
    key: String,
}

impl<'a, 'v> Parts<'a, 'v> {
    fn new(walker: &'a mut Walker<'v>, length_told: bool) -> Self {
        Self { walker, count: 0, length_told, key: String::new() }
    }

    fn counted(walker: &'a mut Walker<'v>, length: Option<usize>) -> Result<Self, Stopped> {
        if let Some(length) = length {
            walker.field("len", &(length as u64))?;
        }
        Ok(Self::new(walker, length.is_some()))
    }

    fn next(&mut self) -> u64 {
        self.count += 1;
        self.count - 1
    }

    fn finish(self) -> Result<(), Stopped> {
        if self.length_told { Ok(()) } else { self.walker.field("len", &self.count) }
    }
}

macro_rules! leaves {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, value: $type) -> Result<(), Stopped> {
            self.leaf(value)
        })*
    };
}

impl<'a, 'v> Serializer for &'a mut Walker<'v> {
    type Ok = ();
    type Error = Stopped;
    type SerializeSeq = Parts<'a, 'v>;
    type SerializeTuple = Parts<'a, 'v>;
    type SerializeTupleStruct = Parts<'a, 'v>;
    type SerializeTupleVariant = Parts<'a, 'v>;
    type SerializeMap = Parts<'a, 'v>;
    type SerializeStruct = Parts<'a, 'v>;
    type SerializeStructVariant = Parts<'a, 'v>;

    leaves! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_i128: i128, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_u128: u128, serialize_f32: f32, serialize_f64: f64, serialize_char: char, serialize_str: &str
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Stopped> {
        bytes.serialize(self)
    }

    fn serialize_none(self) -> Result<(), Stopped> {
        self.field("is_some", &false)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Stopped> {
        self.field("is_some", &true)?;
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Stopped> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Stopped> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Stopped> {
        self.leaf(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Stopped> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Stopped> {
        self.leaf(variant)?;
        self.field(0, value)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Parts<'a, 'v>, Stopped> {
        Parts::counted(self, length)
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts<'a, 'v>, Stopped> {
        Ok(Parts::new(self, true))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts<'a, 'v>, Stopped> {
        Ok(Parts::new(self, true))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'a, 'v>, Stopped> {
        self.leaf(variant)?;
        Ok(Parts::new(self, true))
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Parts<'a, 'v>, Stopped> {
        Parts::counted(self, length)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Parts<'a, 'v>, Stopped> {
        Ok(Parts::new(self, true))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'a, 'v>, Stopped> {
        self.leaf(variant)?;
        Ok(Parts::new(self, true))
    }

    fn is_human_readable(&self) -> bool {
        true
    }
}

/// The parts that are named by their number: `[3]` in sequences and arrays, `.3` in tuple structs and variants.
macro_rules! numbered {
    ($($trait:ident::$method:ident as $name:ident),*) => {
        $(impl ser::$trait for Parts<'_, '_> {
            type Ok = ();
            type Error = Stopped;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stopped> {
                let number = self.next();
                self.walker.$name(number, value)
            }

            fn end(self) -> Result<(), Stopped> {
                self.finish()
            }
        })*
    };
}

numbered! {
    SerializeSeq::serialize_element as element,
    SerializeTuple::serialize_element as element,
    SerializeTupleStruct::serialize_field as field,
    SerializeTupleVariant::serialize_field as field
}

macro_rules! named {
    ($($trait:ident),*) => {
        $(impl ser::$trait for Parts<'_, '_> {
            type Ok = ();
            type Error = Stopped;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Stopped> {
                self.walker.field(name, value)
            }

            fn end(self) -> Result<(), Stopped> {
                Ok(())
            }
        })*
    };
}

named!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Parts<'_, '_> {
    type Ok = ();
    type Error = Stopped;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Stopped> {
        self.key.clear();
        walk(key, &mut |leaf: Leaf<'_>| {
            let comma = if self.key.is_empty() { "" } else { "," };
            let _ = write!(self.key, "{comma}{}", leaf.value);
            true
        });
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stopped> {
        self.next();
        self.walker.element(&self.key, value)
    }

    fn end(self) -> Result<(), Stopped> {
        self.finish()
    }
}
