//! JSON, by one table (`docs/values.md` has it for readers):
//!
//! | WIT | JSON |
//! | --- | --- |
//! | `bool` | `true`, `false` |
//! | `u8`…`u32`, `s8`…`s32` | a number |
//! | `u64`, `s64` | a number up to ±(2⁵³ − 1), beyond that its digits as a string; both are read |
//! | `f32`, `f64` | a number; `"nan"`, `"inf"`, `"-inf"` |
//! | `char`, `string`, `enum` | a string |
//! | `list<u8>` | base64 (RFC 4648, padded); an array of numbers is read too |
//! | other lists, `tuple` | an array |
//! | `map` | an array of `[key, value]` |
//! | `record` | an object with every field; a missing field is read as `none` if it is an `option` |
//! | `variant` | `{"case": payload}`, or `"case"` where it carries nothing |
//! | `option` | `null` or the value; `{"some": value}` where the value itself is an option |
//! | `result` | `{"ok": value}` or `{"error": value}`; `null` where it carries nothing |
//! | `flags` | an array of the names that are set |

mod decode;
mod encode;

pub use decode::{from_json, params_from_json};
pub use encode::to_json;

/// The largest integer that every JSON reader keeps exactly: 2⁵³ − 1.
const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

#[cfg(test)]
mod tests;
