//! Makes every loop of a kernel end, and a kernel whose loops did not end by themselves say so. A dispatch that
//! was given to a driver can't be taken back, so an endless loop would hold the device until the process that
//! uses it is killed; and a driver that ends loops by itself does so silently, with a wrong result: lavapipe
//! does after 65,535 iterations of all loops of the group of invocations that shares its vectors.
//!
//! Two things are added to the kernel's IR:
//! - *Fuel*, a private counter that starts full: each iteration of each loop takes one, and a loop that finds
//!   none left is broken out of. All loops of an invocation share it, so loops in loops do not multiply.
//! - A *meter*, a small storage buffer. The entry point becomes a function that a new one calls; after the call,
//!   the new one runs a short loop of its own, whose result the meter's contents foretell. If the driver has
//!   silently begun to cut loops short, this one is cut short as well. When that is so, or no fuel is left, the
//!   kernel's number is stored in the meter, where the host finds it and says [out of fuel] instead of giving a
//!   result. The loop's bounds come from the buffer so that no compiler can work out what it will do.
//!
//! Fuel that lasts exactly to the last iteration counts as running out: an error is never a wrong answer.
//!
//! [out of fuel]: crate::device::DeviceError::OutOfFuel

use std::num::NonZeroU32;

use wgpu::naga::{
    AddressSpace, Arena, BinaryOperator, Block, Expression, Function, GlobalVariable, Handle, Literal, LocalVariable,
    Module, Range, ResourceBinding, Scalar, Span, Statement, StorageAccess, StructMember, Type, TypeInner,
};

use super::limits::BIND_GROUPS_MAX;

/// The bind group of the meter, after those that a kernel may use. Its binding is 0.
pub(in crate::device) const METER_GROUP: u32 = BIND_GROUPS_MAX as u32;
/// The size of the meter in bytes: four 32-bit integers, in the order of [`meter_contents`].
pub(in crate::device) const METER_BYTES: u64 = 16;
/// Loop iterations of one invocation on a GPU: about a second's worth.
pub(in crate::device) const FUEL_ON_GPU: u32 = 1 << 24;
/// Loop iterations of one invocation on lavapipe, just below what it cuts short by itself.
pub(in crate::device) const FUEL_ON_CPU: u32 = 65_500;

/// The iterations of the loop that shows whether loops still work. A loop that is cut short makes one.
const PROBE_ROUNDS: u32 = 2;
/// What each of them adds.
const PROBE_STEP: u32 = 0x5eed;

const REPORT: u32 = 0;
const ROUNDS: u32 = 1;
const STEP: u32 = 2;
const TOTAL: u32 = 3;

/// What the meter holds before a dispatch: no report, and the terms of the loop that shows whether loops work.
pub(in crate::device) const fn meter_contents() -> [u32; 4] {
    [0, PROBE_ROUNDS, PROBE_STEP, PROBE_ROUNDS * PROBE_STEP]
}

/// Meters the only entry point of a valid module and everything that it calls. Returns false, and changes
/// nothing, when there is no loop.
pub(super) fn meter(module: &mut Module, kernel: NonZeroU32, fuel: u32) -> bool {
    let in_functions = module.functions.iter().any(|(_, function)| has_loop(&function.body));
    if !in_functions && !module.entry_points.iter().any(|entry| has_loop(&entry.function.body)) {
        return false;
    }
    let u32_type = insert_type(module, TypeInner::Scalar(Scalar::U32));
    let tank = add_tank(module, u32_type, fuel);
    let meter = add_meter(module, u32_type);
    for (_, function) in module.functions.iter_mut() {
        ration(&mut function.body, &mut function.expressions, tank);
    }
    for entry in &mut module.entry_points {
        ration(&mut entry.function.body, &mut entry.function.expressions, tank);
        let mut body = entry.function.clone();
        for argument in &mut body.arguments {
            argument.binding = None;
        }
        let body = module.functions.append(body, Span::UNDEFINED);
        entry.function = Wrapper { body, tank, meter, u32_type }.build(&entry.function, kernel);
    }
    true
}

fn has_loop(block: &Block) -> bool {
    block.iter().any(|statement| match statement {
        Statement::Loop { .. } => true,
        Statement::Block(inner) => has_loop(inner),
        Statement::If { accept, reject, .. } => has_loop(accept) || has_loop(reject),
        Statement::Switch { cases, .. } => cases.iter().any(|case| has_loop(&case.body)),
        _ => false,
    })
}

fn insert_type(module: &mut Module, inner: TypeInner) -> Handle<Type> {
    module.types.insert(Type { name: None, inner }, Span::UNDEFINED)
}

/// `var<private> fuel: u32 = <fuel>;`
fn add_tank(module: &mut Module, u32_type: Handle<Type>, fuel: u32) -> Handle<GlobalVariable> {
    let full = module.global_expressions.append(Expression::Literal(Literal::U32(fuel)), Span::UNDEFINED);
    let tank = GlobalVariable {
        name: Some("belljar_fuel".into()),
        space: AddressSpace::Private,
        binding: None,
        ty: u32_type,
        init: Some(full),
        memory_decorations: Default::default(),
    };
    module.global_variables.append(tank, Span::UNDEFINED)
}

/// `@group(METER_GROUP) @binding(0) var<storage, read_write> meter: Meter;`
fn add_meter(module: &mut Module, u32_type: Handle<Type>) -> Handle<GlobalVariable> {
    let atomic = insert_type(module, TypeInner::Atomic(Scalar::U32));
    let member = |name: &str, ty, index: u32| StructMember {
        name: Some(name.into()),
        ty,
        binding: None,
        offset: index * size_of::<u32>() as u32,
    };
    let members = vec![
        member("report", atomic, REPORT),
        member("rounds", u32_type, ROUNDS),
        member("step", u32_type, STEP),
        member("total", u32_type, TOTAL),
    ];
    let inner = TypeInner::Struct { members, span: METER_BYTES as u32 };
    let ty = module.types.insert(Type { name: Some("BelljarMeter".into()), inner }, Span::UNDEFINED);
    let meter = GlobalVariable {
        name: Some("belljar_meter".into()),
        space: AddressSpace::Storage { access: StorageAccess::LOAD | StorageAccess::STORE },
        binding: Some(ResourceBinding { group: METER_GROUP, binding: 0 }),
        ty,
        init: None,
        memory_decorations: Default::default(),
    };
    module.global_variables.append(meter, Span::UNDEFINED)
}

/// Puts `if fuel == 0 { break; } fuel = fuel - 1;` at the start of every loop.
fn ration(block: &mut Block, expressions: &mut Arena<Expression>, tank: Handle<GlobalVariable>) {
    for statement in block.iter_mut() {
        match statement {
            Statement::Block(inner) => ration(inner, expressions, tank),
            Statement::If { accept, reject, .. } => {
                ration(accept, expressions, tank);
                ration(reject, expressions, tank);
            }
            Statement::Switch { cases, .. } => {
                for case in cases {
                    ration(&mut case.body, expressions, tank);
                }
            }
            Statement::Loop { body, continuing, .. } => {
                ration(body, expressions, tank);
                ration(continuing, expressions, tank);
                let mut code = Code { expressions, block: Block::new() };
                let pointer = code.constant(Expression::GlobalVariable(tank));
                let left = code.load(pointer);
                let none = code.number(0);
                let is_empty = code.binary(BinaryOperator::Equal, left, none);
                code.push(Statement::If {
                    condition: is_empty,
                    accept: Block::from_vec(vec![Statement::Break]),
                    reject: Block::new(),
                });
                let one = code.number(1);
                let rest = code.binary(BinaryOperator::Subtract, left, one);
                code.push(Statement::Store { pointer, value: rest });
                let start = code.block;
                body.splice(0..0, start);
            }
            _ => {}
        }
    }
}

/// Writes statements and their expressions.
struct Code<'a> {
    expressions: &'a mut Arena<Expression>,
    block: Block,
}

impl Code<'_> {
    fn push(&mut self, statement: Statement) {
        self.block.push(statement, Span::UNDEFINED);
    }

    /// An expression that is there without being computed, such as a variable or a literal.
    fn constant(&mut self, expression: Expression) -> Handle<Expression> {
        self.expressions.append(expression, Span::UNDEFINED)
    }

    /// An expression that is computed here.
    fn compute(&mut self, expression: Expression) -> Handle<Expression> {
        let handle = self.expressions.append(expression, Span::UNDEFINED);
        self.push(Statement::Emit(Range::new_from_bounds(handle, handle)));
        handle
    }

    fn number(&mut self, value: u32) -> Handle<Expression> {
        self.constant(Expression::Literal(Literal::U32(value)))
    }

    fn load(&mut self, pointer: Handle<Expression>) -> Handle<Expression> {
        self.compute(Expression::Load { pointer })
    }

    fn binary(
        &mut self,
        op: BinaryOperator,
        left: Handle<Expression>,
        right: Handle<Expression>,
    ) -> Handle<Expression> {
        self.compute(Expression::Binary { op, left, right })
    }

    fn member(&mut self, base: Handle<Expression>, index: u32) -> Handle<Expression> {
        self.compute(Expression::AccessIndex { base, index })
    }
}

/// What a new entry point is made of.
struct Wrapper {
    body: Handle<Function>,
    tank: Handle<GlobalVariable>,
    meter: Handle<GlobalVariable>,
    u32_type: Handle<Type>,
}

impl Wrapper {
    /// ```wgsl
    /// body(arguments…);
    /// var round = 0u; var sum = 0u;
    /// loop { if round == meter.rounds { break; } sum += meter.step; round += 1u; }
    /// if fuel == 0 || sum != meter.total { atomicStore(&meter.report, kernel); }
    /// ```
    fn build(&self, original: &Function, kernel: NonZeroU32) -> Function {
        let mut function = Function { arguments: original.arguments.clone(), ..Function::default() };
        let mut code = Code { expressions: &mut function.expressions, block: Block::new() };
        let arguments = (0..original.arguments.len() as u32)
            .map(|index| code.constant(Expression::FunctionArgument(index)))
            .collect();
        code.push(Statement::Call { function: self.body, arguments, result: None });
        let zero = code.number(0);
        let mut variable = |name: &str| {
            let variable = LocalVariable { name: Some(name.into()), ty: self.u32_type, init: Some(zero) };
            function.local_variables.append(variable, Span::UNDEFINED)
        };
        let (round, sum) = (variable("round"), variable("sum"));
        let round = code.constant(Expression::LocalVariable(round));
        let sum = code.constant(Expression::LocalVariable(sum));
        let meter = code.constant(Expression::GlobalVariable(self.meter));
        let [rounds, step, total] = [ROUNDS, STEP, TOTAL].map(|index| {
            let member = code.member(meter, index);
            code.load(member)
        });
        let before = std::mem::take(&mut code.block);

        let round_now = code.load(round);
        let is_done = code.binary(BinaryOperator::Equal, round_now, rounds);
        code.push(Statement::If {
            condition: is_done,
            accept: Block::from_vec(vec![Statement::Break]),
            reject: Block::new(),
        });
        let sum_now = code.load(sum);
        let sum_next = code.binary(BinaryOperator::Add, sum_now, step);
        code.push(Statement::Store { pointer: sum, value: sum_next });
        let one = code.number(1);
        let round_next = code.binary(BinaryOperator::Add, round_now, one);
        code.push(Statement::Store { pointer: round, value: round_next });
        let body = std::mem::replace(&mut code.block, before);
        code.push(Statement::Loop { body, continuing: Block::new(), break_if: None });

        let tank = code.constant(Expression::GlobalVariable(self.tank));
        let left = code.load(tank);
        let is_empty = code.binary(BinaryOperator::Equal, left, zero);
        let reached = code.load(sum);
        let is_cut = code.binary(BinaryOperator::NotEqual, reached, total);
        let failed = code.binary(BinaryOperator::LogicalOr, is_empty, is_cut);
        let after = std::mem::take(&mut code.block);
        let report = code.member(meter, REPORT);
        let number = code.number(kernel.get());
        code.push(Statement::Store { pointer: report, value: number });
        let accept = std::mem::replace(&mut code.block, after);
        code.push(Statement::If { condition: failed, accept, reject: Block::new() });
        code.push(Statement::Return { value: None });
        function.body = code.block;
        function
    }
}
