// Copies each element of a shape from where the strides say it lies to where the other strides say

struct Parameters {
    first_group: u32,
    elements: u32,
    rank: u32,
    lengths: array<vec4<u32>, 2>,
    from_strides: array<vec4<u32>, 2>,
    to_strides: array<vec4<u32>, 2>,
    from_start: u32,
    to_start: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;

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
    var rest = index;
    var from_place = parameters.from_start;
    var to_place = parameters.to_start;
    for (var axis = parameters.rank; axis > 0u; axis--) {
        let vector = (axis - 1u) / 4u;
        let lane = (axis - 1u) % 4u;
        let length = parameters.lengths[vector][lane];
        let place = rest % length;
        rest /= length;
        from_place += place * parameters.from_strides[vector][lane];
        to_place += place * parameters.to_strides[vector][lane];
    }
    output[to_place] = input[from_place];
}
