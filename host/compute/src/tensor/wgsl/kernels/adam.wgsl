// One step of Adam or AdamW

struct Parameters {
    first_group: u32,
    elements: u32,
    kept: f32,
    weight_decay: f32,
    beta1: f32,
    rest1: f32,
    beta2: f32,
    rest2: f32,
    square_factor: f32,
    epsilon: f32,
    rate: f32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> weights: array<f32>;
@group(0) @binding(2) var<storage, read> gradient: array<f32>;
@group(0) @binding(3) var<storage, read_write> means: array<f32>;
@group(0) @binding(4) var<storage, read_write> squares: array<f32>;

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
    let weight = weights[index];
    let slope = gradient[index] + parameters.weight_decay * weight;
    let mean = parameters.beta1 * means[index] + parameters.rest1 * slope;
    let square = parameters.beta2 * squares[index] + parameters.rest2 * slope * slope;
    means[index] = mean;
    squares[index] = square;
    let change = parameters.rate * mean / (sqrt(square * parameters.square_factor) + parameters.epsilon);
    weights[index] = weight * parameters.kept - change;
}
