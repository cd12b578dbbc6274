// The gradients of the sums of one step's gates, and of the cells before it in the place of those after it

struct Parameters {
    first_group: u32,
    elements: u32,
    hidden: u32,
    start: u32,
    half: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> gates: array<f32>;
@group(0) @binding(2) var<storage, read> cells: array<f32>;
@group(0) @binding(3) var<storage, read> gradient: array<f32>;
@group(0) @binding(4) var<storage, read> state: array<f32>;
@group(0) @binding(5) var<storage, read_write> cell_gradient: array<f32>;
@group(0) @binding(6) var<storage, read_write> sums: array<f32>;

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
    let of_step = 4u * parameters.start + index / hidden * 4u * hidden + index % hidden;
    let input_gate = gates[of_step];
    let forget_gate = gates[of_step + hidden];
    let candidate = gates[of_step + 2u * hidden];
    let output_gate = gates[of_step + 3u * hidden];
    let before = parameters.start + index;
    let squashed = hyperbolic_tangent(cells[before + parameters.elements]);
    // Of the states and the cells after this step, what the output contributes and what the next step does.
    let of_state = state[index] + gradient[before];
    let of_output = cell_gradient[index] + gradient[parameters.half + before];
    let of_cell = of_output + of_state * output_gate * (1.0 - squashed * squashed);
    sums[of_step] = of_cell * candidate * input_gate * (1.0 - input_gate);
    sums[of_step + hidden] = of_cell * cells[before] * forget_gate * (1.0 - forget_gate);
    sums[of_step + 2u * hidden] = of_cell * input_gate * (1.0 - candidate * candidate);
    sums[of_step + 3u * hidden] = of_state * squashed * output_gate * (1.0 - output_gate);
    cell_gradient[index] = of_cell * forget_gate;
}
