// The gradient of a table: the sum of those of the rows that were taken of each of its own, which stand from one start
// to the next among the places

struct Parameters {
    first_group: u32,
    elements: u32,
    columns: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> starts: array<u32>;
@group(0) @binding(2) var<storage, read> places: array<u32>;
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
    let row = index / parameters.columns;
    let column = index % parameters.columns;
    var sum = 0.0;
    for (var place = starts[row]; place < starts[row + 1u]; place++) {
        sum += gradient[places[place] * parameters.columns + column];
    }
    output[index] = sum;
}
