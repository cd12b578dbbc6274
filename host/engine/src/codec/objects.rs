//! Object references in JSON. The record that carries one is distinctive, so they are found without knowing the type.

use serde_json::Value as Json;

use crate::wit::OBJECT_REF_FIELD;

/// Calls `visit` with what each object reference of a value refers to: an id, and in files a digest. It may put
/// something else in its place. The value came through a parser or the codec, which bound its depth.
///
/// # Errors
///
/// The first error of `visit`.
pub fn visit_objects<E>(json: &mut Json, visit: &mut dyn FnMut(&mut Json) -> Result<(), E>) -> Result<(), E> {
    match json {
        Json::Object(fields) if fields.len() == 1 && fields.contains_key(OBJECT_REF_FIELD) => {
            fields.get_mut(OBJECT_REF_FIELD).map_or(Ok(()), visit)
        }
        Json::Object(fields) => fields.values_mut().try_for_each(|value| visit_objects(value, visit)),
        Json::Array(items) => items.iter_mut().try_for_each(|item| visit_objects(item, visit)),
        _ => Ok(()),
    }
}

/// The ids that the object references in a JSON text refer to, in ascending order; none if it is not JSON.
pub fn object_ids(text: &str) -> Vec<u64> {
    // Most values name no object, and looking for the word is much cheaper than parsing.
    if !text.contains(OBJECT_REF_FIELD) {
        return Vec::new();
    }
    let Ok(mut json) = serde_json::from_str::<Json>(text) else { return Vec::new() };
    let mut ids = Vec::new();
    let visited = visit_objects::<std::convert::Infallible>(&mut json, &mut |reference| {
        ids.extend(object_id(reference));
        Ok(())
    });
    match visited {
        Ok(()) => {}
        Err(never) => match never {},
    }
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The id that a reference refers to. One that a JSON number cannot carry everywhere is written as a text.
pub fn object_id(reference: &Json) -> Option<u64> {
    reference.as_u64().or_else(|| reference.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_are_found_wherever_they_are() {
        let text = json!({
            "a": [{ "belljar-object": 7 }, { "ok": { "belljar-object": "18446744073709551615" } }, { "belljar-object": 7 }],
            "b": { "belljar-object": 8, "other": 1 },
            "belljar-object": null,
        });
        assert_eq!(object_ids(&text.to_string()), [7, u64::MAX]);
        assert!(object_ids("[1, 2]").is_empty());
        assert!(object_ids(r#"{"belljar-object": "#).is_empty());
    }

    #[test]
    fn a_reference_can_be_replaced() {
        let mut json = json!([{ "belljar-object": 7 }, 7]);
        visit_objects::<()>(&mut json, &mut |reference| {
            *reference = json!("8");
            Ok(())
        })
        .unwrap();
        assert_eq!(json, json!([{ "belljar-object": "8" }, 7]));
    }
}
