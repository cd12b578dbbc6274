//! Convolution of images and of sequences, which are images of height one.

use super::activation::{Activated, Activation};
use super::{Backward, Forward, Gradients, check_shape};
use crate::tensor::error::TensorError;
use crate::tensor::executor::Executor;
use crate::tensor::kernels::{self, ConvOperands, ConvShape};
use crate::tensor::shape::Shape;
use crate::tensor::value::Tensor;

/// How the kernel moves, as rows and columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// From one position to the next.
    pub stride: [u32; 2],
    /// Zeros around the image, on each side.
    pub padding: [u32; 2],
}

/// `activation(convolution + bias)` of images `[batch, height, width, in]` with a weight
/// `[out, kernel height, kernel width, in]` and a bias `[out]`.
pub(crate) fn conv2d(
    executor: &Executor,
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    window: Window,
    activation: Activation,
) -> Forward<Convolution> {
    let (&[batch, height, width, channels], &[out_channels, kernel_height, kernel_width, in_channels]) =
        (input.dimensions(), weight.dimensions())
    else {
        let rule = "the input needs the shape [batch, height, width, in] and the weight [out, kernel height, \
                    kernel width, in]";
        return Err(TensorError::shapes("conv2d", input.shape(), weight.shape(), rule));
    };
    let sizes = Sizes { batch, height, width, channels, kernel_height, kernel_width, in_channels, out_channels };
    let shape = sizes.shape("conv2d", input, weight, window)?;
    let output = Shape::new(&[batch, shape.out_height(), shape.out_width(), out_channels])?;
    Convolution::new(executor, "conv2d", shape, [input, weight], bias, activation, output)
}

/// `activation(convolution + bias)` of sequences `[batch, length, in]` with a weight `[out, kernel, in]` and a
/// bias `[out]`.
pub(crate) fn conv1d(
    executor: &Executor,
    input: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    (stride, padding): (u32, u32),
    activation: Activation,
) -> Forward<Convolution> {
    let (&[batch, width, channels], &[out_channels, kernel_width, in_channels]) =
        (input.dimensions(), weight.dimensions())
    else {
        let rule = "the input needs the shape [batch, length, in] and the weight [out, kernel, in]";
        return Err(TensorError::shapes("conv1d", input.shape(), weight.shape(), rule));
    };
    let sizes = Sizes { batch, height: 1, width, channels, kernel_height: 1, kernel_width, in_channels, out_channels };
    let window = Window { stride: [1, stride], padding: [0, padding] };
    let shape = sizes.shape("conv1d", input, weight, window)?;
    let output = Shape::new(&[batch, shape.out_width(), out_channels])?;
    Convolution::new(executor, "conv1d", shape, [input, weight], bias, activation, output)
}

/// What [`conv2d`] and [`conv1d`] keep.
pub(crate) struct Convolution {
    shape: ConvShape,
    input: Tensor,
    weight: Tensor,
    activated: Activated,
}

impl Convolution {
    fn new(
        executor: &Executor,
        operation: &'static str,
        shape: ConvShape,
        [input, weight]: [&Tensor; 2],
        bias: Option<&Tensor>,
        activation: Activation,
        output: Shape,
    ) -> Forward<Convolution> {
        if let Some(bias) = bias {
            let rule = "the bias must be as long as there are output channels";
            check_shape(operation, weight.shape(), bias, &[shape.out_channels], rule)?;
        }
        // Positions take time without any channels, too.
        let [kernel_height, kernel_width] = shape.kernel;
        let factors = [output.elements(), kernel_height, kernel_width, shape.in_channels.max(1)];
        executor.check_work(operation, &factors)?;
        let _scratch = executor.reserve(shape.scratch_len())?;
        let output = kernels::convolution(executor, &shape, [input, weight], bias, activation.function(), output)?;
        let activated = Activated::new(activation, &output);
        Ok((output, Convolution { shape, input: input.clone(), weight: weight.clone(), activated }))
    }
}

impl Backward for Convolution {
    fn backward(&self, executor: &Executor, gradient: &Tensor, needed: &[bool]) -> Result<Gradients, TensorError> {
        let _scratch = executor.reserve(self.shape.backward_scratch_len())?;
        // Other activations than ReLU are gone back through before the kernel.
        let relu = self.activated.relu();
        let gradient = if relu.is_some() { gradient.clone() } else { self.activated.backward(executor, gradient)? };
        let from = ConvOperands { input: &self.input, weight: &self.weight, activated: relu, gradient: &gradient };
        kernels::convolution_backward(executor, &self.shape, from, needed)
    }
}

/// The dimensions of an input and a weight.
struct Sizes {
    batch: usize,
    height: usize,
    width: usize,
    channels: usize,
    kernel_height: usize,
    kernel_width: usize,
    in_channels: usize,
    out_channels: usize,
}

impl Sizes {
    fn shape(
        self,
        operation: &'static str,
        input: &Tensor,
        weight: &Tensor,
        window: Window,
    ) -> Result<ConvShape, TensorError> {
        if self.channels != self.in_channels {
            let rule = "the last dimension of the input must be that of the weight";
            return Err(TensorError::shapes(operation, input.shape(), weight.shape(), rule));
        }
        let [stride_y, stride_x] = window.stride.map(|stride| stride as usize);
        let [padding_y, padding_x] = window.padding.map(|padding| padding as usize);
        let check = |length, kernel, stride, padding| {
            check_fit(length, kernel, stride, padding).map_err(|(argument, value, rule)| match argument {
                "kernel" => TensorError::shapes(operation, input.shape(), weight.shape(), rule),
                _ => TensorError::argument(operation, argument, value, rule),
            })
        };
        check(self.height, self.kernel_height, stride_y, padding_y)?;
        check(self.width, self.kernel_width, stride_x, padding_x)?;
        Ok(ConvShape {
            batch: self.batch,
            height: self.height,
            width: self.width,
            in_channels: self.in_channels,
            out_channels: self.out_channels,
            kernel: [self.kernel_height, self.kernel_width],
            stride: [stride_y, stride_x],
            padding: [padding_y, padding_x],
        })
    }
}

/// Checks that a kernel has a position along an axis.
fn check_fit(
    length: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
) -> Result<(), (&'static str, usize, &'static str)> {
    if stride == 0 {
        return Err(("stride", stride, "at least 1"));
    }
    if padding > 0 && padding >= kernel {
        return Err(("padding", padding, "less than the kernel's length"));
    }
    // The padding is below the kernel's length, which a shape bounds, so that nothing overflows.
    if kernel == 0 || kernel > length + 2 * padding {
        return Err(("kernel", kernel, "the kernel must not be empty, and must fit into the padded input"));
    }
    Ok(())
}
