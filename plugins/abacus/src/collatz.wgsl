// How many steps of Collatz's rule take each number to 1, in place of the number.

@group(0) @binding(0) var<storage, read_write> numbers: array<u32>;

const NUMBER_MAX = 0xffffffffu;

@compute @workgroup_size(64)
fn collatz(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x < arrayLength(&numbers) {
        numbers[id.x] = steps_to_one(numbers[id.x]);
    }
}

fn steps_to_one(start: u32) -> u32 {
    var number = start;
    var steps = 0u;
    while number > 1u {
        if number % 2u == 0u {
            number /= 2u;
        } else if number <= (NUMBER_MAX - 1u) / 3u {
            number = 3u * number + 1u;
        } else {
            return NUMBER_MAX;
        }
        steps += 1u;
    }
    return steps;
}
