//! What a step that runs once returned, as a person reads it.

use belljar::engine::wit::OBJECT_REF_FIELD;
use serde_json::Value as Json;

use crate::human;

/// Digits of an object's digest that are shown: enough to name it.
pub const DIGITS_SHOWN: usize = 16;

/// A text as it is, a record line by line, anything else as JSON. Of an object, how to read it is worth more than the
/// reference. The value came through the codec, which bounds its depth.
pub fn text(value: &Json) -> String {
    if let Some(digest) = value.get(OBJECT_REF_FIELD).and_then(Json::as_str) {
        let digits = digest.get(..DIGITS_SHOWN).unwrap_or(digest);
        return format!("an object; `belljar objects get {digits}` reads it");
    }
    match value {
        Json::String(text) => human::printable(text),
        Json::Number(number) => human::number(number),
        Json::Object(fields) => fields.iter().map(|(name, value)| format!("{name}: {}\n", text(value))).collect(),
        other => human::printable(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_shown_as_the_command_that_reads_it() {
        let digest = "3f9a02c4d5e6f708".repeat(4);
        let object = text(&json!({ "belljar-object": digest }));
        assert_eq!(object, "an object; `belljar objects get 3f9a02c4d5e6f708` reads it");
        let record = json!({ "title": "ten filings", "facts": 9_133, "document": { "belljar-object": digest } });
        assert_eq!(text(&record), format!("title: ten filings\nfacts: 9,133\ndocument: {object}\n"));
    }

    #[test]
    fn other_values_are_json() {
        assert_eq!(text(&json!(["a", 1])), r#"["a",1]"#);
        assert_eq!(text(&json!("a text")), "a text");
    }
}
