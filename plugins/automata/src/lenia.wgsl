// The next moment of Lenia, a cell for each invocation.

struct Laws {
    width: u32,
    height: u32,
    radius: u32,
    // Where growth is greatest, how narrow it is there, and how far a step goes.
    mu: f32,
    sigma: f32,
    dt: f32,
}

@group(0) @binding(0) var<uniform> laws: Laws;
@group(0) @binding(1) var<storage, read> cells: array<f32>;
@group(0) @binding(2) var<storage, read_write> next: array<f32>;
// What each neighbour counts for, row by row.
@group(0) @binding(3) var<storage, read> weights: array<f32>;

@compute @workgroup_size(8, 8)
fn step(@builtin(global_invocation_id) at: vec3<u32>) {
    if at.x >= laws.width || at.y >= laws.height {
        return;
    }
    let side = 2u * laws.radius + 1u;

    var potential = 0.0;
    var y = (at.y + laws.height - laws.radius) % laws.height;
    for (var row = 0u; row < side; row++) {
        var x = (at.x + laws.width - laws.radius) % laws.width;
        for (var column = 0u; column < side; column++) {
            potential += weights[row * side + column] * cells[y * laws.width + x];
            x = select(x + 1u, 0u, x + 1u == laws.width);
        }
        y = select(y + 1u, 0u, y + 1u == laws.height);
    }
    let here = at.y * laws.width + at.x;
    next[here] = clamp(cells[here] + laws.dt * growth(potential), 0.0, 1.0);
}

fn growth(potential: f32) -> f32 {
    let away = (potential - laws.mu) / laws.sigma;
    return 2.0 * exp(-0.5 * away * away) - 1.0;
}
