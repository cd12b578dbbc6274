//! The order of steps: each after those that it needs.

use std::collections::{HashMap, HashSet};

use super::diagnostic::Problem;
use super::file::Workflow;
use super::step::{Loaded, Step};

/// Puts steps behind those that they need, in the file's order otherwise.
pub(crate) fn order(workflow: &Workflow, loaded: Vec<Loaded<'_>>, complete: bool) -> Result<Vec<Step>, Vec<Problem>> {
    let names: HashSet<&str> = workflow.file.steps.keys().map(|name| name.get_ref().as_str()).collect();
    let once: HashMap<String, bool> = loaded.iter().map(|l| (l.step.name.clone(), l.step.once)).collect();
    let mut problems = Vec::new();
    for Loaded { file, place, step } in &loaded {
        for need in &step.needs {
            let place = file.needs.iter().find(|name| name.get_ref() == need).map_or(place.clone(), |n| n.span());
            if !names.contains(need.as_str()) {
                problems
                    .push(Problem::new(format!("`{}` needs `{need}`, and there is no such step", step.name)).at(place));
            } else if !step.once && once.get(need) == Some(&true) {
                problems.push(
                    Problem::new(format!("`{}` needs `{need}`, which runs once, after the items", step.name)).at(place),
                );
            }
        }
    }
    if !complete || !problems.is_empty() {
        return Err(problems);
    }
    let mut waiting: Vec<Loaded<'_>> = loaded;
    let mut ordered: Vec<Step> = Vec::new();
    while !waiting.is_empty() {
        let ready = |loaded: &Loaded<'_>| loaded.step.needs.iter().all(|need| ordered.iter().any(|s| s.name == *need));
        match waiting.iter().position(ready) {
            Some(at) => ordered.push(waiting.remove(at).step),
            None => {
                let names: Vec<&str> = waiting.iter().map(|loaded| loaded.step.name.as_str()).collect();
                let problem = Problem::new(format!("the steps {} need each other in a circle", names.join(", ")));
                return Err(vec![problem.at(waiting[0].place.clone()).help("take one of the references out")]);
            }
        }
    }
    Ok(ordered)
}

/// A step and all that depend on it. A step that runs once, after the items, depends on all that run for them.
pub(crate) fn with_dependents(steps: &[Step], from: &str) -> HashSet<String> {
    let mut found = HashSet::from([from.to_owned()]);
    let from_items = steps.iter().any(|step| step.name == from && !step.once);
    for step in steps {
        // One pass is enough, because every step comes after those that it needs.
        if (step.once && from_items) || step.needs.iter().any(|need| found.contains(need)) {
            found.insert(step.name.clone());
        }
    }
    found
}
