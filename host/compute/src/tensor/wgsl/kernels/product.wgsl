// output = left · right, of which `left_at` and `right_at` find the elements: of matrices, or of images seen as such. They
// are 0 beyond the rows, the columns and the end of the terms.
//
// A workgroup computes a tile of 64 rows and 32 columns, an invocation 8 rows and 4 columns of it. The terms are gone
// through 16 at a time, which are in the workgroup's memory then. They may be shared out among several parts, each of
// which is a matrix of the output, and among several dispatches, which add up.

const TILE_ROWS = 64u;
const TILE_COLUMNS = 32u;
const TILE_TERMS = 16u;

struct Parameters {
    first_group: u32,
    rows: u32,
    columns: u32,
    row_tiles: u32,
    column_tiles: u32,
    parts: u32,
    // The terms of this dispatch: from here on, and before there.
    first_term: u32,
    last_term: u32,
    // How many of them each part has.
    part_terms: u32,
    // Whether to add to what the output holds.
    accumulate: u32,
    @align(16) operands: Operands,
}

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> left: array<f32>;
@group(0) @binding(2) var<storage, read> right: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;
$BINDINGS

// By term, four rows or columns at a time.
var<workgroup> left_tile: array<vec4<f32>, 256>;
var<workgroup> right_tile: array<vec4<f32>, 128>;
// By row, four columns at a time.
var<workgroup> result_tile: array<vec4<f32>, 512>;

$OPERANDS

fn finished(sum: f32, column: u32) -> f32 {
    let x = $SUM;
    return $FUNCTION;
}

@compute @workgroup_size(GROUP_INVOCATIONS)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) invocation: u32,
) {
    var number = group_number(group, groups);
    let first_column = number % parameters.column_tiles * TILE_COLUMNS;
    number /= parameters.column_tiles;
    let first_row = number % parameters.row_tiles * TILE_ROWS;
    number /= parameters.row_tiles;
    let part = number % parameters.parts;
    let batch = number / parameters.parts;
    let first_term = parameters.first_term + part * parameters.part_terms;
    let end = min(first_term + parameters.part_terms, parameters.last_term);

    var sum0 = vec4<f32>();
    var sum1 = vec4<f32>();
    var sum2 = vec4<f32>();
    var sum3 = vec4<f32>();
    var sum4 = vec4<f32>();
    var sum5 = vec4<f32>();
    var sum6 = vec4<f32>();
    var sum7 = vec4<f32>();
    let own_rows = invocation / 8u;
    let own_columns = invocation % 8u;
    for (var term = first_term; term < end; term += TILE_TERMS) {
        let left_term = invocation % TILE_TERMS;
        for (var rows = invocation / TILE_TERMS; rows < 16u; rows += 4u) {
            let row = first_row + rows * 4u;
            left_tile[left_term * 16u + rows] = vec4<f32>(
                left_at(batch, row, term + left_term, end),
                left_at(batch, row + 1u, term + left_term, end),
                left_at(batch, row + 2u, term + left_term, end),
                left_at(batch, row + 3u, term + left_term, end),
            );
        }
        let column = first_column + own_columns * 4u;
        for (var right_term = own_rows; right_term < TILE_TERMS; right_term += 8u) {
            right_tile[right_term * 8u + own_columns] = vec4<f32>(
                right_at(batch, term + right_term, column, end),
                right_at(batch, term + right_term, column + 1u, end),
                right_at(batch, term + right_term, column + 2u, end),
                right_at(batch, term + right_term, column + 3u, end),
            );
        }
        workgroupBarrier();
        for (var inner = 0u; inner < TILE_TERMS; inner++) {
            let upper = left_tile[inner * 16u + own_rows * 2u];
            let lower = left_tile[inner * 16u + own_rows * 2u + 1u];
            let columns = right_tile[inner * 8u + own_columns];
            sum0 = fma(vec4<f32>(upper.x), columns, sum0);
            sum1 = fma(vec4<f32>(upper.y), columns, sum1);
            sum2 = fma(vec4<f32>(upper.z), columns, sum2);
            sum3 = fma(vec4<f32>(upper.w), columns, sum3);
            sum4 = fma(vec4<f32>(lower.x), columns, sum4);
            sum5 = fma(vec4<f32>(lower.y), columns, sum5);
            sum6 = fma(vec4<f32>(lower.z), columns, sum6);
            sum7 = fma(vec4<f32>(lower.w), columns, sum7);
        }
        workgroupBarrier();
    }

    let place = own_rows * 64u + own_columns;
    result_tile[place] = sum0;
    result_tile[place + 8u] = sum1;
    result_tile[place + 16u] = sum2;
    result_tile[place + 24u] = sum3;
    result_tile[place + 32u] = sum4;
    result_tile[place + 40u] = sum5;
    result_tile[place + 48u] = sum6;
    result_tile[place + 56u] = sum7;
    workgroupBarrier();
    // The parts of a batch of one are the matrices of the output; a batch of several has one part.
    let matrix = (batch * parameters.parts + part) * parameters.rows;
    for (var index = invocation; index < TILE_ROWS * TILE_COLUMNS; index += GROUP_INVOCATIONS) {
        let row = first_row + index / TILE_COLUMNS;
        let column = first_column + index % TILE_COLUMNS;
        if (row < parameters.rows) & (column < parameters.columns) {
            let to = (matrix + row) * parameters.columns + column;
            let sum = result_tile[index / 4u][index % 4u];
            output[to] = finished(select(sum, sum + output[to], parameters.accumulate != 0u), column);
        }
    }
}
