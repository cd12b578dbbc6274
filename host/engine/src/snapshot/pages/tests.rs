//! Both ways to ask the kernel, on the same memory.

use std::sync::Arc;

use wasmtime::{MemoryCreator as _, MemoryType};

use super::*;
use crate::snapshot::PageRun;
use crate::snapshot::birth::{self, MemoryPlan};
use crate::snapshot::image::Image;
use crate::snapshot::mapping::HostMemories;

const IMAGE_PAGES: u64 = 20;

/// A memory of so many pages, of which the first ones show an image.
async fn memory(pages: usize) -> Arc<Mapping> {
    let mut image = Image::zeros(IMAGE_PAGES as usize * PAGE_BYTES).expect("there is memory for it");
    image.write(0, &[1; IMAGE_PAGES as usize * PAGE_BYTES]).expect("there is memory for it");
    let plan = MemoryPlan { image: Some(Arc::new(image)), size_bytes: Some(pages * PAGE_BYTES) };
    let creation = async { HostMemories.new_memory(MemoryType::new(1, None), PAGE_BYTES, None, None, 0).map(drop) };
    let (outcome, mut mappings) = birth::with_memories([plan].into(), creation).await;
    outcome.expect("there is address space for it");
    mappings.pop().expect("it was noted")
}

fn write(mapping: &Mapping, page: u64) {
    // SAFETY: no guest has this memory.
    unsafe { mapping.write(page, &[7; 8]) }.expect("it is inside the memory");
}

fn look_at(mapping: &Mapping, pages: Range<u64>) -> Vec<u8> {
    // SAFETY: no guest has this memory.
    unsafe { mapping.bytes(pages.start, pages.end - pages.start) }.expect("they are inside the memory").to_vec()
}

/// What either way of asking says.
fn both(mapping: &Mapping) -> [Vec<Range<u64>>; 2] {
    let pagemap = File::open("/proc/self/pagemap").expect("the kernel tells");
    let (start, length) = (mapping.address(), mapping.size_bytes());
    let scanned = match scan(&pagemap, start, length) {
        // There is only one way on this kernel.
        Err(rustix::io::Errno::NOTTY) => read(&pagemap, start, length),
        scanned => scanned.map_err(io::Error::from),
    };
    [scanned.expect("the kernel tells"), read(&pagemap, start, length).expect("the kernel tells")]
}

#[tokio::test]
async fn written_pages_are_found_whether_they_showed_an_image_or_zeros() {
    let mapping = memory(64).await;
    assert_eq!(both(&mapping), [vec![], vec![]]);
    look_at(&mapping, 0..IMAGE_PAGES);
    for page in [0, 3, 4, 19, 20, 40, 63] {
        write(&mapping, page);
    }
    let expected = vec![0..1, 3..5, 19..21, 40..41, 63..64];
    assert_eq!(both(&mapping), [expected.clone(), expected]);
}

#[tokio::test]
async fn pages_that_were_only_read_are_not_changes() {
    let mapping = memory(64).await;
    write(&mapping, 30);
    let bytes = look_at(&mapping, 0..64);

    let [scanned, read] = both(&mapping);

    assert_eq!(scanned, std::slice::from_ref(&(30..31)));
    // What `/proc/self/pagemap` says of a page that is the kernel's page of zeros is the same as of a written page.
    for page in read.into_iter().flatten().filter(|page| *page != 30) {
        assert!(bytes[page as usize * PAGE_BYTES..][..PAGE_BYTES].iter().all(|byte| *byte == 0), "{page}");
    }
}

#[tokio::test]
async fn pages_are_forgotten_and_written_again() {
    let mapping = memory(64).await;
    for page in [5, 6, 50] {
        write(&mapping, page);
    }
    // SAFETY: no guest has this memory.
    unsafe { mapping.forget(&[PageRun { first_page: 5, pages: 1 }]) }.expect("it is inside the memory");
    assert_eq!(both(&mapping), [vec![6..7, 50..51], vec![6..7, 50..51]]);
    assert_eq!(look_at(&mapping, 5..6), [1; PAGE_BYTES]);
    write(&mapping, 5);
    assert_eq!(both(&mapping), [vec![5..7, 50..51], vec![5..7, 50..51]]);
}

#[tokio::test]
async fn more_ranges_than_one_request_returns_and_more_pages_than_one_read() {
    let pages = ENTRIES as u64 + 100;
    let mapping = memory(pages as usize).await;
    let odd = (0..pages).filter(|page| page % 2 == 1 && !(8000..8300).contains(page));
    let across = ENTRIES as u64 - 3..ENTRIES as u64 + 3;
    let mut expected: Vec<Range<u64>> = odd.map(|page| page..page + 1).collect();
    expected.push(across);
    expected.sort_by_key(|range| range.start);
    assert!(expected.len() > 3 * REGIONS_MAX);
    for page in expected.iter().cloned().flatten() {
        write(&mapping, page);
    }
    assert_eq!(both(&mapping), [expected.clone(), expected]);
}

#[tokio::test]
async fn a_guest_has_no_huge_pages_of_which_every_byte_would_count_as_written() {
    let mapping = memory(2048).await;
    let smaps = std::fs::read_to_string("/proc/self/smaps").expect("the kernel tells");
    if !std::path::Path::new("/sys/kernel/mm/transparent_hugepage").exists() {
        return; // This kernel knows no huge pages.
    }
    let behind_the_image = format!("{:x}-", mapping.address() + IMAGE_PAGES as usize * PAGE_BYTES);
    let of_it = smaps.lines().skip_while(|line| !line.starts_with(&behind_the_image));
    let flags = of_it.into_iter().find(|line| line.starts_with("VmFlags:")).expect("it is a mapping of its own");
    assert!(flags.contains(" nh"), "{flags}");
}
