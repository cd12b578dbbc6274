// The gradient of the input of a pooling: each number has a part of the gradients of the windows that it is in

$PARAMETERS
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;

$LARGEST
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
    let x = index / parameters.channels % parameters.width;
    let rest = index / parameters.channels / parameters.width;
    let y = rest % parameters.height;
    let image = rest / parameters.height;
    // The windows that the pixel is in, from the first one that does not end before it.
    let before_y = max(y + 1u, parameters.window_height) - parameters.window_height;
    let before_x = max(x + 1u, parameters.window_width) - parameters.window_width;
    let first_y = (before_y + parameters.stride_y - 1u) / parameters.stride_y;
    let first_x = (before_x + parameters.stride_x - 1u) / parameters.stride_x;
    let end_y = min(y / parameters.stride_y + 1u, parameters.out_height);
    let end_x = min(x / parameters.stride_x + 1u, parameters.out_width);
    var sum = 0.0;
    for (var window_y = first_y; window_y < end_y; window_y++) {
        for (var window_x = first_x; window_x < end_x; window_x++) {
            let window = (image * parameters.out_height + window_y) * parameters.out_width + window_x;
            let corner_y = image * parameters.height + window_y * parameters.stride_y;
            let corner = corner_y * parameters.width + window_x * parameters.stride_x;
            let start = corner * parameters.channels + channel;
            if $COUNTS {
                sum += gradient[window * parameters.channels + channel];
            }
        }
    }
    output[index] = $RESULT;
}
