//! What a step is called with: its bindings, resolved with the parameters of the run, the item, and the outputs of the
//! steps before it.

use std::collections::HashMap;

use belljar_store::Digest;
use serde_json::Value as Json;

use super::check;
use super::plan::Plan;
use super::step::Step;
use super::template::{Reference, Root, Template};

/// Outputs of an item's steps, by step, as the catalog keeps them.
pub(super) type Outputs = HashMap<String, Json>;

impl Plan {
    /// The inputs of a step: its bindings with every reference resolved.
    pub(super) fn inputs(
        &self,
        step: &Step,
        item: &str,
        outputs: &Outputs,
        items: &[(String, Outputs)],
    ) -> Result<Vec<Json>, String> {
        let of_item = |template: &Template, item: &str, outputs: &Outputs| {
            template.resolve(&mut |reference| self.look_up(reference, item, outputs, None), &mut |_| {
                Err("an `each` cannot stand inside another".to_owned())
            })
        };
        let mut values = Vec::with_capacity(step.with.len());
        for (param, template) in step.method.params.iter().zip(&step.with) {
            let value = template.resolve(&mut |reference| self.look_up(reference, item, outputs, None), &mut |inner| {
                items.iter().map(|(item, outputs)| of_item(inner, item, outputs)).collect()
            });
            let value = value.map_err(|message| format!("`{}`: {message}", param.name))?;
            values.push(check::param_value(&value, &param.ty));
        }
        Ok(values)
    }

    /// What a reference stands for; `output` is that of the step itself, for what is recorded of it.
    pub(super) fn look_up(
        &self,
        reference: &Reference,
        item: &str,
        outputs: &Outputs,
        output: Option<&Json>,
    ) -> Result<Json, String> {
        match &reference.root {
            Root::Param(name) => Ok(self.params.get(name).map(|value| value.as_str().into()).unwrap_or_default()),
            Root::Item => Ok(item.into()),
            Root::Step(name) => match outputs.get(name) {
                Some(output) => Ok(reference.follow(output)),
                None => Err(format!("the step `{name}` has not run; run it first, or leave `--only` out")),
            },
            Root::Output => Ok(output.map(|output| reference.follow(output)).unwrap_or_default()),
        }
    }
}

/// What a step's work depends on: its inputs, and for one that runs once, the items that completed.
pub(super) fn inputs_digest(inputs: &[Json], items: &[(String, Outputs)]) -> Digest {
    let items: Vec<&str> = items.iter().map(|(item, _)| item.as_str()).collect();
    let mut canonical = serde_json::json!([inputs, items]);
    canonical.sort_all_objects();
    Digest::of(canonical.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_inputs_does_not_depend_on_the_order_of_fields() {
        let (one, other) = (serde_json::json!({"a": 1, "b": 2}), serde_json::json!({"b": 2, "a": 1}));
        let (one, other) = (inputs_digest(&[one], &[]), inputs_digest(&[other], &[]));
        assert_eq!(one, other);
        assert_ne!(one, inputs_digest(&[], &[]));
    }
}
