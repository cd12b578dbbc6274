// The next generation of Larger than Life, a cell for each invocation.

struct Laws {
    width: u32,
    height: u32,
    radius: u32,
    // Dead, alive, and those in which a cell decays.
    states: u32,
    // 1 if a cell counts among its own neighbours.
    counts_itself: u32,
    survival_min: u32,
    survival_max: u32,
    birth_min: u32,
    birth_max: u32,
}

@group(0) @binding(0) var<uniform> laws: Laws;
@group(0) @binding(1) var<storage, read> cells: array<f32>;
@group(0) @binding(2) var<storage, read_write> next: array<f32>;

const DEAD = 0u;
const ALIVE = 1u;

@compute @workgroup_size(8, 8)
fn step(@builtin(global_invocation_id) at: vec3<u32>) {
    if at.x >= laws.width || at.y >= laws.height {
        return;
    }
    let here = at.y * laws.width + at.x;
    let state = u32(cells[here]);
    let side = 2u * laws.radius + 1u;

    var alive = 0u;
    var y = (at.y + laws.height - laws.radius) % laws.height;
    for (var row = 0u; row < side; row++) {
        var x = (at.x + laws.width - laws.radius) % laws.width;
        for (var column = 0u; column < side; column++) {
            alive += select(0u, 1u, u32(cells[y * laws.width + x]) == ALIVE);
            x = select(x + 1u, 0u, x + 1u == laws.width);
        }
        y = select(y + 1u, 0u, y + 1u == laws.height);
    }
    if state == ALIVE && laws.counts_itself == 0u {
        alive -= 1u;
    }
    next[here] = f32(following(state, alive));
}

fn following(state: u32, alive: u32) -> u32 {
    if state == DEAD {
        return select(DEAD, ALIVE, alive >= laws.birth_min && alive <= laws.birth_max);
    }
    if state == ALIVE && alive >= laws.survival_min && alive <= laws.survival_max {
        return ALIVE;
    }
    return select(state + 1u, DEAD, state + 1u >= laws.states);
}
