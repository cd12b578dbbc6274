//! Which part of the kernel lies within the image, along one axis. What lies outside is multiplied by zeros, so it is
//! left out.

use std::ops::Range;

/// One axis of a convolution.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    pub(super) input: usize,
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) padding: usize,
}

/// Consecutive outputs, all with the same taps of the kernel within the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) outputs: Range<usize>,
    pub(super) taps: Range<usize>,
    /// Where the first tap of the first output is in the image.
    pub(super) input: usize,
}

impl Axis {
    /// How many outputs there are.
    pub(super) fn outputs(&self) -> usize {
        (self.input + 2 * self.padding).checked_sub(self.kernel).map_or(0, |room| room / self.stride + 1)
    }

    /// All outputs. There are at most two spans for every tap, and one.
    pub(super) fn spans(&self) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        for output in 0..self.outputs() {
            let taps = self.taps(output);
            match spans.last_mut() {
                Some(span) if span.taps == taps => span.outputs.end += 1,
                _ => {
                    let input = (output * self.stride + taps.start).saturating_sub(self.padding);
                    spans.push(Span { outputs: output..output + 1, taps, input });
                }
            }
        }
        spans
    }

    /// The outputs of which a tap lies within the image.
    pub(super) fn outputs_of(&self, tap: usize) -> Range<usize> {
        let start = self.padding.saturating_sub(tap).div_ceil(self.stride);
        let end = (self.input + self.padding).saturating_sub(tap).div_ceil(self.stride).min(self.outputs());
        start.min(end)..end
    }

    /// Where a tap of an output is in the image, given that it is.
    pub(super) fn input_of(&self, output: usize, tap: usize) -> usize {
        output * self.stride + tap - self.padding
    }

    fn taps(&self, output: usize) -> Range<usize> {
        let first = output * self.stride;
        let end = (self.input + self.padding).saturating_sub(first).min(self.kernel);
        self.padding.saturating_sub(first).min(end)..end
    }
}

impl Span {
    /// The span's outputs within a range of outputs; nothing if there are none.
    pub(super) fn within(&self, range: &Range<usize>, stride: usize) -> Option<Self> {
        let outputs = self.outputs.start.max(range.start)..self.outputs.end.min(range.end);
        let input = self.input + outputs.start.saturating_sub(self.outputs.start) * stride;
        (!outputs.is_empty()).then(|| Self { outputs, taps: self.taps.clone(), input })
    }
}
