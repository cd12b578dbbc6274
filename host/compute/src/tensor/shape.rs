//! The shape of a tensor: up to eight dimensions whose product is bounded, checked once when the shape is made.
//! Every stride, every offset and every product of some of its dimensions then fits, so that the code behind it
//! computes with plain arithmetic, also where a dimension is zero.

use std::fmt;

use super::error::TensorError;

/// The most dimensions of a tensor.
pub const RANK_MAX: usize = 8;

/// The most elements of a tensor, counting a dimension of zero as one: 2³¹, which is 8 GiB.
pub const ELEMENTS_MAX: usize = 1 << 31;

/// One number for each dimension of a shape; those past its rank are zero.
pub(crate) type PerAxis = [usize; RANK_MAX];

/// The lengths of a tensor's dimensions, the outermost first. A scalar has none.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    rank: usize,
    dimensions: PerAxis,
}

impl Shape {
    /// The shape of a single number.
    pub const SCALAR: Shape = Shape { rank: 0, dimensions: [0; RANK_MAX] };

    /// A shape of these dimensions.
    ///
    /// # Errors
    /// [`TensorError::InvalidShape`] with more than [`RANK_MAX`] dimensions or [`ELEMENTS_MAX`] elements.
    pub fn new(dimensions: &[usize]) -> Result<Shape, TensorError> {
        let invalid = |limit| TensorError::InvalidShape { dimensions: dimensions.to_vec(), limit };
        if dimensions.len() > RANK_MAX {
            return Err(invalid("RANK_MAX of 8 dimensions"));
        }
        let span = dimensions.iter().try_fold(1usize, |product, &length| product.checked_mul(length.max(1)));
        if span.is_none_or(|span| span > ELEMENTS_MAX) {
            return Err(invalid("ELEMENTS_MAX of 2147483648 elements"));
        }
        let mut shape = Shape { rank: dimensions.len(), dimensions: [0; RANK_MAX] };
        shape.dimensions[..shape.rank].copy_from_slice(dimensions);
        Ok(shape)
    }

    /// A shape of dimensions as guests write them.
    ///
    /// # Errors
    /// As [`Shape::new`].
    pub fn from_u32(dimensions: &[u32]) -> Result<Shape, TensorError> {
        // A list that is too long is cut before it is copied: one dimension too many is enough for the error.
        let head = &dimensions[..dimensions.len().min(RANK_MAX + 1)];
        Shape::new(&head.iter().map(|&length| length as usize).collect::<Vec<_>>())
    }

    /// The lengths of the dimensions.
    pub fn dimensions(&self) -> &[usize] {
        &self.dimensions[..self.rank]
    }

    /// The same, with a zero for each dimension that there is not.
    pub(crate) fn per_axis(&self) -> PerAxis {
        self.dimensions
    }

    /// How many dimensions there are.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// How many elements a tensor of this shape has.
    pub fn elements(&self) -> usize {
        self.dimensions().iter().product()
    }

    /// The dimensions as guests read them.
    pub fn to_u32(&self) -> Vec<u32> {
        // No dimension exceeds `ELEMENTS_MAX`.
        self.dimensions().iter().map(|&length| length as u32).collect()
    }

    /// How far apart two neighbours along each axis are in row-major order.
    pub(crate) fn strides(&self) -> PerAxis {
        let mut strides = [0; RANK_MAX];
        let mut stride = 1;
        for axis in (0..self.rank).rev() {
            strides[axis] = stride;
            stride *= self.dimensions[axis].max(1);
        }
        strides
    }

    /// The same shape with another length of one axis.
    pub(crate) fn with(&self, axis: usize, length: usize) -> Result<Shape, TensorError> {
        let mut dimensions = self.dimensions;
        dimensions[axis] = length;
        Shape::new(&dimensions[..self.rank])
    }

    /// The product of the lengths before an axis, the length of the axis, and the product of those after it.
    pub(crate) fn around(&self, axis: usize) -> (usize, usize, usize) {
        let dimensions = self.dimensions();
        (dimensions[..axis].iter().product(), dimensions[axis], dimensions[axis + 1..].iter().product())
    }

    /// The outer dimensions and the last `inner` of them; `None` when there are fewer than `inner`.
    pub(crate) fn split_last(&self, inner: usize) -> Option<(&[usize], &[usize])> {
        self.dimensions().split_at_checked(self.rank.checked_sub(inner)?)
    }

    /// An axis that a guest named, as an index.
    ///
    /// # Errors
    /// [`TensorError::InvalidArgument`] when the tensor has no such axis.
    pub(crate) fn axis(&self, operation: &'static str, axis: u32) -> Result<usize, TensorError> {
        let index = axis as usize;
        if index < self.rank {
            return Ok(index);
        }
        Err(TensorError::argument(operation, "axis", axis, format!("an axis of a tensor of shape {self}")))
    }

    /// The shape of an element-wise result, by NumPy's rule: shapes are aligned at their last dimensions, and
    /// lengths must be equal unless one of them is one or missing.
    ///
    /// # Errors
    /// [`TensorError::ShapeMismatch`], or [`TensorError::InvalidShape`] when the result is too large.
    pub(crate) fn broadcast(operation: &'static str, left: &Shape, right: &Shape) -> Result<Shape, TensorError> {
        let rank = left.rank.max(right.rank);
        let mut dimensions = [0; RANK_MAX];
        for (axis, length) in dimensions[..rank].iter_mut().enumerate() {
            *length = match (left.aligned(axis, rank), right.aligned(axis, rank)) {
                (a, b) if a == b => a,
                (a, 1) => a,
                (1, b) => b,
                _ => {
                    let rule = "lengths must be equal, or one of them 1, from the last dimension on";
                    return Err(TensorError::shapes(operation, left, right, rule));
                }
            };
        }
        Shape::new(&dimensions[..rank])
    }

    /// The strides that read a tensor of this shape as if it had the larger shape: zero where it is repeated.
    pub(crate) fn strides_in(&self, larger: &Shape) -> PerAxis {
        let own = self.strides();
        let mut strides = [0; RANK_MAX];
        for (axis, stride) in strides[..larger.rank].iter_mut().enumerate() {
            if let Some(own_axis) = (axis + self.rank).checked_sub(larger.rank)
                && (self.dimensions[own_axis] != 1 || larger.dimensions[axis] == 1)
            {
                *stride = own[own_axis];
            }
        }
        strides
    }

    /// The length that this shape has at an axis of a shape of a higher rank: one where it has none.
    fn aligned(&self, axis: usize, rank: usize) -> usize {
        (axis + self.rank).checked_sub(rank).map_or(1, |own_axis| self.dimensions[own_axis])
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.dimensions(), formatter)
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.dimensions(), formatter)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shape(dimensions: &[usize]) -> Shape {
        Shape::new(dimensions).unwrap()
    }

    #[test]
    fn strides_are_those_of_rows() {
        assert_eq!(shape(&[2, 3, 4]).strides()[..3], [12, 4, 1]);
        assert_eq!(Shape::SCALAR.elements(), 1);
        assert_eq!(shape(&[2, 3, 4]).around(1), (2, 3, 4));
    }

    #[test]
    fn shapes_broadcast_as_in_numpy() {
        let broadcast = |left: &[usize], right: &[usize]| Shape::broadcast("add", &shape(left), &shape(right));
        assert_eq!(broadcast(&[2, 1, 4], &[3, 1]).unwrap(), shape(&[2, 3, 4]));
        assert_eq!(broadcast(&[0, 4], &[1]).unwrap(), shape(&[0, 4]));
        let error = broadcast(&[2, 3], &[2]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "add: the shapes [2, 3] and [2] do not fit: lengths must be equal, or one of them 1, from the last dimension on"
        );
    }

    #[test]
    fn a_repeated_axis_has_no_stride() {
        assert_eq!(shape(&[3, 1]).strides_in(&shape(&[2, 3, 4]))[..3], [0, 1, 0]);
        assert_eq!(shape(&[4]).strides_in(&shape(&[2, 3, 4]))[..3], [0, 0, 1]);
    }

    proptest! {
        #[test]
        fn a_shape_that_is_accepted_overflows_nowhere(dimensions in prop::collection::vec(any::<u32>().prop_map(|n| n >> (n % 32)), 0..12)) {
            if let Ok(shape) = Shape::from_u32(&dimensions) {
                prop_assert!(shape.rank() <= RANK_MAX);
                prop_assert!(shape.elements() <= ELEMENTS_MAX);
                prop_assert!(shape.strides().iter().all(|&stride| stride <= ELEMENTS_MAX));
                prop_assert_eq!(shape.to_u32(), dimensions);
            }
        }
    }
}
