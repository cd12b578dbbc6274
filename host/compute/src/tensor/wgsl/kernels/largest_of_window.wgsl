// What the largest number of a window is looked for in

@group(0) @binding(3) var<storage, read> input: array<f32>;

// Whether a number of the window that begins there is the first of its largest.
fn is_first_largest(start: u32, own: u32) -> bool {
    let number = input[own];
    var is_largest = true;
    for (var row = 0u; row < parameters.window_height; row++) {
        for (var column = 0u; column < parameters.window_width; column++) {
            let place = start + (row * parameters.width + column) * parameters.channels;
            let other = input[place];
            is_largest = is_largest & !((other > number) | ((other == number) & (place < own)));
        }
    }
    return is_largest;
}
