//! Holds a kernel to the [limits](super::limits). Drivers write every call out before they compile, so a
//! function counts as often as it is called: thirty functions that each call the one before twice are a
//! thousand million operations, and no loop is in sight. WGSL has no recursion and naga puts a function after
//! those that it calls, so one walk in that order adds everything up.

use wgpu::naga::proc::GlobalCtx;
use wgpu::naga::valid::{FunctionInfo, ModuleInfo};
use wgpu::naga::{AddressSpace, Block, Function, Handle, Module, ShaderStage, Span, Statement, TypeInner};

use super::limits::{Limit, limit};
use super::{Position, ShaderError};

/// The source and the name of the entry point, before they are looked into.
pub(super) fn size(source: &str, entry_point: &str) -> Result<(), ShaderError> {
    hold(None, &limit::SOURCE_BYTES_MAX, source.len() as u64)?;
    hold(None, &limit::ENTRY_POINT_BYTES_MAX, entry_point.len() as u64)
}

/// A module that naga found valid. Returns the index of the entry point.
pub(super) fn module(
    source: &str,
    module: &Module,
    info: &ModuleInfo,
    entry_point: &str,
) -> Result<usize, ShaderError> {
    let entry = find_entry(module, entry_point)?;
    if let Some((_, constant)) = module.overrides.iter().next() {
        let name = constant.name.as_deref().unwrap_or_default();
        return Err(ShaderError::invalid(None, format!("`override {name}` is not supported: use a constant")));
    }
    let check = Check { source, module };
    let private_bytes = check.globals()?;
    let mut costs: Vec<Cost> = Vec::with_capacity(module.functions.len());
    for (handle, function) in module.functions.iter() {
        let cost = check.function(function, &info[handle], &costs)?;
        costs.push(cost);
    }
    let chosen = &module.entry_points[entry];
    let cost = check.function(&chosen.function, info.get_entry_point(entry), &costs)?;
    hold(None, &limit::PRIVATE_BYTES_MAX, cost.private_bytes.saturating_add(private_bytes))?;
    let invocations = chosen.workgroup_size.iter().map(|&n| u64::from(n)).fold(1, u64::saturating_mul);
    hold(None, &limit::WORKGROUP_INVOCATIONS_MAX, invocations)?;
    Ok(entry)
}

fn find_entry(module: &Module, name: &str) -> Result<usize, ShaderError> {
    let is_kernel = |stage| stage == ShaderStage::Compute;
    module.entry_points.iter().position(|entry| entry.name == name && is_kernel(entry.stage)).ok_or_else(|| {
        let there = module.entry_points.iter().filter(|entry| is_kernel(entry.stage)).map(|entry| &*entry.name);
        let there = there.collect::<Vec<_>>().join(", ");
        ShaderError::invalid(None, format!("there is no @compute function `{name}`; there is: {there}"))
    })
}

fn hold(position: Option<Position>, limit: &Limit, found: u64) -> Result<(), ShaderError> {
    if found <= limit.max { Ok(()) } else { Err(ShaderError::limit(position, limit, found)) }
}

/// What a function is, with the functions that it calls written out.
#[derive(Clone, Copy, Default)]
struct Cost {
    operations: u64,
    branches: u64,
    private_bytes: u64,
    call_depth: u64,
}

impl Cost {
    fn call(&mut self, callee: Self) {
        self.operations = self.operations.saturating_add(callee.operations);
        self.branches = self.branches.saturating_add(callee.branches);
        self.private_bytes = self.private_bytes.saturating_add(callee.private_bytes);
        self.call_depth = self.call_depth.max(callee.call_depth + 1);
    }
}

struct Check<'a> {
    source: &'a str,
    module: &'a Module,
}

impl Check<'_> {
    fn position(&self, span: Span) -> Option<Position> {
        Position::of(span, self.source)
    }

    fn context(&self) -> GlobalCtx<'_> {
        self.module.to_ctx()
    }

    /// The module's variables. Returns the bytes of its private ones.
    fn globals(&self) -> Result<u64, ShaderError> {
        let (mut private, mut workgroup, mut bindings) = (0, 0, 0);
        for (handle, variable) in self.module.global_variables.iter() {
            let position = self.position(self.module.global_variables.get_span(handle));
            let bytes = u64::from(self.module.types[variable.ty].inner.size(self.context()));
            match variable.space {
                AddressSpace::Private => private += bytes,
                AddressSpace::WorkGroup => workgroup += bytes,
                AddressSpace::Storage { .. } | AddressSpace::Uniform => {
                    let group = variable.binding.as_ref().map_or(0, |binding| u64::from(binding.group));
                    bindings += 1;
                    hold(position, &limit::BIND_GROUPS_MAX, group + 1)?;
                    hold(position, &limit::BINDINGS_MAX, bindings)?;
                }
                _ => return Err(ShaderError::invalid(position, "a kernel can only use buffers")),
            }
            hold(position, &limit::PRIVATE_BYTES_MAX, private)?;
            hold(position, &limit::WORKGROUP_BYTES_MAX, workgroup)?;
        }
        Ok(private)
    }

    /// A function; `callees` holds the cost of every function before it.
    fn function(&self, function: &Function, info: &FunctionInfo, callees: &[Cost]) -> Result<Cost, ShaderError> {
        let mut cost = Cost { operations: function.expressions.len() as u64, ..Cost::default() };
        for (handle, _) in function.expressions.iter() {
            let ty = info[handle].ty.inner_with(&self.module.types);
            if !matches!(ty, TypeInner::Pointer { .. } | TypeInner::ValuePointer { .. }) {
                let position = self.position(function.expressions.get_span(handle));
                hold(position, &limit::VALUE_BYTES_MAX, u64::from(ty.size(self.context())))?;
            }
        }
        for (handle, variable) in function.local_variables.iter() {
            let position = self.position(function.local_variables.get_span(handle));
            let bytes = u64::from(self.module.types[variable.ty].inner.size(self.context()));
            cost.private_bytes = cost.private_bytes.saturating_add(bytes);
            hold(position, &limit::PRIVATE_BYTES_MAX, cost.private_bytes)?;
        }
        self.block(&function.body, 1, callees, &mut cost)?;
        Ok(cost)
    }

    /// The nesting and the branches bound this recursion; naga bounds the depth of what gets here.
    fn block(&self, block: &Block, depth: u64, callees: &[Cost], cost: &mut Cost) -> Result<(), ShaderError> {
        for (statement, &span) in block.span_iter() {
            let position = self.position(span);
            hold(position, &limit::NESTING_MAX, depth)?;
            cost.operations = cost.operations.saturating_add(1);
            match statement {
                Statement::Block(inner) => self.block(inner, depth + 1, callees, cost)?,
                Statement::If { accept, reject, .. } => {
                    cost.branches += 1;
                    self.block(accept, depth + 1, callees, cost)?;
                    self.block(reject, if is_else_if(reject) { depth } else { depth + 1 }, callees, cost)?;
                }
                Statement::Switch { cases, .. } => {
                    for case in cases {
                        cost.branches += 1;
                        self.block(&case.body, depth + 1, callees, cost)?;
                    }
                }
                Statement::Loop { body, continuing, .. } => {
                    cost.branches += 2;
                    self.block(body, depth + 1, callees, cost)?;
                    self.block(continuing, depth + 1, callees, cost)?;
                }
                Statement::Call { function, .. } => cost.call(callee(callees, *function)),
                _ => {}
            }
            hold(position, &limit::BRANCHES_MAX, cost.branches)?;
            hold(position, &limit::OPERATIONS_MAX, cost.operations)?;
            hold(position, &limit::PRIVATE_BYTES_MAX, cost.private_bytes)?;
            hold(position, &limit::CALL_DEPTH_MAX, cost.call_depth)?;
        }
        Ok(())
    }
}

/// Whether the block of an `else` is that of an `else if`: an `if` after the computation of its condition. Nobody
/// would call it nested.
fn is_else_if(block: &Block) -> bool {
    let Some((Statement::If { .. }, before)) = block.split_last() else { return false };
    before.iter().all(|statement| matches!(statement, Statement::Emit(_)))
}

/// The cost of a called function. naga's validator refuses a call of a function that comes later.
fn callee(callees: &[Cost], function: Handle<Function>) -> Cost {
    let unknown = Cost { operations: u64::MAX, ..Cost::default() };
    callees.get(function.index()).copied().unwrap_or(unknown)
}
