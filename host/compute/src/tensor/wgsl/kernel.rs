//! A kernel as text: a shader of `kernels/` with its blanks filled in, behind what all of them have in common. Each text
//! is compiled once for every queue that uses it.

use std::borrow::Cow;

use super::queue::DeviceNumbers;

/// What all shaders have in common.
const COMMON: &str = concat!(include_str!("kernels/common.wgsl"), include_str!("kernels/functions.wgsl"));

/// Invocations of a workgroup, in every kernel.
pub(super) const GROUP_INVOCATIONS: usize = 64;

/// A shader and what fills its blanks, which are words that begin with `$`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Kernel {
    shader: &'static str,
    blanks: Vec<(&'static str, Cow<'static, str>)>,
}

impl Kernel {
    /// What the shaders call their entry point.
    pub(super) const ENTRY_POINT: &str = "main";

    /// A shader without blanks.
    pub(super) fn new(shader: &'static str) -> Kernel {
        Kernel { shader, blanks: Vec::new() }
    }

    /// Fills in a blank.
    pub(super) fn with(mut self, blank: &'static str, text: impl Into<Cow<'static, str>>) -> Kernel {
        self.blanks.push((blank, text.into()));
        self
    }

    /// The text of the shader.
    pub(super) fn source(&self) -> String {
        let blanks = self.blanks.iter();
        let shader = blanks.fold(self.shader.to_owned(), |shader, (blank, text)| shader.replace(blank, text));
        format!("{COMMON}\n{shader}")
    }
}

/// A kernel to be run, by one dispatch or, if it is too much work for one, by several.
pub(crate) struct Dispatch<'a> {
    pub(super) kernel: Kernel,
    /// Its parameters as words, behind the number of the first workgroup.
    pub(super) parameters: Vec<u32>,
    /// What it knows as the bindings from 1 on.
    pub(super) operands: &'a [&'a DeviceNumbers],
    /// How many workgroups there are.
    pub(super) groups: usize,
    /// About how many multiply-adds one of them takes.
    pub(super) work_of_group: usize,
}
