//! What was saved is found again, or it is said what is there instead.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::testing;

const CHECKPOINT: [u8; 32] = [9; 32];
const WASM_PAGE_BYTES: usize = 64 << 10;

/// A state of a component that does not exist: a memory of two and a half parts, one without an image, one that has
/// become larger than its image.
fn image() -> ActorImage {
    let mut large = Image::zeros(2 * PART_BYTES + 8 * PAGE_BYTES).expect("there is room");
    large.write(1, &[1; PAGE_BYTES]).expect("there is room");
    large.write(519, &[2; PAGE_BYTES]).expect("there is room");
    let mut small = Image::zeros(PAGE_BYTES).expect("there is room");
    small.write(0, &[3; PAGE_BYTES]).expect("there is room");
    let memory = |image: Option<Image>, size_bytes| ImageMemory {
        image: image.map(Arc::new),
        size_bytes,
        grown_at_start_bytes: 0,
    };
    let memories = [
        memory(Some(large), 33 * WASM_PAGE_BYTES),
        memory(None, WASM_PAGE_BYTES),
        memory(Some(small), 2 * WASM_PAGE_BYTES),
    ];
    ActorImage { component: component(), memories: memories.into(), globals: [7, u64::MAX].into() }
}

/// One whose file is small enough to flip each bit of it.
fn small_image() -> ActorImage {
    let mut page = Image::zeros(PAGE_BYTES).expect("there is room");
    page.write(0, &[5; 100]).expect("there is room");
    let memory = ImageMemory { image: Some(Arc::new(page)), size_bytes: WASM_PAGE_BYTES, grown_at_start_bytes: 0 };
    ActorImage { component: component(), memories: [memory].into(), globals: [1].into() }
}

fn component() -> Digest {
    Digest::of(b"a component")
}

fn saved(image: &ActorImage) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("an actor.image");
    image.save(&path, &CHECKPOINT).expect("it is written");
    (folder, path)
}

/// All that is in an image: its globals, and each memory with zeros up to its size.
fn content(image: &ActorImage) -> (Vec<u64>, Vec<Vec<u8>>) {
    let memories = image.memories.iter().enumerate().map(|(ordinal, memory)| {
        let pages = (0..(memory.size_bytes / PAGE_BYTES) as u64).map(|page| image.page(ordinal, page));
        let pages = pages.map(|page| page.expect("it can be read").unwrap_or(vec![0; PAGE_BYTES]));
        pages.collect::<Vec<_>>().concat()
    });
    (image.globals.to_vec(), memories.collect())
}

fn problem(path: &Path) -> ImageFileProblem {
    match ActorImage::open(path, component(), &CHECKPOINT, None) {
        Err(Error::ImageFile { problem, .. }) => problem,
        other => panic!("it is not seen: {other:?}"),
    }
}

#[test]
fn what_was_saved_is_what_is_opened() {
    let image = image();
    let (folder, path) = saved(&image);

    let opened = ActorImage::open(&path, component(), &CHECKPOINT, None).expect("it is undamaged");

    assert!(content(&opened) == content(&image));
    assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 1, "nothing else is left");
    fs::remove_file(&path).expect("it is there");
    assert!(content(&opened) == content(&image), "whoever has opened it needs its name no more");
}

#[test]
fn saving_what_was_opened_writes_the_same_bytes() {
    let (_folder, path) = saved(&image());
    let opened = ActorImage::open(&path, component(), &CHECKPOINT, None).expect("it is undamaged");
    let (_other_folder, other) = saved(&opened);
    assert!(fs::read(path).expect("it is there") == fs::read(other).expect("it is there"));
}

#[test]
fn an_image_of_another_component_or_checkpoint_is_none() {
    let (_folder, path) = saved(&image());
    for (component, checkpoint) in [(Digest::of(b"another"), CHECKPOINT), (component(), [8; 32])] {
        let error = ActorImage::open(&path, component, &checkpoint, None).expect_err("it is another's");
        assert!(matches!(&error, Error::ImageFile { problem: ImageFileProblem::Other, .. }), "{error}");
        assert!(!error.is_retryable());
    }
}

#[test]
fn a_file_that_was_verified_is_verified_again_only_when_it_has_changed() {
    let (_folder, path) = saved(&image());
    let open = |verified| ActorImage::open(&path, component(), &CHECKPOINT, verified);
    let state = || ImageFileState::of(&path).expect("it is there");
    let before = state();
    let mut bytes = fs::read(&path).expect("it is there");
    *bytes.last_mut().expect("it has bytes") ^= 1;
    fs::write(&path, bytes).expect("there is room");
    // Whatever the resolution of the file system's clock.
    let file = fs::File::open(&path).expect("it is there");
    file.set_modified(std::time::UNIX_EPOCH).expect("it is this test's");

    assert_ne!(state(), before);
    assert!(open(Some(before)).is_err(), "it is another file now");
    assert!(open(Some(state())).is_ok(), "whoever says so is believed");
    assert!(open(None).is_err());
}

#[test]
fn every_flipped_bit_is_seen() {
    let (_folder, path) = saved(&small_image());
    let good = fs::read(&path).expect("it is there");
    let bits = (0..good.len()).flat_map(|byte| (0..8).map(move |bit| (byte, bit)));
    // All of the header; of the zeros behind it and of the contents, some of each byte's bits.
    for (byte, bit) in bits.filter(|(byte, bit)| *byte < 256 || byte % 8 == *bit) {
        let mut bad = good.clone();
        bad[byte] ^= 1 << bit;
        fs::write(&path, bad).expect("there is room");
        problem(&path);
    }
}

#[test]
fn a_file_that_is_cut_short_or_goes_on_is_seen() {
    let (_folder, path) = saved(&small_image());
    let good = fs::read(&path).expect("it is there");
    for length in (0..good.len()).filter(|length| *length < 256 || length % 97 == 0) {
        fs::write(&path, &good[..length]).expect("there is room");
        problem(&path);
    }
    fs::write(&path, [&good[..], &[0]].concat()).expect("there is room");
    assert_eq!(problem(&path), ImageFileProblem::Damaged("its length is wrong"));
}

#[test]
fn damage_in_the_last_part_of_a_large_memory_is_seen() {
    let (_folder, path) = saved(&image());
    let mut bytes = fs::read(&path).expect("it is there");
    let last = bytes.len() - PAGE_BYTES - 1;
    bytes[last] ^= 1;
    fs::write(&path, bytes).expect("there is room");
    assert_eq!(problem(&path), ImageFileProblem::Damaged("its contents do not have their checksum"));
}

#[test]
fn the_golden_file_is_read_and_written_again() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/image.v1");
    let opened = ActorImage::open(&golden, component(), &CHECKPOINT, None).expect("this version is read for ever");
    assert!(content(&opened) == content(&small_image()));
    let (_folder, path) = saved(&small_image());
    assert!(fs::read(path).expect("it is there") == fs::read(golden).expect("it is there"), "the format has changed");
}

#[test]
fn a_later_version_is_refused_as_such() {
    let (_folder, path) = saved(&small_image());
    let mut bytes = fs::read(&path).expect("it is there");
    bytes[6] = 2;
    fs::write(&path, bytes).expect("there is room");
    assert_eq!(problem(&path), ImageFileProblem::Version(2));
}

proptest! {
    /// With the right checksum, so that what lies behind it is reached.
    #[test]
    fn any_header_is_refused_or_is_what_would_be_written(content in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut bytes = [&b"BJIMAG"[..], &VERSION.to_le_bytes(), &(content.len() as u32 + 28).to_le_bytes()].concat();
        bytes.extend(content);
        bytes.extend(header::checksum(&bytes));
        if let Ok(header) = Header::from_bytes(&bytes) {
            prop_assert_eq!(header.to_bytes(), bytes);
        }
    }

    #[test]
    fn any_sizes_and_counts_are_refused_or_are_what_would_be_written(
        globals in 0..4_u32, memories in 0..4_u32, words in proptest::collection::vec(0..70_000_u64, 0..40),
    ) {
        let mut bytes = vec![0; PREFIX_BYTES + 64];
        bytes.extend(globals.to_le_bytes());
        let (first, rest) = words.split_at(words.len().min(globals as usize));
        bytes.extend(first.iter().flat_map(|word| word.to_le_bytes()));
        bytes.extend(memories.to_le_bytes());
        // Pages often, so that some of the sizes are good.
        bytes.extend(rest.iter().flat_map(|word| (word & !0xfff).to_le_bytes()));
        let length = bytes.len() as u32 + CHECKSUM_BYTES as u32;
        bytes[..PREFIX_BYTES].copy_from_slice(&[&b"BJIMAG"[..], &VERSION.to_le_bytes(), &length.to_le_bytes()].concat());
        bytes.extend(header::checksum(&bytes));
        if let Ok(header) = Header::from_bytes(&bytes) {
            prop_assert_eq!(header.to_bytes(), bytes);
        }
    }

    #[test]
    fn any_file_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..5000), has_magic: bool) {
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path().join("any");
        let magic = if has_magic { &b"BJIMAG\x01\x00"[..] } else { &[] };
        fs::write(&path, [magic, &bytes].concat()).expect("there is room");
        problem(&path);
    }
}

#[test]
fn saving_a_memory_that_is_mostly_zeros_takes_no_memory_for_them() {
    use std::os::unix::fs::MetadataExt as _;
    let mut image = Image::zeros(64 << 20).expect("there is room");
    image.write(7, &[1; PAGE_BYTES]).expect("there is room");
    let blocks = || image.file().metadata().expect("it is open").blocks();
    let before = blocks();

    let sums = image.parts(PART_BYTES, checksum).expect("it can be read");
    let folder = tempfile::tempdir().expect("there is room");
    let copy = fs::File::create_new(folder.path().join("copy")).expect("there is room");
    image.copy_to(&copy, 4096).expect("there is room");

    assert_eq!(sums.len(), 64);
    assert_ne!(sums[0], sums[1]);
    assert_eq!(sums[1], sums[63]);
    assert_eq!(blocks(), before);
    let mut written = [0; PAGE_BYTES];
    copy.read_exact_at(&mut written, 8 * PAGE_BYTES as u64).expect("it can be read");
    assert_eq!(written, [1; PAGE_BYTES]);
}

/// A guest goes on from a file, and its file stays as it is whatever the guest writes.
#[tokio::test]
async fn an_instance_starts_from_a_file_and_never_writes_to_it() {
    let text = testing::wat::pure(
        r#"(memory 64) (global $n (mut i64) (i64.const 0))
           (func (export "fill") (param $to i32) (result i64)
               (local $at i32)
               (loop $more
                   (i64.store (local.get $at) (i64.add (i64.load (local.get $at)) (i64.const 1)))
                   (local.set $at (i32.add (local.get $at) (i32.const 4096)))
                   (br_if $more (i32.lt_u (local.get $at) (local.get $to))))
               (global.set $n (i64.add (global.get $n) (i64.const 1)))
               (i64.add (i64.load (i32.const 0)) (global.get $n)))"#,
        r#"(func (export "fill") (param "to" u32) (result u64) (canon lift (core func $main "fill")))"#,
    );
    let linked = testing::linked(&text, crate::Limits::default());
    let services = testing::services();
    let mut guest = linked.instantiate(&services, "").await.expect("it starts");
    guest.call::<(u32,), (u64,)>("fill", (4 << 20,)).await.expect("it fills");
    let capture = guest.capture().await.expect("nothing is in the way");
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("image");
    capture.image().expect("it is large").save(&path, &CHECKPOINT).expect("it is written");
    let before = fs::read(&path).expect("it is there");

    let opened = ActorImage::open(&path, linked.component().digest(), &CHECKPOINT, None).expect("it is undamaged");
    let mut woken = linked.instantiate_from(&opened, &services, "").await.expect("it goes on");
    let digests = (guest.state_digest().await.expect("it is alive"), woken.state_digest().await.expect("it is alive"));
    assert_eq!(digests.0, digests.1);
    for round in 2..5 {
        assert_eq!(woken.call::<(u32,), (u64,)>("fill", (8 << 10,)).await.expect("it goes on"), (2 * round,));
        let capture = woken.capture().await.expect("nothing is in the way");
        assert_eq!((capture.since(), capture.pages()), (crate::Since::Last, 2));
    }
    assert!(fs::read(&path).expect("it is there") == before, "captures go to memory");

    let other = testing::linked(&text.replace("memory 64", "memory 65"), crate::Limits::default());
    assert!(other.instantiate_from(&opened, &services, "").await.is_err(), "it is of another component");
}
