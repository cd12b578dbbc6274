// Convolution: the rows of the product are windows, its columns are output channels, its terms the numbers of a window.

fn left_at(batch: u32, row: u32, term: u32, end: u32) -> f32 {
    let place = place_in_window(row, term);
    let is_there = place.is_there & (row < parameters.rows) & (term < end);
    return select(0.0, left[select(0u, place.index, is_there)], is_there);
}

fn right_at(batch: u32, term: u32, column: u32, end: u32) -> f32 {
    let is_there = (column < parameters.columns) & (term < end);
    let sizes = parameters.operands;
    let place = column * sizes.kernel_height * sizes.kernel_width * sizes.in_channels + term;
    return select(0.0, right[select(0u, place, is_there)], is_there);
}
