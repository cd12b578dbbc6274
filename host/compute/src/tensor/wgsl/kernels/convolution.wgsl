// What the operands of a convolution's products have in common.

struct Operands {
    height: u32,
    width: u32,
    in_channels: u32,
    out_channels: u32,
    kernel_height: u32,
    kernel_width: u32,
    out_height: u32,
    out_width: u32,
    stride_y: u32,
    stride_x: u32,
    padding_y: u32,
    padding_x: u32,
}

struct Place {
    is_there: bool,
    index: u32,
}

// Where the number of a window lies in the images: the windows are counted over all images, and in a window rows, columns
// and channels are counted through. A place beyond an edge is not there.
fn place_in_window(window: u32, number: u32) -> Place {
    let sizes = parameters.operands;
    let channel = number % sizes.in_channels;
    let tap = number / sizes.in_channels;
    // Above and left of the image these wrap around, to what is past its other edge.
    let y = window / sizes.out_width % sizes.out_height * sizes.stride_y + tap / sizes.kernel_width - sizes.padding_y;
    let x = window % sizes.out_width * sizes.stride_x + tap % sizes.kernel_width - sizes.padding_x;
    let image = window / sizes.out_width / sizes.out_height;
    let is_there = (y < sizes.height) & (x < sizes.width);
    return Place(is_there, ((image * sizes.height + y) * sizes.width + x) * sizes.in_channels + channel);
}
