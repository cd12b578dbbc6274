// One step of stochastic gradient descent with momentum

struct Parameters {
    first_group: u32,
    elements: u32,
    learning_rate: f32,
    weight_decay: f32,
    momentum: f32,
    nesterov: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read_write> weights: array<f32>;
@group(0) @binding(2) var<storage, read> gradient: array<f32>;
@group(0) @binding(3) var<storage, read_write> velocities: array<f32>;

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
    let decayed = gradient[index] + parameters.weight_decay * weight;
    let velocity = parameters.momentum * velocities[index] + decayed;
    let ahead = decayed + parameters.momentum * velocity;
    velocities[index] = velocity;
    weights[index] = weight - parameters.learning_rate * select(velocity, ahead, parameters.nesterov != 0u);
}
