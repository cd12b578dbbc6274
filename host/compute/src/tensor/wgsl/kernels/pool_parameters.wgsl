// What all kernels of pooling are told: the images, the windows, and what they become

struct Parameters {
    first_group: u32,
    elements: u32,
    height: u32,
    width: u32,
    channels: u32,
    window_height: u32,
    window_width: u32,
    out_height: u32,
    out_width: u32,
    stride_y: u32,
    stride_x: u32,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
