// Operands of a product that are matrices, whichever way they are stored, from a place on.

struct Operands {
    left_start: u32,
    left_batch: u32,
    left_row: u32,
    left_term: u32,
    right_start: u32,
    right_batch: u32,
    right_term: u32,
    right_column: u32,
}

fn left_at(batch: u32, row: u32, term: u32, end: u32) -> f32 {
    let is_there = (row < parameters.rows) & (term < end);
    let at = parameters.operands.left_start + batch * parameters.operands.left_batch;
    let place = at + row * parameters.operands.left_row + term * parameters.operands.left_term;
    return select(0.0, left[select(0u, place, is_there)], is_there);
}

fn right_at(batch: u32, term: u32, column: u32, end: u32) -> f32 {
    let is_there = (column < parameters.columns) & (term < end);
    let at = parameters.operands.right_start + batch * parameters.operands.right_batch;
    let place = at + term * parameters.operands.right_term + column * parameters.operands.right_column;
    return select(0.0, right[select(0u, place, is_there)], is_there);
}
