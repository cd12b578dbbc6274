//! Which imports of a component may keep state in the host.

use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType};
use wasmparser::types::TypesRef;

use super::Obstacle;

/// The package whose interfaces identify everything by numbers that mean the same in every instance of an actor.
const OURS: &str = "belljar:plugin/";

/// What an import gives the component.
#[derive(Debug, Default)]
struct Contents {
    functions: bool,
    resources: bool,
}

/// The obstacle that an import of the outermost component is, if it is one.
pub(super) fn judge(import: &str, ty: &ComponentEntityType, types: TypesRef<'_>) -> Option<Obstacle> {
    let contents = Contents::of(ty, types);
    let reason = if contents.resources {
        "has resources, whose handles a snapshot does not hold"
    } else if contents.functions && !import.starts_with(OURS) {
        "may keep state in the host that a snapshot does not hold"
    } else {
        return None;
    };
    Some(Obstacle::Import { import: import.to_owned(), reason })
}

impl Contents {
    fn of(ty: &ComponentEntityType, types: TypesRef<'_>) -> Contents {
        let mut contents = Contents::default();
        match ty {
            ComponentEntityType::Instance(id) => {
                for item in types[*id].exports.values() {
                    contents.add(&item.ty);
                }
            }
            other => contents.add(other),
        }
        contents
    }

    fn add(&mut self, item: &ComponentEntityType) {
        match item {
            ComponentEntityType::Type { referenced: ComponentAnyTypeId::Resource(_), .. } => self.resources = true,
            ComponentEntityType::Type { .. } | ComponentEntityType::Value(_) => {}
            // What an instance, a module or a component in an import does is as unknown as what a function does.
            ComponentEntityType::Func(_)
            | ComponentEntityType::Instance(_)
            | ComponentEntityType::Module(_)
            | ComponentEntityType::Component(_) => self.functions = true,
        }
    }
}
