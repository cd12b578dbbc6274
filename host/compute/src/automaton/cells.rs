//! The cells of a board, in the layout in which they were last needed. Stepping leaves columns, writing leaves either,
//! and readers get packed rows, which are kept until the cells change: whoever steps many times and reads once pays for
//! one conversion, and whoever reads several things pays once.

use std::sync::{Arc, OnceLock};

use pulp::{Arch, Simd, WithSimd};

use super::columns::Columns;
use super::packed;
use super::settings::{Cell, Size};

/// Cells, in one layout or in both. Copies share what they have until one of them is changed.
#[derive(Clone, Debug)]
pub(super) struct Cells {
    arch: Arch,
    size: Size,
    packed: OnceLock<Arc<Vec<u8>>>,
    columns: OnceLock<Arc<Columns>>,
}

const KEPT: &str = "cells are kept in one layout at least";

impl Cells {
    /// Takes over packed cells; the bits after the end of each row are 0.
    pub(super) fn from_packed(arch: Arch, size: Size, packed: Vec<u8>) -> Self {
        Self { arch, size, packed: OnceLock::from(Arc::new(packed)), columns: OnceLock::new() }
    }

    /// The instructions that these cells are laid out for.
    pub(super) fn arch(&self) -> Arch {
        self.arch
    }

    /// The cells, packed row by row.
    pub(super) fn packed(&self) -> &[u8] {
        self.packed.get_or_init(|| Arc::new(self.columns.get().expect(KEPT).to_packed(self.size)))
    }

    /// The cells, in columns.
    pub(super) fn columns(&self) -> &Arc<Columns> {
        self.columns.get_or_init(|| {
            let packed = self.packed.get().expect(KEPT);
            Arc::new(Columns::from_packed(vector_words(self.arch), self.size, packed))
        })
    }

    /// Takes over another generation.
    pub(super) fn replace(&mut self, columns: Columns) {
        self.columns = OnceLock::from(Arc::new(columns));
        self.packed = OnceLock::new();
    }

    /// Takes over another generation, packed.
    pub(super) fn replace_packed(&mut self, packed: Vec<u8>) {
        *self = Self::from_packed(self.arch, self.size, packed);
    }

    /// Makes cells alive or dead, all of which are on the board.
    pub(super) fn set(&mut self, cells: &[Cell], is_alive: bool) {
        if let Some(columns) = self.columns.get_mut() {
            let columns = Arc::make_mut(columns);
            for cell in cells {
                let (word, bit) = columns.word_of(cell.x, cell.y);
                let word = &mut columns.words_mut()[word];
                *word = if is_alive { *word | bit } else { *word & !bit };
            }
            self.packed = OnceLock::new();
        } else if let Some(packed) = self.packed.get_mut() {
            let packed = Arc::make_mut(packed);
            for cell in cells {
                let (byte, bit) = packed::place(self.size, cell.x, cell.y);
                packed[byte] = if is_alive { packed[byte] | bit } else { packed[byte] & !bit };
            }
        }
    }
}

/// The words of a vector of these instructions.
pub(super) fn vector_words(arch: Arch) -> usize {
    struct VectorWords;

    impl WithSimd for VectorWords {
        type Output = usize;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::U64_LANES
        }
    }

    arch.dispatch(VectorWords)
}
