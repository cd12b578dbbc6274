//! Holds as much memory as it is told to, and changes as much of it: for benchmarks of snapshots, and for tests that
//! compare an actor before and after one. Its pages do not compress, and lie on the host's pages exactly, so a
//! changed page is one changed page for the host.

mod generator;
mod hold;

use belljar_guest::{random, state};
use hold::Hold;

belljar_guest::plugin!(
    r#"
    package belljar:ballast;

    world ballast {
        include belljar:plugin/actor@0.1.0;

        /// Holds `mib` MiB of numbers that follow from the seed, in place of what it held. Returns the size in bytes.
        export fill: func(mib: u32, seed: u64) -> u64;
        /// The same with a seed from the host's random numbers, which differs between actors. Returns the seed.
        export fill-random: func(mib: u32) -> u64;
        /// Changes one number on so many thousandths of the pages of 4 KiB, which the seed chooses. Returns how many
        /// pages that were.
        export touch: func(permille: u32, seed: u64) -> u64;
        /// A checksum of all that is held, to which every number and its place counts.
        export sum: func() -> u64;
        /// What is held, in bytes.
        export size: func() -> u64;
    }"#
);

state! {
    static HOLD: Hold = Hold::default();
}

struct Ballast;

impl Guest for Ballast {
    fn fill(mib: u32, seed: u64) -> u64 {
        HOLD.with(|hold| {
            hold.fill(mib, seed);
            hold.size_bytes()
        })
    }

    fn fill_random(mib: u32) -> u64 {
        let seed = random::u64();
        HOLD.with(|hold| hold.fill(mib, seed));
        seed
    }

    fn touch(permille: u32, seed: u64) -> u64 {
        HOLD.with(|hold| hold.touch(permille, seed))
    }

    fn sum() -> u64 {
        HOLD.with(|hold| hold.sum())
    }

    fn size() -> u64 {
        HOLD.with(|hold| hold.size_bytes())
    }
}

export!(Ballast);
