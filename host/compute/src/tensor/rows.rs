//! How elements are visited that do not lie one after another: row by row of a shape, with strides of its own for
//! each tensor that takes part. Broadcasting is a stride of zero, a permutation is a permutation of the strides,
//! and a slice is an offset, so that this one loop serves them all.

use super::shape::{PerAxis, RANK_MAX, Shape};

/// Where the innermost row of one tensor starts, and how far apart its elements are.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Row {
    pub(crate) start: usize,
    pub(crate) step: usize,
}

impl Row {
    /// The offset of an element of the row.
    pub(crate) fn at(self, index: usize) -> usize {
        self.start + index * self.step
    }
}

/// Visits the innermost rows of a shape in row-major order. For each, `visit` gets where it lies in every tensor,
/// and its length. An empty shape has no rows.
pub(crate) fn for_each_row<const N: usize>(
    shape: &Shape,
    strides: [PerAxis; N],
    mut visit: impl FnMut([Row; N], usize),
) {
    if shape.elements() == 0 {
        return;
    }
    let Some((&length, outer)) = shape.dimensions().split_last() else {
        return visit([Row::default(); N], 1);
    };
    let mut rows = strides.map(|strides| Row { start: 0, step: strides[outer.len()] });
    let mut index = [0; RANK_MAX];
    loop {
        visit(rows, length);
        // As an odometer: the last digit that is not at its end goes on, and those behind it start anew.
        let Some(axis) = (0..outer.len()).rev().find(|&axis| index[axis] + 1 < outer[axis]) else {
            return;
        };
        index[axis] += 1;
        index[axis + 1..].fill(0);
        for (row, strides) in rows.iter_mut().zip(&strides) {
            row.start = index.iter().zip(strides).map(|(index, stride)| index * stride).sum();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offsets(dimensions: &[usize], strides: &[usize]) -> Vec<usize> {
        let mut all = [0; RANK_MAX];
        all[..strides.len()].copy_from_slice(strides);
        let mut offsets = Vec::new();
        for_each_row(&Shape::new(dimensions).unwrap(), [all], |[row], length| {
            offsets.extend((0..length).map(|index| row.at(index)));
        });
        offsets
    }

    #[test]
    fn rows_come_in_row_major_order_of_the_strides() {
        assert_eq!(offsets(&[2, 3], &[3, 1]), [0, 1, 2, 3, 4, 5]);
        assert_eq!(offsets(&[3, 2], &[1, 3]), [0, 3, 1, 4, 2, 5]);
        assert_eq!(offsets(&[2, 2, 2], &[0, 1, 0]), [0, 0, 1, 1, 0, 0, 1, 1]);
        assert_eq!(offsets(&[], &[]), [0]);
        assert_eq!(offsets(&[2, 0, 3], &[1, 1, 1]), []);
    }
}
