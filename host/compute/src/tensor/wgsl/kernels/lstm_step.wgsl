// One step of a long short-term memory, from the sums of its gates on: input gates, forget gates, candidates and output
// gates of all hidden units, one after the other

struct Parameters {
    first_group: u32,
    elements: u32,
    hidden: u32,
    start: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> recurrent: array<f32>;
@group(0) @binding(2) var<storage, read_write> gates: array<f32>;
@group(0) @binding(3) var<storage, read_write> states: array<f32>;
@group(0) @binding(4) var<storage, read_write> cells: array<f32>;

@compute @workgroup_size(GROUP_INVOCATIONS)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    let index = group_number(group, groups) * GROUP_INVOCATIONS + invocation;
    if index >= parameters.elements {
        return;
    }
    let hidden = parameters.hidden;
    let of_row = index / hidden * 4u * hidden + index % hidden;
    let of_step = 4u * parameters.start + of_row;
    let input_gate = sigmoid(gates[of_step] + recurrent[of_row]);
    let forget_gate = sigmoid(gates[of_step + hidden] + recurrent[of_row + hidden]);
    let candidate = hyperbolic_tangent(gates[of_step + 2u * hidden] + recurrent[of_row + 2u * hidden]);
    let output_gate = sigmoid(gates[of_step + 3u * hidden] + recurrent[of_row + 3u * hidden]);
    let before = parameters.start + index;
    let after = before + parameters.elements;
    let cell = forget_gate * cells[before] + input_gate * candidate;
    cells[after] = cell;
    states[after] = output_gate * hyperbolic_tangent(cell);
    gates[of_step] = input_gate;
    gates[of_step + hidden] = forget_gate;
    gates[of_step + 2u * hidden] = candidate;
    gates[of_step + 3u * hidden] = output_gate;
}
