// output[i] = left ∘ right, in which each element of the output's shape lies where the strides say

struct Parameters {
    first_group: u32,
    elements: u32,
    rank: u32,
    lengths: array<vec4<u32>, 2>,
    left_strides: array<vec4<u32>, 2>,
    right_strides: array<vec4<u32>, 2>,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> left: array<f32>;
@group(0) @binding(2) var<storage, read> right: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

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
    var left_place = 0u;
    var right_place = 0u;
    for (var axis = parameters.rank; axis > 0u; axis--) {
        let vector = (axis - 1u) / 4u;
        let lane = (axis - 1u) % 4u;
        let length = parameters.lengths[vector][lane];
        let place = rest % length;
        rest /= length;
        left_place += place * parameters.left_strides[vector][lane];
        right_place += place * parameters.right_strides[vector][lane];
    }
    let l = left[left_place];
    let r = right[right_place];
    output[index] = $RESULT;
}
