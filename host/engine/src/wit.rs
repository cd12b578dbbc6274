//! WIT types and methods as plain data: what the component says about itself, independent of the compiler
//! that read it. Codecs and checks work on these.

mod read;

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use wasmtime::component::types::ComponentFunc;

use read::{Reader, TooLarge};

/// The record that marks an object reference in any signature: its one field's name.
pub const OBJECT_REF_FIELD: &str = "belljar-object";
/// Types in one method's signature, and bytes of the names in it: 100,000 together.
pub const SIGNATURE_PARTS_MAX: usize = 100_000;

/// A type of the component model. Named types are structural here: two records with the same fields are equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)] // The simple ones are WIT's own names.
pub enum WitType {
    Bool,
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
    F32,
    F64,
    Char,
    String,
    List(Arc<WitType>),
    /// A list of a fixed length.
    FixedList(Arc<WitType>, u32),
    Map(Arc<WitType>, Arc<WitType>),
    Record(Arc<[Field]>),
    Tuple(Arc<[WitType]>),
    Variant(Arc<[Case]>),
    Enum(Arc<[String]>),
    Option(Arc<WitType>),
    Result(Option<Arc<WitType>>, Option<Arc<WitType>>),
    Flags(Arc<[String]>),
    /// A resource, stream, future or error context: it cannot be written down, so no call can carry it. The
    /// text says which.
    Handle(&'static str),
}

/// A field of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its name, in kebab-case as WIT has it.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub ty: WitType,
}

/// A case of a variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// The type of what it carries.
    #[serde(rename = "type")]
    pub ty: Option<WitType>,
}

/// A method of a component: one of its exported functions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Method {
    /// The shortest unambiguous name: `step`, or `interface/step` where two interfaces export a `step`.
    pub name: String,
    /// The interface it is exported from, such as `demo:life/game@0.1.0`; none for a function of the world.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// The function's name within its interface.
    pub function: String,
    /// Its parameters, in order.
    pub params: Vec<Field>,
    /// Its result, if it has one.
    pub result: Option<WitType>,
    /// Why it cannot be called, if it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsupported: Option<String>,
}

impl Method {
    pub(crate) fn new(interface: Option<&str>, function: &str, ty: &ComponentFunc) -> Method {
        let mut method = Method {
            name: function.to_owned(),
            interface: interface.map(str::to_owned),
            function: function.to_owned(),
            params: Vec::new(),
            result: None,
            unsupported: None,
        };
        method.unsupported = match method.read_signature(ty) {
            Err(TooLarge) => {
                method.params.clear();
                Some(format!("its signature has more than {SIGNATURE_PARTS_MAX} parts"))
            }
            Ok(()) if ty.async_() => Some("it is an async function; export a plain one".to_owned()),
            Ok(()) => method.find_handle().map(|what| {
                format!("its signature has a {what}, which no message can carry; use plain data or a u64 id")
            }),
        };
        method
    }

    fn read_signature(&mut self, ty: &ComponentFunc) -> Result<(), TooLarge> {
        let mut reader = Reader::new();
        for (name, ty) in ty.params() {
            self.params.push(reader.field(name, &ty)?);
        }
        self.result = ty.results().next().map(|ty| reader.read(&ty)).transpose()?;
        Ok(())
    }

    fn find_handle(&self) -> Option<&'static str> {
        self.params.iter().map(|param| &param.ty).chain(&self.result).find_map(WitType::find_handle)
    }

    /// The signature as WIT writes it: `step: func(n: u32) -> string`.
    pub fn signature(&self) -> String {
        let params: Vec<String> = self.params.iter().map(|p| format!("{}: {}", p.name, p.ty)).collect();
        let result = self.result.as_ref().map(|ty| format!(" -> {ty}")).unwrap_or_default();
        format!("{}: func({}){result}", self.name, params.join(", "))
    }
}

impl WitType {
    /// Whether this is an object reference, `record { belljar-object: u64 }`.
    pub fn is_object_ref(&self) -> bool {
        matches!(self, WitType::Record(fields)
            if matches!(&fields[..], [Field { name, ty: WitType::U64 }] if name == OBJECT_REF_FIELD))
    }

    /// The type of a record's field.
    pub fn field(&self, name: &str) -> Option<&WitType> {
        match self {
            WitType::Record(fields) => fields.iter().find(|field| field.name == name).map(|field| &field.ty),
            _ => None,
        }
    }

    fn find_handle(&self) -> Option<&'static str> {
        match self {
            WitType::Handle(what) => Some(what),
            WitType::List(inner) | WitType::FixedList(inner, _) | WitType::Option(inner) => inner.find_handle(),
            WitType::Map(key, value) => key.find_handle().or_else(|| value.find_handle()),
            WitType::Record(fields) => fields.iter().find_map(|field| field.ty.find_handle()),
            WitType::Tuple(types) => types.iter().find_map(WitType::find_handle),
            WitType::Variant(cases) => cases.iter().filter_map(|case| case.ty.as_ref()).find_map(WitType::find_handle),
            WitType::Result(ok, err) => {
                ok.as_deref().and_then(WitType::find_handle).or_else(|| err.as_deref().and_then(WitType::find_handle))
            }
            _ => None,
        }
    }
}

impl fmt::Display for WitType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WitType::Bool => f.write_str("bool"),
            WitType::S8 => f.write_str("s8"),
            WitType::U8 => f.write_str("u8"),
            WitType::S16 => f.write_str("s16"),
            WitType::U16 => f.write_str("u16"),
            WitType::S32 => f.write_str("s32"),
            WitType::U32 => f.write_str("u32"),
            WitType::S64 => f.write_str("s64"),
            WitType::U64 => f.write_str("u64"),
            WitType::F32 => f.write_str("f32"),
            WitType::F64 => f.write_str("f64"),
            WitType::Char => f.write_str("char"),
            WitType::String => f.write_str("string"),
            WitType::List(inner) => write!(f, "list<{inner}>"),
            WitType::FixedList(inner, length) => write!(f, "list<{inner}, {length}>"),
            WitType::Map(key, value) => write!(f, "map<{key}, {value}>"),
            WitType::Record(_) if self.is_object_ref() => f.write_str("object-ref"),
            WitType::Record(fields) => {
                let fields: Vec<String> = fields.iter().map(|x| format!("{}: {}", x.name, x.ty)).collect();
                write!(f, "record {{ {} }}", fields.join(", "))
            }
            WitType::Tuple(types) => {
                let types: Vec<String> = types.iter().map(WitType::to_string).collect();
                write!(f, "tuple<{}>", types.join(", "))
            }
            WitType::Variant(cases) => {
                let cases: Vec<String> = cases
                    .iter()
                    .map(|case| match &case.ty {
                        Some(ty) => format!("{}({ty})", case.name),
                        None => case.name.clone(),
                    })
                    .collect();
                write!(f, "variant {{ {} }}", cases.join(", "))
            }
            WitType::Enum(names) => write!(f, "enum {{ {} }}", names.join(", ")),
            WitType::Option(inner) => write!(f, "option<{inner}>"),
            WitType::Result(None, None) => f.write_str("result"),
            WitType::Result(Some(ok), None) => write!(f, "result<{ok}>"),
            WitType::Result(None, Some(err)) => write!(f, "result<_, {err}>"),
            WitType::Result(Some(ok), Some(err)) => write!(f, "result<{ok}, {err}>"),
            WitType::Flags(names) => write!(f, "flags {{ {} }}", names.join(", ")),
            WitType::Handle(what) => f.write_str(what),
        }
    }
}
