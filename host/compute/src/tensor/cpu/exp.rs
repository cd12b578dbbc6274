//! The exponential function, of many numbers at a time: plain arithmetic without branches, which the compiler turns
//! into vectors, and the same on every instruction set.

/// 1.5 · 2²³: a number that is added to it loses its fraction, rounded.
const ROUNDS: f32 = 12_582_912.0;
/// The natural logarithm of 2, in a part whose products with exponents are exact, and the rest.
const LN_2_HIGH: f32 = 355.0 / 512.0;
const LN_2_LOW: f32 = -2.121_944_4e-4;
/// Where eˣ is infinite, and where it is zero.
const LARGEST: f32 = 89.0;
const SMALLEST: f32 = -104.0;

/// eˣ, with an error of two units in the last place at most where it is a normal number. Not a number stays so.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // eˣ = 2ⁿ · eʳ, where r is between -ln 2 / 2 and ln 2 / 2.
    let clamped = x.clamp(SMALLEST, LARGEST);
    let shifted = clamped * std::f32::consts::LOG2_E + ROUNDS;
    let n = shifted - ROUNDS;
    let r = clamped - n * LN_2_HIGH - n * LN_2_LOW;
    // Taylor's series, whose first term that is left out is below a tenth of a unit in the last place.
    let series = 1.0 / 5040.0;
    let series = series * r + 1.0 / 720.0;
    let series = series * r + 1.0 / 120.0;
    let series = series * r + 1.0 / 24.0;
    let series = series * r + 1.0 / 6.0;
    let series = series * r + 0.5;
    let power = (series * r) * r + r + 1.0;
    // In two factors, because 2ⁿ alone may be too large or too small for a number.
    let exponent = shifted.to_bits().wrapping_sub(ROUNDS.to_bits()) as i32;
    let half = exponent >> 1;
    power * power_of_two(half) * power_of_two(exponent - half)
}

/// 2ⁿ, for n between -126 and 127.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

#[cfg(test)]
mod tests {
    use super::exp;

    #[test]
    fn agrees_with_the_library_everywhere() {
        for step in -110_000..=100_000 {
            let x = step as f32 * 1e-3;
            let right = f64::from(x).exp();
            let error = (f64::from(exp(x)) - right).abs();
            let unit = f64::from(f32::EPSILON) * right.max(f64::from(f32::MIN_POSITIVE));
            assert!(error <= 2.0 * unit || right > f64::from(f32::MAX), "exp({x}) is {} instead of {right}", exp(x));
        }
    }

    #[test]
    fn has_the_limits_of_the_function() {
        assert_eq!(exp(f32::INFINITY), f32::INFINITY);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(88.8), f32::INFINITY);
        assert_eq!(exp(-104.0), 0.0);
        assert!(exp(f32::NAN).is_nan());
    }
}
