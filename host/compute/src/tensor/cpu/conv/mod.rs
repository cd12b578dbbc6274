//! Convolution of images, as neural networks mean it (a correlation), and its gradients.
//!
//! In general, no image is copied or padded, and no matrix of patches is built. The pixels of an output whose windows lie within
//! the image in the same way are a rectangle (`window`): at most one for every edge and corner, and the inside. In a
//! rectangle, a row of the kernel is a run of consecutive numbers of the image, as images are stored channels last, and
//! a tile computes several pixels and channels at a time directly from the image. Products with the zeros beyond the
//! edge are never computed.
//!
//! Kernels of 3 × 3, which networks have the most of, take a quarter of the multiplications where there are channels
//! enough (`winograd`).
//!
//! One-dimensional convolution is that of images which are one row high.

mod backward;
mod forward;
mod weights;
mod window;
mod winograd;

pub use self::backward::{ConvBackward, ConvGradients, conv2d_backward};
pub use self::forward::conv2d;
use self::window::Axis;
use super::tile::COLUMNS_MAX;

/// Multiplications that are worth a part of their own.
const PART_TERMS: usize = 1 << 20;
/// Parts that a convolution should have, so that threads can share it evenly.
const PARTS_WANTED: usize = 16;

/// Threads whose copies are counted. There may be more, but how much memory is counted must not depend on that.
const THREADS_COUNTED: usize = 8;

/// The sizes of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    /// Images.
    pub batch: usize,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// Numbers of a pixel.
    pub in_channels: usize,
    /// Numbers of a pixel of the output.
    pub out_channels: usize,
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// Rows and columns from one window to the next, 1 at least.
    pub stride: [usize; 2],
    /// Rows of zeros above and below an image, and columns of zeros left and right of it.
    pub padding: [usize; 2],
}

impl ConvShape {
    /// Rows of the output: none where the kernel is higher than the padded image.
    pub fn out_height(&self) -> usize {
        self.axes()[0].outputs()
    }

    /// Columns of the output: none where the kernel is wider than the padded image.
    pub fn out_width(&self) -> usize {
        self.axes()[1].outputs()
    }

    /// Numbers of the input, `[batch, height, width, in_channels]`.
    pub fn input_len(&self) -> usize {
        self.batch * self.image_len()
    }

    /// Numbers of the weights, `[out_channels, kernel height, kernel width, in_channels]`.
    pub fn weight_len(&self) -> usize {
        self.out_channels * self.window_len()
    }

    /// Numbers of the output, `[batch, out height, out width, out_channels]`.
    pub fn output_len(&self) -> usize {
        self.batch * self.out_image_len()
    }

    /// The numbers that the convolution needs memory for beside its operands and its result, at most: a copy of the
    /// weights, with channels up to the width of the widest tile, or their values and those of some tiles. It is the
    /// same on every machine.
    pub fn scratch_len(&self) -> usize {
        if winograd::is_for(self) {
            return winograd::scratch_len(self);
        }
        self.out_channels.next_multiple_of(COLUMNS_MAX).saturating_mul(self.window_len())
    }

    /// The same for the gradients: of the weights a copy and the sums of the parts, and for every thread copies of the
    /// gradient of an image's output.
    pub fn backward_scratch_len(&self) -> usize {
        let parts = backward::parts(self);
        let sums = parts.saturating_mul(self.weight_len());
        if winograd::is_for(self) {
            return sums.saturating_add(winograd::backward_scratch_len(self, parts.min(THREADS_COUNTED)));
        }
        let wide = self.out_channels.next_multiple_of(COLUMNS_MAX);
        let taps = self.kernel[0] * self.kernel[1];
        let turned = self.in_channels.next_multiple_of(COLUMNS_MAX).saturating_mul(taps).saturating_mul(wide);
        let pixels = self.out_height() * self.out_width();
        let copies = parts.min(THREADS_COUNTED).saturating_mul(pixels).saturating_mul(wide + self.out_channels);
        turned.saturating_add(sums).saturating_add(copies)
    }

    /// Whether it is computed by transformation.
    #[cfg(test)]
    pub(super) fn is_transformed(&self) -> bool {
        winograd::is_for(self)
    }

    fn axes(&self) -> [Axis; 2] {
        let axis = |axis: usize, input| Axis {
            input,
            kernel: self.kernel[axis],
            stride: self.stride[axis],
            padding: self.padding[axis],
        };
        [axis(0, self.height), axis(1, self.width)]
    }

    fn image_len(&self) -> usize {
        self.height * self.width * self.in_channels
    }

    fn out_image_len(&self) -> usize {
        self.out_height() * self.out_width() * self.out_channels
    }

    /// Numbers of the input that one number of the output is computed from.
    fn window_len(&self) -> usize {
        self.kernel[0] * self.kernel[1] * self.in_channels
    }

    /// The multiplications of one image.
    fn image_terms(&self) -> usize {
        self.out_image_len() * self.window_len()
    }
}
