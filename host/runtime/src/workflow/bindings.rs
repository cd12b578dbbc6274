//! The check of every binding of a workflow: what each step may refer to, and whether the types fit.

use std::collections::HashMap;

use belljar_engine::{Method, WitType};

use super::check::Scope;
use super::diagnostic::Problem;
use super::file::Workflow;
use super::step::Step;

/// Checks what goes into each step, and what each records.
pub(crate) fn check(workflow: &Workflow, steps: &[Step], params: &HashMap<String, String>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let has_items = workflow.file.for_each.is_some();
    let of_items: HashMap<&str, Option<&WitType>> =
        steps.iter().filter(|step| !step.once).map(|step| (step.name.as_str(), output_type(&step.method))).collect();
    for (at, step) in steps.iter().enumerate() {
        let Some(file) = workflow.file.steps.get(step.name.as_str()).map(toml::Spanned::get_ref) else { continue };
        let visible = |other: &&Step| !(step.once && has_items) || other.once;
        let each =
            Scope { params, steps: of_items.clone(), forbidden: HashMap::new(), output: None, item: true, each: None };
        let mut scope = Scope {
            params,
            steps: steps[..at]
                .iter()
                .filter(visible)
                .map(|other| (other.name.as_str(), output_type(&other.method)))
                .collect(),
            forbidden: steps[..at]
                .iter()
                .filter(|other| !visible(other))
                .map(|other| (other.name.as_str(), "it runs for every item; put the value into `{ each = … }`"))
                .collect(),
            output: None,
            item: has_items && !step.once,
            each: (has_items && step.once).then_some(&each),
        };
        for (param, template) in step.method.params.iter().zip(&step.with) {
            if let Err(message) = scope.check(template, &param.ty) {
                let place = file.with.iter().find(|(name, _)| *name.get_ref() == param.name);
                let problem = Problem::new(format!("`{}`: {message}", param.name));
                let problem = problem.help(format!("the method is `{}`", step.method.signature()));
                problems.push(problem.at(place.map_or(file.function.span(), |(_, value)| value.span())));
            }
        }
        scope.output = output_type(&step.method);
        for (field, template) in &step.record {
            if let Err(message) = scope.check_any(template) {
                let place = file.record.iter().find(|(name, _)| name.get_ref() == field);
                let problem = Problem::new(format!("`{field}`: {message}"));
                problems.push(problem.at(place.map_or(file.function.span(), |(_, value)| value.span())));
            }
        }
    }
    problems
}

/// What a step's output is: the method's result, without the error of a `result`.
fn output_type(method: &Method) -> Option<&WitType> {
    match &method.result {
        Some(WitType::Result(ok, _)) => ok.as_deref(),
        other => other.as_ref(),
    }
}
