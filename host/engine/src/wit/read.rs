//! The compiler's types written out as plain data. A component writes a type down once and may use it many
//! times, and each use is written out here, so the size is bounded: a small file could otherwise ask for
//! gigabytes. Recursion ends because validation has checked that a component's types are at most 100 levels
//! deep.

use std::sync::Arc;

use wasmtime::component::types::Type;

use super::{Case, Field, SIGNATURE_PARTS_MAX, WitType};

/// A signature has more than [`SIGNATURE_PARTS_MAX`] parts.
#[derive(Debug)]
pub(super) struct TooLarge;

/// Writes the types of one signature out.
pub(super) struct Reader {
    parts_left: usize,
}

impl Reader {
    pub(super) fn new() -> Reader {
        Reader { parts_left: SIGNATURE_PARTS_MAX }
    }

    fn take(&mut self, parts: usize) -> Result<(), TooLarge> {
        self.parts_left = self.parts_left.checked_sub(parts).ok_or(TooLarge)?;
        Ok(())
    }

    pub(super) fn read(&mut self, ty: &Type) -> Result<WitType, TooLarge> {
        self.take(1)?;
        Ok(match ty {
            Type::Bool => WitType::Bool,
            Type::S8 => WitType::S8,
            Type::U8 => WitType::U8,
            Type::S16 => WitType::S16,
            Type::U16 => WitType::U16,
            Type::S32 => WitType::S32,
            Type::U32 => WitType::U32,
            Type::S64 => WitType::S64,
            Type::U64 => WitType::U64,
            Type::Float32 => WitType::F32,
            Type::Float64 => WitType::F64,
            Type::Char => WitType::Char,
            Type::String => WitType::String,
            Type::List(list) => WitType::List(self.inner(list.ty())?),
            Type::FixedLengthList(list) => WitType::FixedList(self.inner(list.ty())?, list.len()),
            Type::Map(map) => WitType::Map(self.inner(map.key())?, self.inner(map.value())?),
            Type::Record(record) => WitType::Record(
                record.fields().map(|field| self.field(field.name, &field.ty)).collect::<Result<_, _>>()?,
            ),
            Type::Tuple(tuple) => WitType::Tuple(tuple.types().map(|ty| self.read(&ty)).collect::<Result<_, _>>()?),
            Type::Variant(variant) => {
                WitType::Variant(variant.cases().map(|case| self.case(case.name, case.ty)).collect::<Result<_, _>>()?)
            }
            Type::Enum(names) => WitType::Enum(self.names(names.names())?),
            Type::Option(option) => WitType::Option(self.inner(option.ty())?),
            Type::Result(result) => WitType::Result(
                result.ok().map(|ty| self.inner(ty)).transpose()?,
                result.err().map(|ty| self.inner(ty)).transpose()?,
            ),
            Type::Flags(flags) => WitType::Flags(self.names(flags.names())?),
            Type::Own(_) | Type::Borrow(_) => WitType::Handle("resource"),
            Type::Future(_) => WitType::Handle("future"),
            Type::Stream(_) => WitType::Handle("stream"),
            Type::ErrorContext => WitType::Handle("error-context"),
        })
    }

    fn inner(&mut self, ty: Type) -> Result<Arc<WitType>, TooLarge> {
        self.read(&ty).map(Arc::new)
    }

    pub(super) fn field(&mut self, name: &str, ty: &Type) -> Result<Field, TooLarge> {
        Ok(Field { name: self.name(name)?, ty: self.read(ty)? })
    }

    fn case(&mut self, name: &str, ty: Option<Type>) -> Result<Case, TooLarge> {
        Ok(Case { name: self.name(name)?, ty: ty.map(|ty| self.read(&ty)).transpose()? })
    }

    fn names<'a>(&mut self, names: impl Iterator<Item = &'a str>) -> Result<Arc<[String]>, TooLarge> {
        names.map(|name| self.name(name)).collect()
    }

    fn name(&mut self, name: &str) -> Result<String, TooLarge> {
        self.take(name.len())?;
        Ok(name.to_owned())
    }
}
