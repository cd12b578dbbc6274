// Reduces the middle axis of [outer, length, inner] to one of `parts`: each part takes every so many-th number, from its
// own on, so that neighbours read neighbours.

struct Parameters {
    first_group: u32,
    elements: u32,
    length: u32,
    inner: u32,
    parts: u32,
    factor: f32,
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
    let inner = index % parameters.inner;
    let part = index / parameters.inner % parameters.parts;
    let outer = index / parameters.inner / parameters.parts;
    let start = outer * parameters.length * parameters.inner + inner;
    var sum = input[start + part * parameters.inner];
    for (var place = part + parameters.parts; place < parameters.length; place += parameters.parts) {
        let number = input[start + place * parameters.inner];
        sum = $STEP;
    }
    output[index] = sum * parameters.factor;
}
