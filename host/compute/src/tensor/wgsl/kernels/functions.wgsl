// Functions that WGSL does not have, or has only for arguments that are not large. Where a clamp makes no difference to
// a number of 32 bits, it keeps infinities out of what drivers compute by way of others.

fn exponential(x: f32) -> f32 {
    return exp(max(x, -200.0));
}

fn hyperbolic_tangent(x: f32) -> f32 {
    return tanh(clamp(x, -15.0, 15.0));
}

fn sigmoid(x: f32) -> f32 {
    return 1.0 / (1.0 + exp(-clamp(x, -80.0, 80.0)));
}

// x to the power of y, for negative x too where y is whole.
fn power(x: f32, y: f32) -> f32 {
    if y == 0.0 {
        return 1.0;
    }
    let magnitude = pow(abs(x), y);
    let is_odd = fract(y * 0.5) != 0.0;
    return select(magnitude, select(magnitude, -magnitude, is_odd), x < 0.0);
}

// The distribution function of the normal distribution. By formula 7.1.26 of Abramowitz and Stegun for the error
// function, it is off by 10⁻⁷ at most.
fn normal_distribution(x: f32) -> f32 {
    let z = abs(x) * 0.70710678;
    let t = 1.0 / (1.0 + 0.3275911 * z);
    let series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    let beyond = 0.5 * series * exponential(-z * z);
    return select(1.0 - beyond, beyond, x < 0.0);
}

fn normal_density(x: f32) -> f32 {
    return 0.39894228 * exponential(-0.5 * x * x);
}
