// The gradient of the input of a normalisation by its own moments

struct Parameters {
    first_group: u32,
    elements: u32,
    columns: u32,
    by_rows: u32,
    epsilon: f32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> normal: array<f32>;
@group(0) @binding(2) var<storage, read> weighted: array<f32>;
@group(0) @binding(3) var<storage, read> variance: array<f32>;
@group(0) @binding(4) var<storage, read> means: array<f32>;
@group(0) @binding(5) var<storage, read> slopes: array<f32>;
@group(0) @binding(6) var<storage, read_write> output: array<f32>;

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
    let along = means[group_place] + slopes[group_place] * normal[index];
    output[index] = scale * (weighted[index] - along);
}
