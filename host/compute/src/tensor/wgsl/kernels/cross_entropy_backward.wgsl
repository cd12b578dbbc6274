// The gradient of the logits of a mean cross-entropy, from the logarithms of softmax

struct Parameters {
    first_group: u32,
    elements: u32,
    classes: u32,
    scale: f32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> logarithms: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read> gradient: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;

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
    let wanted = select(0.0, 1.0, labels[index / parameters.classes] == index % parameters.classes);
    output[index] = parameters.scale * gradient[0] * (exponential(logarithms[index]) - wanted);
}
