//! From values to JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Number, Value as Json};
use wasmtime::component::Val;

use super::SAFE_INTEGER_MAX;
use crate::codec::{Budget, CodecError};
use crate::wit::WitType;

/// Writes a value of this type down.
///
/// # Errors
///
/// With the place of the first value that is not of its type, or where the value is too deep or too large.
pub fn to_json(value: &Val, ty: &WitType) -> Result<Json, CodecError> {
    encode(value, ty, &mut Budget::default())
}

fn encode(value: &Val, ty: &WitType, budget: &mut Budget) -> Result<Json, CodecError> {
    budget.enter()?;
    let json = match (value, ty) {
        (Val::Bool(v), WitType::Bool) => (*v).into(),
        (Val::S8(v), WitType::S8) => (*v).into(),
        (Val::U8(v), WitType::U8) => (*v).into(),
        (Val::S16(v), WitType::S16) => (*v).into(),
        (Val::U16(v), WitType::U16) => (*v).into(),
        (Val::S32(v), WitType::S32) => (*v).into(),
        (Val::U32(v), WitType::U32) => (*v).into(),
        (Val::S64(v), WitType::S64) if v.unsigned_abs() <= SAFE_INTEGER_MAX => (*v).into(),
        (Val::S64(v), WitType::S64) => v.to_string().into(),
        (Val::U64(v), WitType::U64) if *v <= SAFE_INTEGER_MAX => (*v).into(),
        (Val::U64(v), WitType::U64) => v.to_string().into(),
        // Through the shortest digits, so that 0.1 is written as 0.1 and not as 0.10000000149011612.
        (Val::Float32(v), WitType::F32) => number(v.to_string().parse().unwrap_or(f64::from(*v))),
        (Val::Float64(v), WitType::F64) => number(*v),
        (Val::Char(v), WitType::Char) => v.to_string().into(),
        (Val::String(v), WitType::String) => v.as_str().into(),
        (Val::List(items), WitType::List(inner)) if **inner == WitType::U8 => bytes(items, budget)?,
        (Val::List(items), WitType::List(inner)) => elements(items, std::iter::repeat(&**inner), budget)?,
        (Val::FixedLengthList(items), WitType::FixedList(inner, length)) if items.len() == *length as usize => {
            elements(items, std::iter::repeat(&**inner), budget)?
        }
        (Val::Tuple(items), WitType::Tuple(types)) if items.len() == types.len() => elements(items, &**types, budget)?,
        (Val::Map(pairs), WitType::Map(key_ty, value_ty)) => {
            let mut items = Vec::with_capacity(pairs.len());
            for (key, value) in pairs {
                items.push(Json::Array(vec![encode(key, key_ty, budget)?, encode(value, value_ty, budget)?]));
            }
            items.into()
        }
        (Val::Record(values), WitType::Record(fields)) if values.len() == fields.len() => {
            let mut object = Map::with_capacity(fields.len());
            for ((name, value), field) in values.iter().zip(fields.iter()) {
                if *name != field.name {
                    return Err(mismatch(ty));
                }
                let json = encode(value, &field.ty, budget).map_err(|error| error.in_field(name))?;
                object.insert(name.clone(), json);
            }
            object.into()
        }
        (Val::Variant(name, payload), WitType::Variant(cases)) => {
            let case = cases.iter().find(|case| case.name == *name).ok_or_else(|| mismatch(ty))?;
            match carried(payload, case.ty.as_ref(), budget).map_err(|error| error.in_field(name))? {
                Some(json) => tagged(name, json),
                None => name.as_str().into(),
            }
        }
        (Val::Enum(name), WitType::Enum(names)) if names.contains(name) => name.as_str().into(),
        (Val::Option(None), WitType::Option(_)) => Json::Null,
        (Val::Option(Some(value)), WitType::Option(inner)) => {
            let json = encode(value, inner, budget)?;
            if matches!(**inner, WitType::Option(_)) { tagged("some", json) } else { json }
        }
        (Val::Result(result), WitType::Result(ok, err)) => {
            let (tag, payload, ty) = match result {
                Ok(payload) => ("ok", payload, ok),
                Err(payload) => ("error", payload, err),
            };
            let json = carried(payload, ty.as_deref(), budget).map_err(|error| error.in_field(tag))?;
            tagged(tag, json.unwrap_or(Json::Null))
        }
        (Val::Flags(set), WitType::Flags(names)) if set.iter().all(|name| names.contains(name)) => {
            set.iter().map(String::as_str).collect()
        }
        _ => return Err(mismatch(ty)),
    };
    budget.leave();
    Ok(json)
}

fn elements<'a>(
    items: &[Val],
    types: impl IntoIterator<Item = &'a WitType>,
    budget: &mut Budget,
) -> Result<Json, CodecError> {
    let items = items.iter().zip(types).enumerate();
    items.map(|(at, (item, ty))| encode(item, ty, budget).map_err(|error| error.in_element(at))).collect()
}

fn bytes(items: &[Val], budget: &mut Budget) -> Result<Json, CodecError> {
    budget.take(items.len())?;
    let byte = |item: &Val| match item {
        Val::U8(byte) => Ok(*byte),
        _ => Err(mismatch(&WitType::U8)),
    };
    let bytes = items.iter().map(byte).collect::<Result<Vec<u8>, _>>()?;
    Ok(BASE64.encode(bytes).into())
}

/// What a case or a result carries, if it has a type to carry.
fn carried(payload: &Option<Box<Val>>, ty: Option<&WitType>, budget: &mut Budget) -> Result<Option<Json>, CodecError> {
    match (payload, ty) {
        (Some(payload), Some(ty)) => encode(payload, ty, budget).map(Some),
        (None, None) => Ok(None),
        (None, Some(ty)) => Err(mismatch(ty)),
        (Some(_), None) => Err(CodecError::new("carries nothing, got a value")),
    }
}

fn tagged(tag: &str, payload: Json) -> Json {
    Json::Object(Map::from_iter([(tag.to_owned(), payload)]))
}

fn number(value: f64) -> Json {
    match Number::from_f64(value) {
        Some(number) => Json::Number(number),
        None if value.is_nan() => "nan".into(),
        None if value > 0.0 => "inf".into(),
        None => "-inf".into(),
    }
}

fn mismatch(ty: &WitType) -> CodecError {
    CodecError::new(format!("the value is not a {ty}"))
}
