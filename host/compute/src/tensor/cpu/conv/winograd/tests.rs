use super::super::ConvShape;
use super::tiles::{Tiles, blocks};
use super::transform::Window;
use super::{BLOCK_TILES, is_for, turned};

fn shape(batch: usize, [height, width]: [usize; 2], [in_channels, out_channels]: [usize; 2]) -> ConvShape {
    ConvShape { batch, height, width, in_channels, out_channels, kernel: [3, 3], stride: [1, 1], padding: [1, 1] }
}

#[test]
fn shapes_that_gain_are_computed_by_transformation() {
    let usual = shape(64, [32, 32], [32, 32]);
    assert!(is_for(&usual) && is_for(&turned(&usual)));
    assert!(is_for(&shape(64, [2, 3], [16, 48])), "as few tiles, pixels and channels as it may have");
    let others = [
        ConvShape { kernel: [1, 3], ..usual },
        ConvShape { stride: [2, 2], ..usual },
        ConvShape { padding: [1, 3], ..usual },
        shape(64, [32, 32], [3, 32]),
        shape(64, [32, 32], [32, 33]),
        shape(64, [32, 32], [0, 32]),
        shape(63, [4, 4], [32, 32]),
        shape(64, [2, 2], [32, 32]),
        shape(64, [8, 8], [512, 512]),
        shape(0, [32, 32], [32, 32]),
        ConvShape { height: 1, padding: [0, 1], ..usual },
    ];
    for other in others {
        assert!(!is_for(&other), "{other:?}");
    }
}

/// The pixels of a window, as places of their first numbers.
fn pixels(window: &Window, channels: usize) -> Vec<usize> {
    let rows = 0..window.rows.len();
    rows.flat_map(|y| (0..window.columns.len()).map(move |x| window.start + y * window.row_stride + x * channels))
        .collect()
}

#[test]
fn every_pixel_of_the_output_is_in_one_tile() {
    let shape = ConvShape { padding: [0, 2], ..shape(3, [9, 7], [16, 32]) };
    let tiles = Tiles::of(&shape);
    let mut found: Vec<usize> = (0..tiles.count()).flat_map(|tile| pixels(&tiles.output(tile), 32)).collect();
    found.sort_unstable();
    let all: Vec<usize> = (0..3 * 7 * 9).map(|pixel| pixel * 32).collect();
    assert_eq!(found, all);
}

#[test]
fn tiles_are_computed_from_the_pixels_around_them() {
    let tiles = Tiles::of(&shape(2, [6, 6], [16, 16]));
    let row_stride = 6 * 16;
    // The corners of the second image, whose windows begin one pixel before the image and end beyond it.
    assert_eq!(tiles.input(4), Window { start: 36 * 16, rows: 1..6, columns: 1..6, row_stride });
    assert_eq!(tiles.input(7), Window { start: (36 + 3 * 6 + 3) * 16, rows: 0..3, columns: 0..3, row_stride });
}

#[test]
fn blocks_are_of_nearly_the_same_size() {
    let found: Vec<_> = blocks(5..5 + 2 * BLOCK_TILES + 1, BLOCK_TILES).collect();
    assert_eq!(found, [5..24, 24..43, 43..62]);
    assert_eq!(blocks(3..3, BLOCK_TILES).count(), 0);
}
