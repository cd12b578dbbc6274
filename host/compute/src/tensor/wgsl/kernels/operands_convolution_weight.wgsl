// The gradient of a convolution's weight: the rows of the product are output channels, its columns the numbers of a window,
// its terms the windows.

fn left_at(batch: u32, row: u32, term: u32, end: u32) -> f32 {
    let is_there = (row < parameters.rows) & (term < end);
    let place = term * parameters.operands.out_channels + row;
    return select(0.0, left[select(0u, place, is_there)], is_there);
}

fn right_at(batch: u32, term: u32, column: u32, end: u32) -> f32 {
    let place = place_in_window(term, column);
    let is_there = place.is_there & (column < parameters.columns) & (term < end);
    return select(0.0, right[select(0u, place.index, is_there)], is_there);
}
