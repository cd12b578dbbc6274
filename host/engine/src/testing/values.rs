//! Arbitrary WIT types, values of them, and JSON, for property tests.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value as Json;
use wasmtime::component::Val;

use crate::WitType;
use crate::wit::{Case, Field};

/// Names of fields and cases. Some have a meaning of their own in JSON, which must not confuse anyone.
const NAMES: [&str; 6] = ["a", "ok", "error", "some", "nan", "b-c"];

/// A type of a few levels.
pub(crate) fn types() -> BoxedStrategy<WitType> {
    let simple = prop::sample::select(vec![
        WitType::Bool,
        WitType::S8,
        WitType::U8,
        WitType::S16,
        WitType::U16,
        WitType::S32,
        WitType::U32,
        WitType::S64,
        WitType::U64,
        WitType::F32,
        WitType::F64,
        WitType::Char,
        WitType::String,
    ]);
    let some_names = (1..=NAMES.len()).prop_map(|count| names(count).collect());
    let leaf = prop_oneof![
        6 => simple,
        1 => some_names.clone().prop_map(WitType::Enum),
        1 => some_names.prop_map(WitType::Flags),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let shared = inner.clone().prop_map(std::sync::Arc::new);
        let some = vec(inner.clone(), 1..4);
        let cases = vec(prop::option::of(inner), 1..4);
        prop_oneof![
            shared.clone().prop_map(WitType::List),
            (shared.clone(), 1_u32..4).prop_map(|(inner, length)| WitType::FixedList(inner, length)),
            (shared.clone(), shared.clone()).prop_map(|(key, value)| WitType::Map(key, value)),
            shared.clone().prop_map(WitType::Option),
            (prop::option::of(shared.clone()), prop::option::of(shared)).prop_map(|(ok, err)| WitType::Result(ok, err)),
            some.clone().prop_map(|types| WitType::Tuple(types.into())),
            some.prop_map(|types| {
                WitType::Record(names(types.len()).zip(types).map(|(name, ty)| Field { name, ty }).collect())
            }),
            cases.prop_map(|types| {
                WitType::Variant(names(types.len()).zip(types).map(|(name, ty)| Case { name, ty }).collect())
            }),
        ]
    })
    .boxed()
}

/// A type and a value of it.
pub(crate) fn typed_values() -> BoxedStrategy<(WitType, Val)> {
    types().prop_flat_map(|ty| (Just(ty.clone()), values(&ty))).boxed()
}

/// A value of this type.
pub(crate) fn values(ty: &WitType) -> BoxedStrategy<Val> {
    match ty {
        WitType::Bool => any::<bool>().prop_map(Val::Bool).boxed(),
        WitType::S8 => any::<i8>().prop_map(Val::S8).boxed(),
        WitType::U8 => any::<u8>().prop_map(Val::U8).boxed(),
        WitType::S16 => any::<i16>().prop_map(Val::S16).boxed(),
        WitType::U16 => any::<u16>().prop_map(Val::U16).boxed(),
        WitType::S32 => any::<i32>().prop_map(Val::S32).boxed(),
        WitType::U32 => any::<u32>().prop_map(Val::U32).boxed(),
        WitType::S64 => any::<i64>().prop_map(Val::S64).boxed(),
        WitType::U64 => any::<u64>().prop_map(Val::U64).boxed(),
        WitType::F32 => any::<u32>().prop_map(|bits| Val::Float32(f32::from_bits(bits))).boxed(),
        WitType::F64 => any::<u64>().prop_map(|bits| Val::Float64(f64::from_bits(bits))).boxed(),
        WitType::Char => any::<char>().prop_map(Val::Char).boxed(),
        WitType::String => any::<String>().prop_map(Val::String).boxed(),
        WitType::List(inner) => vec(values(inner), 0..4).prop_map(Val::List).boxed(),
        WitType::FixedList(inner, length) => {
            vec(values(inner), *length as usize).prop_map(Val::FixedLengthList).boxed()
        }
        WitType::Map(key, value) => vec((values(key), values(value)), 0..3).prop_map(Val::Map).boxed(),
        WitType::Record(fields) => {
            let names: Vec<String> = fields.iter().map(|field| field.name.clone()).collect();
            let values: Vec<_> = fields.iter().map(|field| values(&field.ty)).collect();
            values.prop_map(move |values| Val::Record(names.iter().cloned().zip(values).collect())).boxed()
        }
        WitType::Tuple(types) => types.iter().map(values).collect::<Vec<_>>().prop_map(Val::Tuple).boxed(),
        WitType::Variant(cases) => {
            let case = |case: &Case| {
                let name = case.name.clone();
                optional(case.ty.as_ref()).prop_map(move |payload| Val::Variant(name.clone(), payload)).boxed()
            };
            proptest::strategy::Union::new(cases.iter().map(case)).boxed()
        }
        WitType::Enum(names) => prop::sample::select(names.to_vec()).prop_map(Val::Enum).boxed(),
        WitType::Flags(names) => {
            prop::sample::subsequence(names.to_vec(), 0..=names.len()).prop_map(Val::Flags).boxed()
        }
        WitType::Option(inner) => {
            prop::option::of(values(inner)).prop_map(|value| Val::Option(value.map(Box::new))).boxed()
        }
        WitType::Result(ok, err) => prop_oneof![
            optional(ok.as_deref()).prop_map(|ok| Val::Result(Ok(ok))),
            optional(err.as_deref()).prop_map(|err| Val::Result(Err(err))),
        ]
        .boxed(),
        WitType::Handle(what) => panic!("a {what} has no values that can be made up"),
    }
}

/// What a case carries.
fn optional(ty: Option<&WitType>) -> BoxedStrategy<Option<Box<Val>>> {
    match ty {
        None => Just(None).boxed(),
        Some(ty) => values(ty).prop_map(|value| Some(Box::new(value))).boxed(),
    }
}

/// Any JSON, more often than by chance of a form that a value is written in.
pub(crate) fn jsons() -> BoxedStrategy<Json> {
    let name = prop::sample::select(NAMES.to_vec()).prop_map(str::to_owned);
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        name.clone().prop_map(Json::from),
        any::<String>().prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 32, 4, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Json::from),
            vec((name.clone(), inner), 0..3).prop_map(|fields| Json::Object(fields.into_iter().collect())),
        ]
    })
    .boxed()
}

fn names(count: usize) -> impl Iterator<Item = String> {
    NAMES.iter().take(count).map(|name| (*name).to_owned())
}
