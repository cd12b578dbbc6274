//! Rows of a table by their numbers.

use super::kernel::{GROUP_INVOCATIONS, Kernel};
use super::site::{Site, Words};
use crate::tensor::error::TensorError;
use crate::tensor::shape::Shape;
use crate::tensor::value::Tensor;

const ROWS_OF: &str = include_str!("kernels/rows_of.wgsl");
const ROWS_OF_BACKWARD: &str = include_str!("kernels/rows_of_backward.wgsl");

/// How often a row may be taken so that one invocation can add up the gradients of all.
const TAKEN_MAX: usize = 50_000;

/// The rows of a table that the indices name, as a tensor of this shape.
pub(crate) fn rows_of(site: Site<'_>, table: &Tensor, indices: &[u32], shape: Shape) -> Result<Tensor, TensorError> {
    let output = site.output(shape)?;
    let indices_there = site.indices(indices)?;
    let operands = [&*table.numbers(site.queue)?, &indices_there.numbers, &*output.numbers(site.queue)?];
    let parameters = Words::new().counts([shape.elements(), shape.elements() / indices.len()]);
    let groups = shape.elements().div_ceil(GROUP_INVOCATIONS);
    site.run_on(Kernel::new(ROWS_OF), groups, GROUP_INVOCATIONS, parameters, &operands)?;
    Ok(output)
}

/// The gradient of [`rows_of`]'s table, which has this shape; `None` where a row was taken too often.
pub(crate) fn rows_of_backward(
    site: Site<'_>,
    indices: &[u32],
    gradient: &Tensor,
    shape: Shape,
) -> Result<Option<Tensor>, TensorError> {
    let columns = gradient.shape().elements() / indices.len();
    let rows = shape.elements() / columns;
    site.check_indices(rows + 1)?;
    // The starts are there twice for a moment.
    let _scratch = site.executor.reserve(2 * (rows + 1) + indices.len())?;
    let (starts, places, taken_most) = places_by_row(indices, rows);
    if taken_most > TAKEN_MAX {
        return Ok(None);
    }
    let output = site.output(shape)?;
    let (starts, places) = (site.indices(&starts)?, site.indices(&places)?);
    let operands = [&starts.numbers, &places.numbers, &*gradient.numbers(site.queue)?, &*output.numbers(site.queue)?];
    let parameters = Words::new().counts([shape.elements(), columns]);
    let groups = shape.elements().div_ceil(GROUP_INVOCATIONS);
    let work = GROUP_INVOCATIONS * taken_most.max(1);
    site.run_on(Kernel::new(ROWS_OF_BACKWARD), groups, work, parameters, &operands)?;
    Ok(Some(output))
}

/// The places of each row among the indices, one row's after the other's; where each row's start, and at the end how many
/// there are; and how many the most are of one row.
fn places_by_row(indices: &[u32], rows: usize) -> (Vec<u32>, Vec<u32>, usize) {
    let mut starts = vec![0u32; rows + 1];
    for &index in indices {
        starts[index as usize + 1] += 1;
    }
    let taken_most = starts.iter().max().map_or(0, |&count| count as usize);
    for row in 0..rows {
        starts[row + 1] += starts[row];
    }
    let mut next = starts.clone();
    let mut places = vec![0; indices.len()];
    for (place, &index) in indices.iter().enumerate() {
        places[next[index as usize] as usize] = place as u32;
        next[index as usize] += 1;
    }
    (starts, places, taken_most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_by_row_in_their_order() {
        let (starts, places, taken_most) = places_by_row(&[2, 0, 2, 1, 2], 4);
        assert_eq!(starts, [0, 1, 2, 5, 5]);
        assert_eq!(places, [1, 3, 0, 2, 4]);
        assert_eq!(taken_most, 3);
    }
}
