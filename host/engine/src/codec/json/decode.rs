//! From JSON to values.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value as Json};
use wasmtime::component::Val;

use crate::capability::log::cut;
use crate::codec::{Budget, CodecError, QUOTE_BYTES_MAX};
use crate::wit::{Case, Field, WitType};

/// Reads a value of this type.
///
/// # Errors
///
/// With the place of the first value that does not fit, and what was expected there.
pub fn from_json(json: &Json, ty: &WitType) -> Result<Val, CodecError> {
    decode(json, ty, &mut Budget::default())
}

/// Reads the arguments of a method: an array in the order of its parameters, or an object by their names, where
/// one of type `option` may be left out. A method with one parameter also takes the bare argument, if it is
/// neither an array nor an object with a key of the parameter's name.
///
/// # Errors
///
/// As [`from_json`]; also when there are too few arguments or too many.
pub fn params_from_json(json: &Json, params: &[Field]) -> Result<Vec<Val>, CodecError> {
    let budget = &mut Budget::default();
    match (json, params) {
        (Json::Array(items), _) if items.len() == params.len() => {
            let items = params.iter().zip(items);
            items.map(|(param, item)| decode(item, &param.ty, budget).map_err(|e| e.in_field(&param.name))).collect()
        }
        (Json::Object(object), _) if params.is_empty() || params.iter().any(|p| object.contains_key(&p.name)) => {
            let fields = fields(object, params, "argument", budget)?;
            Ok(fields.into_iter().map(|(_, value)| value).collect())
        }
        (Json::Null, []) => Ok(Vec::new()),
        (Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Object(_) | Json::Null, [param]) => {
            decode(json, &param.ty, budget).map(|value| vec![value]).map_err(|e| e.in_field(&param.name))
        }
        _ => {
            let names: Vec<String> = params.iter().map(|param| format!("{}: {}", param.name, param.ty)).collect();
            let got = match json {
                Json::Array(items) => format!("an array of {}", items.len()),
                other => got(other),
            };
            Err(CodecError::new(format!(
                "expected {} arguments ({}) as an array or by name, got {got}",
                params.len(),
                names.join(", "),
            )))
        }
    }
}

fn decode(json: &Json, ty: &WitType, budget: &mut Budget) -> Result<Val, CodecError> {
    budget.enter()?;
    let expected = || CodecError::new(format!("expected {ty}, got {}", got(json)));
    let value = match ty {
        WitType::Bool => Val::Bool(json.as_bool().ok_or_else(expected)?),
        WitType::S8 => Val::S8(integer(json).ok_or_else(expected)?),
        WitType::U8 => Val::U8(integer(json).ok_or_else(expected)?),
        WitType::S16 => Val::S16(integer(json).ok_or_else(expected)?),
        WitType::U16 => Val::U16(integer(json).ok_or_else(expected)?),
        WitType::S32 => Val::S32(integer(json).ok_or_else(expected)?),
        WitType::U32 => Val::U32(integer(json).ok_or_else(expected)?),
        WitType::S64 => Val::S64(integer(json).ok_or_else(expected)?),
        WitType::U64 => Val::U64(integer(json).ok_or_else(expected)?),
        WitType::F32 => Val::Float32(float32(json).ok_or_else(expected)?),
        WitType::F64 => Val::Float64(float64(json).ok_or_else(expected)?),
        WitType::Char => Val::Char(character(json).ok_or_else(expected)?),
        WitType::String => Val::String(json.as_str().ok_or_else(expected)?.to_owned()),
        WitType::List(inner) => match json {
            Json::String(text) if **inner == WitType::U8 => bytes(text, budget)?,
            _ => Val::List(elements(json.as_array().ok_or_else(expected)?, std::iter::repeat(&**inner), budget)?),
        },
        WitType::FixedList(inner, length) => {
            let items = array_of(json.as_array().ok_or_else(expected)?, *length as usize)?;
            Val::FixedLengthList(elements(items, std::iter::repeat(&**inner), budget)?)
        }
        WitType::Tuple(types) => {
            let items = array_of(json.as_array().ok_or_else(expected)?, types.len())?;
            Val::Tuple(elements(items, &**types, budget)?)
        }
        WitType::Map(key_ty, value_ty) => {
            let mut pairs = Vec::new();
            for (at, item) in json.as_array().ok_or_else(expected)?.iter().enumerate() {
                pairs.push(pair(item, key_ty, value_ty, budget).map_err(|error| error.in_element(at))?);
            }
            Val::Map(pairs)
        }
        WitType::Record(of_type) => {
            Val::Record(fields(json.as_object().ok_or_else(expected)?, of_type, "field", budget)?)
        }
        WitType::Variant(cases) => variant(json, cases, budget)?,
        WitType::Enum(names) => Val::Enum(one_of(json.as_str().ok_or_else(expected)?, names)?),
        WitType::Option(inner) => Val::Option(option(json, inner, budget)?),
        WitType::Result(ok, err) => Val::Result(result(json, ok.as_deref(), err.as_deref(), budget)?),
        WitType::Flags(names) => {
            let mut set = Vec::new();
            for item in json.as_array().ok_or_else(expected)? {
                set.push(one_of(item.as_str().ok_or_else(expected)?, names)?);
            }
            Val::Flags(set)
        }
        WitType::Handle(what) => return Err(CodecError::new(format!("a {what} cannot be written as JSON"))),
    };
    budget.leave();
    Ok(value)
}

fn elements<'a>(
    items: &[Json],
    types: impl IntoIterator<Item = &'a WitType>,
    budget: &mut Budget,
) -> Result<Vec<Val>, CodecError> {
    let items = items.iter().zip(types).enumerate();
    items.map(|(at, (item, ty))| decode(item, ty, budget).map_err(|error| error.in_element(at))).collect()
}

fn array_of(items: &[Json], length: usize) -> Result<&[Json], CodecError> {
    if items.len() == length {
        Ok(items)
    } else {
        Err(CodecError::new(format!("expected {length} elements, got {}", items.len())))
    }
}

fn pair(json: &Json, key_ty: &WitType, value_ty: &WitType, budget: &mut Budget) -> Result<(Val, Val), CodecError> {
    let Some([key, value]) = json.as_array().map(Vec::as_slice) else {
        return Err(CodecError::new(format!("expected [key, value], got {}", got(json))));
    };
    Ok((decode(key, key_ty, budget)?, decode(value, value_ty, budget)?))
}

fn bytes(text: &str, budget: &mut Budget) -> Result<Val, CodecError> {
    let bytes = BASE64.decode(text).map_err(|error| CodecError::new(format!("is not base64: {error}")))?;
    budget.take(bytes.len())?;
    Ok(Val::List(bytes.into_iter().map(Val::U8).collect()))
}

/// The fields of a record, or the arguments of a call, which `noun` says.
fn fields(
    object: &Map<String, Json>,
    fields: &[Field],
    noun: &str,
    budget: &mut Budget,
) -> Result<Vec<(String, Val)>, CodecError> {
    if let Some(unknown) = object.keys().find(|key| !fields.iter().any(|field| field.name == **key)) {
        let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        return Err(unknown_name(noun, unknown, &names));
    }
    let value = |field: &Field| match (object.get(&field.name), &field.ty) {
        (Some(value), ty) => decode(value, ty, budget).map_err(|error| error.in_field(&field.name)),
        (None, WitType::Option(_)) => Ok(Val::Option(None)),
        (None, ty) => Err(CodecError::new(format!("the {noun} `{}: {ty}` is missing", field.name))),
    };
    let values = fields.iter().map(value).collect::<Result<Vec<Val>, _>>()?;
    Ok(fields.iter().map(|field| field.name.clone()).zip(values).collect())
}

fn variant(json: &Json, cases: &[Case], budget: &mut Budget) -> Result<Val, CodecError> {
    let Some((name, payload)) = json.as_str().map(|name| (name, &Json::Null)).or_else(|| only_key(json)) else {
        return Err(CodecError::new(format!("expected a case or {{\"case\": value}}, got {}", got(json))));
    };
    let Some(case) = cases.iter().find(|case| case.name == *name) else {
        let names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
        return Err(unknown_name("case", name, &names));
    };
    let payload = carried(payload, case.ty.as_ref(), budget).map_err(|error| error.in_field(name))?;
    Ok(Val::Variant(name.to_owned(), payload))
}

fn option(json: &Json, inner: &WitType, budget: &mut Budget) -> Result<Option<Box<Val>>, CodecError> {
    let some = match (inner, json) {
        (_, Json::Null) => return Ok(None),
        (WitType::Option(_), _) => match only_key(json) {
            Some(("some", some)) => some,
            _ => return Err(CodecError::new(format!("expected null or {{\"some\": value}}, got {}", got(json)))),
        },
        _ => json,
    };
    Ok(Some(Box::new(decode(some, inner, budget)?)))
}

/// What a `result` has in its two cases.
type Outcome = Result<Option<Box<Val>>, Option<Box<Val>>>;

fn result(
    json: &Json,
    ok: Option<&WitType>,
    err: Option<&WitType>,
    budget: &mut Budget,
) -> Result<Outcome, CodecError> {
    match only_key(json) {
        Some(("ok", value)) => Ok(Ok(carried(value, ok, budget).map_err(|error| error.in_field("ok"))?)),
        Some(("error", value)) => Ok(Err(carried(value, err, budget).map_err(|error| error.in_field("error"))?)),
        _ => Err(CodecError::new(format!("expected {{\"ok\": value}} or {{\"error\": value}}, got {}", got(json)))),
    }
}

/// What a case or a result carries: a value of its type, or null where it has no type.
fn carried(json: &Json, ty: Option<&WitType>, budget: &mut Budget) -> Result<Option<Box<Val>>, CodecError> {
    match ty {
        Some(ty) => Ok(Some(Box::new(decode(json, ty, budget)?))),
        None if json.is_null() => Ok(None),
        None => Err(CodecError::new(format!("carries nothing, got {}", got(json)))),
    }
}

/// The key and the value of an object that has just one.
fn only_key(json: &Json) -> Option<(&str, &Json)> {
    let object = json.as_object().filter(|object| object.len() == 1)?;
    object.iter().next().map(|(key, value)| (key.as_str(), value))
}

fn one_of(name: &str, names: &[String]) -> Result<String, CodecError> {
    if names.iter().any(|known| known == name) {
        Ok(name.to_owned())
    } else {
        Err(CodecError::new(format!("expected one of {}, got `{}`", names.join(", "), cut(name, QUOTE_BYTES_MAX))))
    }
}

fn unknown_name(noun: &str, name: &str, names: &[&str]) -> CodecError {
    let name = cut(name, QUOTE_BYTES_MAX);
    CodecError::new(match names {
        [] => format!("there is no {noun} `{name}`; there is none at all"),
        names => format!("there is no {noun} `{name}`; the {noun}s are {}", names.join(", ")),
    })
}

/// An integer from a number or from its digits in a string.
fn integer<T: TryFrom<i128>>(json: &Json) -> Option<T> {
    let value = match json {
        Json::Number(number) => number.as_i128()?,
        Json::String(text) => text.parse().ok()?,
        _ => return None,
    };
    T::try_from(value).ok()
}

/// Rounded once, from the number's own digits: rounding to 64 bits first could end at a neighbour.
fn float32(json: &Json) -> Option<f32> {
    match json {
        Json::Number(number) => number.to_string().parse().ok().filter(|value: &f32| value.is_finite()),
        _ => float64(json).map(|value| value as f32),
    }
}

fn float64(json: &Json) -> Option<f64> {
    match json {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => match text.as_str() {
            "nan" => Some(f64::NAN),
            "inf" => Some(f64::INFINITY),
            "-inf" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

fn character(json: &Json) -> Option<char> {
    let mut chars = json.as_str()?.chars();
    chars.next().filter(|_| chars.next().is_none())
}

/// What is there instead of what was expected, short enough for an error.
fn got(json: &Json) -> String {
    match json {
        Json::Null => "null".to_owned(),
        Json::Bool(value) => value.to_string(),
        Json::Number(number) => number.to_string(),
        Json::String(text) if text.len() <= QUOTE_BYTES_MAX => format!("{text:?}"),
        Json::String(text) => format!("a string of {} bytes", text.len()),
        Json::Array(_) => "an array".to_owned(),
        Json::Object(_) => "an object".to_owned(),
    }
}
