// The next generation of boards of the same laws, one after the other. A word is 32 cells of a row, the leftmost in the
// lowest bit; each row begins at a whole word, and the bits after its end are 0. Every operation is done on all 32 cells
// of a word at once: the neighbours are added up bit by bit, as a circuit would do it.

struct Laws {
    // The words of a row, the rows of a board, and the words of all boards.
    row_words: u32,
    height: u32,
    words: u32,
    // The place of a row's last cell in its last word.
    last_place: u32,
    // All ones on a torus, and 0 where what lies beyond the edges is dead.
    wraps: u32,
    // For each count of neighbours, in all bits: x whether a dead cell is born, y whether a living one fares otherwise.
    counts: array<vec4<u32>, 9>,
}

@group(0) @binding(0) var<uniform> laws: Laws;
@group(0) @binding(1) var<storage, read> cells: array<u32>;
@group(0) @binding(2) var<storage, read_write> next: array<u32>;

const ALL: u32 = 0xffffffffu;
const WORKGROUP: u32 = 64u;

// A word of a row, and its cells' neighbours to the left and to the right.
struct Row {
    left: u32,
    here: u32,
    right: u32,
}

// Numbers from 0 to 3, one for each cell.
struct Sum {
    ones: u32,
    twos: u32,
}

@compute @workgroup_size(WORKGROUP)
fn step(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let at = (group.y * groups.x + group.x) * WORKGROUP + local;
    if at >= laws.words {
        return;
    }
    let x = at % laws.row_words;
    let row = at / laws.row_words;
    let y = row % laws.height;
    let top = (row - y) * laws.row_words;

    let above = row_at(top, select(y - 1u, laws.height - 1u, y == 0u), x, select(ALL, laws.wraps, y == 0u));
    let middle = row_at(top, y, x, ALL);
    let is_lowest = y == laws.height - 1u;
    let below = row_at(top, select(y + 1u, 0u, is_lowest), x, select(ALL, laws.wraps, is_lowest));

    let alive = middle.here;
    let a = sum(above.left, above.here, above.right);
    let b = sum(below.left, below.here, below.right);
    let c = Sum(middle.left ^ middle.right, middle.left & middle.right);
    let ones = sum(a.ones, b.ones, c.ones);
    let twos = sum(a.twos, b.twos, c.twos);
    let fours = ones.twos & twos.ones;
    let is_odd = ones.ones;
    let has_two = ones.twos ^ twos.ones;
    let has_four = fours ^ twos.twos;
    let is_eight = fours & twos.twos;

    let below_four = choose(has_two, pair(0u, is_odd, alive), pair(2u, is_odd, alive));
    let from_four = choose(has_two, pair(4u, is_odd, alive), pair(6u, is_odd, alive));
    let lives = choose(is_eight, choose(has_four, below_four, from_four), fate(8u, alive));
    let inside = select(ALL, ALL >> (31u - laws.last_place), x == laws.row_words - 1u);
    next[at] = lives & inside;
}

// Word x of row y of the board that begins at a word; nothing of it where the mask is 0.
fn row_at(top: u32, y: u32, x: u32, mask: u32) -> Row {
    let row = top + y * laws.row_words;
    let last_x = laws.row_words - 1u;
    let here = cells[row + x];
    // The cell before the first one is the last one, and the other way round.
    let before = cells[row + select(x - 1u, last_x, x == 0u)];
    let after = cells[row + select(x + 1u, 0u, x == last_x)];
    let first = select(before >> 31u, (before >> laws.last_place) & laws.wraps, x == 0u) & 1u;
    let last = select(after << 31u, (after & laws.wraps & 1u) << laws.last_place, x == last_x);
    return Row(((here << 1u) | first) & mask, here & mask, ((here >> 1u) | last) & mask);
}

fn sum(a: u32, b: u32, c: u32) -> Sum {
    let either = a ^ b;
    return Sum(either ^ c, (a & b) | (either & c));
}

// For each bit: of `without` where it is 0, and of `with_it` where it is 1.
fn choose(bit: u32, without: u32, with_it: u32) -> u32 {
    return without ^ (bit & (without ^ with_it));
}

// Which cells live if they have so many neighbours, or one more where the count is odd.
fn pair(count: u32, is_odd: u32, alive: u32) -> u32 {
    return choose(is_odd, fate(count, alive), fate(count + 1u, alive));
}

// Which cells live if they have so many neighbours.
fn fate(count: u32, alive: u32) -> u32 {
    let law = laws.counts[count];
    return law.x ^ (alive & law.y);
}
