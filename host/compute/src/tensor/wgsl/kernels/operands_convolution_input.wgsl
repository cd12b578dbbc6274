// The gradient of a convolution's input: the rows of the product are its pixels, its columns are input channels, its terms
// are the taps of the kernel with the output channels of each.

fn left_at(batch: u32, row: u32, term: u32, end: u32) -> f32 {
    let sizes = parameters.operands;
    let channel = term % sizes.out_channels;
    let tap = term / sizes.out_channels;
    let from_y = row / sizes.width % sizes.height + sizes.padding_y;
    let from_x = row % sizes.width + sizes.padding_x;
    let tap_y = tap / sizes.kernel_width;
    let tap_x = tap % sizes.kernel_width;
    // The window of which the pixel is under this tap, if there is one.
    let y = (from_y - tap_y) / sizes.stride_y;
    let x = (from_x - tap_x) / sizes.stride_x;
    let is_above = (from_y >= tap_y) & (from_x >= tap_x);
    let is_hit = (y * sizes.stride_y + tap_y == from_y) & (x * sizes.stride_x + tap_x == from_x);
    let is_inside = (y < sizes.out_height) & (x < sizes.out_width) & (row < parameters.rows) & (term < end);
    let is_there = is_above & is_hit & is_inside;
    let image = row / sizes.width / sizes.height;
    let place = ((image * sizes.out_height + y) * sizes.out_width + x) * sizes.out_channels + channel;
    return select(0.0, left[select(0u, place, is_there)], is_there);
}

fn right_at(batch: u32, term: u32, column: u32, end: u32) -> f32 {
    let sizes = parameters.operands;
    let is_there = (column < parameters.columns) & (term < end);
    let taps = sizes.kernel_height * sizes.kernel_width;
    let place = (term % sizes.out_channels * taps + term / sizes.out_channels) * sizes.in_channels + column;
    return select(0.0, right[select(0u, place, is_there)], is_there);
}
