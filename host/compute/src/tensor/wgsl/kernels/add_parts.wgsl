// output = finished(the sum of the parts), where the parts are matrices one after another

struct Parameters {
    first_group: u32,
    elements: u32,
    parts: u32,
    columns: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> parts: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
$BINDINGS

fn finished(sum: f32, column: u32) -> f32 {
    let x = $SUM;
    return $FUNCTION;
}

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
    var sum = 0.0;
    for (var part = 0u; part < parameters.parts; part++) {
        sum += parts[part * parameters.elements + index];
    }
    output[index] = finished(sum, index % parameters.columns);
}
