//! Whether dynamic values are of a method's types. An embedder may hand in any values, and wasmtime finds a wrong
//! one only in the middle of a call, which the instance does not survive.

use wasmtime::component::Val;

use super::{Budget, CodecError};
use crate::wit::{Field, WitType};

/// Checks the arguments of a call against a method's parameters.
pub(crate) fn check_params(values: &[Val], params: &[Field]) -> Result<(), CodecError> {
    if values.len() != params.len() {
        return Err(CodecError::new(format!("expected {} arguments, got {}", params.len(), values.len())));
    }
    let mut budget = Budget::default();
    let mut pairs = values.iter().zip(params);
    pairs.try_for_each(|(value, param)| check(value, &param.ty, &mut budget).map_err(|e| e.in_field(&param.name)))
}

fn check(value: &Val, ty: &WitType, budget: &mut Budget) -> Result<(), CodecError> {
    budget.enter()?;
    match (value, ty) {
        (Val::Bool(_), WitType::Bool)
        | (Val::S8(_), WitType::S8)
        | (Val::U8(_), WitType::U8)
        | (Val::S16(_), WitType::S16)
        | (Val::U16(_), WitType::U16)
        | (Val::S32(_), WitType::S32)
        | (Val::U32(_), WitType::U32)
        | (Val::S64(_), WitType::S64)
        | (Val::U64(_), WitType::U64)
        | (Val::Float32(_), WitType::F32)
        | (Val::Float64(_), WitType::F64)
        | (Val::Char(_), WitType::Char)
        | (Val::String(_), WitType::String) => {}
        (Val::List(items), WitType::List(inner)) => check_all(items, std::iter::repeat(&**inner), budget)?,
        (Val::FixedLengthList(items), WitType::FixedList(inner, length)) if items.len() == *length as usize => {
            check_all(items, std::iter::repeat(&**inner), budget)?;
        }
        (Val::Tuple(items), WitType::Tuple(types)) if items.len() == types.len() => check_all(items, &**types, budget)?,
        (Val::Map(pairs), WitType::Map(key_ty, value_ty)) => {
            for (key, value) in pairs {
                check(key, key_ty, budget)?;
                check(value, value_ty, budget)?;
            }
        }
        (Val::Record(values), WitType::Record(fields))
            if values.iter().map(|(name, _)| name).eq(fields.iter().map(|field| &field.name)) =>
        {
            for ((_, value), field) in values.iter().zip(fields.iter()) {
                check(value, &field.ty, budget).map_err(|error| error.in_field(&field.name))?;
            }
        }
        (Val::Variant(name, payload), WitType::Variant(cases)) => {
            let case = cases.iter().find(|case| case.name == *name).ok_or_else(|| mismatch(ty))?;
            check_carried(payload, case.ty.as_ref(), budget).map_err(|error| error.in_field(name))?;
        }
        (Val::Enum(name), WitType::Enum(names)) if names.contains(name) => {}
        (Val::Flags(set), WitType::Flags(names)) if set.iter().all(|name| names.contains(name)) => {}
        (Val::Option(None), WitType::Option(_)) => {}
        (Val::Option(Some(value)), WitType::Option(inner)) => check(value, inner, budget)?,
        (Val::Result(Ok(payload)), WitType::Result(ok, _)) => check_carried(payload, ok.as_deref(), budget)?,
        (Val::Result(Err(payload)), WitType::Result(_, err)) => check_carried(payload, err.as_deref(), budget)?,
        _ => return Err(mismatch(ty)),
    }
    budget.leave();
    Ok(())
}

fn check_all<'a>(
    items: &[Val],
    types: impl IntoIterator<Item = &'a WitType>,
    budget: &mut Budget,
) -> Result<(), CodecError> {
    let mut items = items.iter().zip(types).enumerate();
    items.try_for_each(|(at, (item, ty))| check(item, ty, budget).map_err(|error| error.in_element(at)))
}

fn check_carried(payload: &Option<Box<Val>>, ty: Option<&WitType>, budget: &mut Budget) -> Result<(), CodecError> {
    match (payload, ty) {
        (Some(payload), Some(ty)) => check(payload, ty, budget),
        (None, None) => Ok(()),
        (None, Some(ty)) => Err(mismatch(ty)),
        (Some(_), None) => Err(CodecError::new("carries nothing, got a value")),
    }
}

fn mismatch(ty: &WitType) -> CodecError {
    CodecError::new(format!("the value is not a {ty}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codec::to_json;
    use crate::testing::values;

    fn params(ty: WitType) -> Vec<Field> {
        vec![Field { name: "value".to_owned(), ty }]
    }

    #[test]
    fn a_wrong_argument_is_named() {
        let wrong = |values: &[Val], ty| check_params(values, &params(ty)).expect_err("it is wrong").to_string();
        let numbers = WitType::List(WitType::U32.into());
        assert_eq!(wrong(&[], WitType::U32), "expected 1 arguments, got 0");
        assert_eq!(wrong(&[Val::U8(1)], WitType::U32), "value: the value is not a u32");
        let list = Val::List(vec![Val::U32(1), Val::Bool(true)]);
        assert_eq!(wrong(&[list], numbers), "value[1]: the value is not a u32");
    }

    proptest! {
        #[test]
        fn every_value_is_of_its_type((ty, value) in values::typed_values()) {
            prop_assert_eq!(check_params(&[value], &params(ty)), Ok(()));
        }

        /// The two walks over a value must not come to disagree.
        #[test]
        fn what_is_of_a_type_is_what_can_be_written(ty in values::types(), (_, value) in values::typed_values()) {
            let written = to_json(&value, &ty).is_ok();
            prop_assert_eq!(check_params(&[value], &params(ty)).is_ok(), written);
        }
    }
}
