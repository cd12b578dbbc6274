// The largest number of each window, or the mean

$PARAMETERS
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
    let channel = index % parameters.channels;
    let x = index / parameters.channels % parameters.out_width * parameters.stride_x;
    let rest = index / parameters.channels / parameters.out_width;
    let y = rest % parameters.out_height * parameters.stride_y;
    let image = rest / parameters.out_height;
    let start = ((image * parameters.height + y) * parameters.width + x) * parameters.channels + channel;
    var result = $START;
    for (var row = 0u; row < parameters.window_height; row++) {
        for (var column = 0u; column < parameters.window_width; column++) {
            let number = input[start + (row * parameters.width + column) * parameters.channels];
            result = $STEP;
        }
    }
    output[index] = $RESULT;
}
