//! Winograd's transforms along one axis. A filter of three taps that computes four numbers from six is a product of
//! polynomials, and a product of polynomials is known from its values at enough points: at six of them, the value of
//! the product is the product of the values. So the transforms evaluate at the points 0, ±√½, ±√2 and infinity, and
//! interpolate from there.
//!
//! Which points these are decides how large the rounding errors become. With 0, ±1, ±2 and infinity, as in Lavin and
//! Gray, "Fast Algorithms for Convolutional Neural Networks" (2015), errors are four times those of a sum of products;
//! with these, of which each has its reciprocal, they are twice those (root of the mean square, 32 channels). That the
//! points matter so much is from Barabasz et al., "Error Analysis and Improving the Accuracy of Winograd Convolution for
//! Deep Neural Networks" (2020).
//!
//! Nothing is fused here, so that every level computes the same.

use std::f32::consts::{FRAC_1_SQRT_2, SQRT_2};

use super::super::super::vector::{Lanes, Vector};

/// The points.
pub(super) const POINTS: usize = 6;
/// The outputs that are computed from the values at the points.
pub(super) const OUTPUTS: usize = 4;
/// The taps of the filter.
pub(super) const TAPS: usize = 3;

/// A linear map of `I` vectors to `O`.
pub(super) trait Transform<const I: usize, const O: usize> {
    /// The map of one line.
    fn line<V: Vector>(line: [Lanes<V>; I]) -> [Lanes<V>; O];

    /// The map along both axes.
    #[inline(always)]
    fn square<V: Vector>(square: [[Lanes<V>; I]; I], zero: Lanes<V>) -> [[Lanes<V>; O]; O] {
        let mut half = [[zero; I]; O];
        for x in 0..I {
            let mut column = [zero; I];
            for y in 0..I {
                column[y] = square[y][x];
            }
            let column = Self::line(column);
            for y in 0..O {
                half[y][x] = column[y];
            }
        }
        let mut whole = [[zero; O]; O];
        for y in 0..O {
            whole[y] = Self::line(half[y]);
        }
        whole
    }
}

/// From an input to its values.
pub(super) struct Input;
/// From a filter to its values.
pub(super) struct Filter;
/// From the values of the product to the outputs.
pub(super) struct Output;
/// From the gradient of the outputs to that of the values: the transpose of [`Output`].
pub(super) struct OutputGradient;
/// From the gradient of the values to that of the filter: the transpose of [`Filter`].
pub(super) struct FilterGradient;

impl Transform<POINTS, POINTS> for Input {
    #[inline(always)]
    fn line<V: Vector>([d0, d1, d2, d3, d4, d5]: [Lanes<V>; POINTS]) -> [Lanes<V>; POINTS] {
        let (near_even, near_odd) = (d4 - d2 * 2.0, d3 * FRAC_1_SQRT_2 - d1 * SQRT_2);
        let (far_even, far_odd) = (d4 - d2 * 0.5, d3 * SQRT_2 - d1 * FRAC_1_SQRT_2);
        [
            d0 + d4 - d2 * 2.5,
            near_even + near_odd,
            near_even - near_odd,
            far_even + far_odd,
            far_even - far_odd,
            d1 + d5 - d3 * 2.5,
        ]
    }
}

impl Transform<TAPS, POINTS> for Filter {
    #[inline(always)]
    fn line<V: Vector>([w0, w1, w2]: [Lanes<V>; TAPS]) -> [Lanes<V>; POINTS] {
        let (near_even, near_odd) = ((w0 + w2 * 0.5) * NEAR, w1 * (FRAC_1_SQRT_2 * NEAR));
        let (far_even, far_odd) = ((w0 + w2 * 2.0) * FAR, w1 * (SQRT_2 * FAR));
        [w0, near_even + near_odd, near_even - near_odd, far_even + far_odd, far_even - far_odd, w2]
    }
}

impl Transform<POINTS, OUTPUTS> for Output {
    #[inline(always)]
    fn line<V: Vector>([m0, m1, m2, m3, m4, m5]: [Lanes<V>; POINTS]) -> [Lanes<V>; OUTPUTS] {
        let (near_even, near_odd) = (m1 + m2, m1 - m2);
        let (far_even, far_odd) = (m3 + m4, m3 - m4);
        [
            m0 + near_even + far_even,
            near_odd * FRAC_1_SQRT_2 + far_odd * SQRT_2,
            near_even * 0.5 + far_even * 2.0,
            near_odd * (FRAC_1_SQRT_2 * 0.5) + far_odd * (SQRT_2 * 2.0) + m5,
        ]
    }
}

impl Transform<OUTPUTS, POINTS> for OutputGradient {
    #[inline(always)]
    fn line<V: Vector>([y0, y1, y2, y3]: [Lanes<V>; OUTPUTS]) -> [Lanes<V>; POINTS] {
        let (near_even, near_odd) = (y0 + y2 * 0.5, y1 * FRAC_1_SQRT_2 + y3 * (FRAC_1_SQRT_2 * 0.5));
        let (far_even, far_odd) = (y0 + y2 * 2.0, y1 * SQRT_2 + y3 * (SQRT_2 * 2.0));
        [y0, near_even + near_odd, near_even - near_odd, far_even + far_odd, far_even - far_odd, y3]
    }
}

impl Transform<POINTS, TAPS> for FilterGradient {
    #[inline(always)]
    fn line<V: Vector>([m0, m1, m2, m3, m4, m5]: [Lanes<V>; POINTS]) -> [Lanes<V>; TAPS] {
        let (near_even, near_odd) = ((m1 + m2) * NEAR, (m1 - m2) * (FRAC_1_SQRT_2 * NEAR));
        let (far_even, far_odd) = ((m3 + m4) * FAR, (m3 - m4) * (SQRT_2 * FAR));
        [m0 + near_even + far_even, near_odd + far_odd, near_even * 0.5 + far_even * 2.0 + m5]
    }
}

/// For a point p among these, one divided by the product of its distances p - q from the others: for ±√½ and for ±√2.
const NEAR: f32 = -2.0 / 3.0;
const FAR: f32 = 1.0 / 6.0;
