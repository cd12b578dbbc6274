// Each group brought to mean 0 and variance 1, and perhaps more

struct Parameters {
    first_group: u32,
    elements: u32,
    columns: u32,
    by_rows: u32,
    epsilon: f32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> variance: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;
$BINDINGS

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
    let column = index % parameters.columns;
    let group_place = select(column, index / parameters.columns, parameters.by_rows != 0u);
    let scale = inverseSqrt(variance[group_place] + parameters.epsilon);
    let normal = (input[index] - mean[group_place]) * scale;
    output[index] = $RESULT;
}
