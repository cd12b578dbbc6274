//! The formats as they were when they were fixed. A change of what is written, or of what can be read, fails
//! here; it takes a new format version, and the old files stay.
//!
//! `BELLJAR_WRITE_GOLDEN=1 cargo test -p belljar-store golden` writes files that are not there yet.

use std::path::{Path, PathBuf};

use super::super::bundle;
use super::support::{FOLDER, files, meta, noise, packs};
use crate::checkpoint::*;
use crate::testing::golden;
use crate::{FaultyStorage, Storage};

const COMPONENT: &[u8] = b"component";

/// Two chunks: one page that does not compress, and two that do.
fn contents() -> [Vec<u8>; 2] {
    [noise(1, PAGE_BYTES), vec![5; 2 * PAGE_BYTES]]
}

fn written_meta() -> Meta {
    Meta { cost: Cost { pause_ns: 41_000, write_ns: 2_500_000, bytes: 5_000 }, ..meta(7) }
}

fn small() -> Manifest {
    let page = [&b"state"[..], &[0; PAGE_BYTES - 5]].concat();
    let taken = Snapshot {
        meta: meta(7),
        memories: vec![MemorySnapshot {
            size_bytes: 1 << 16,
            pages: vec![PagesSnapshot { first_page: 3, content: &page }],
        }],
        globals: vec![Global { index: 0, value: [1; 16] }, Global { index: 2, value: [2; 16] }],
        host_state: b"host",
        attachments: vec![crate::Digest::of(b"an object")],
    };
    let encoded = encode(taken, None, &packs(&FaultyStorage::new())).unwrap();
    Manifest { meta: written_meta(), ..Manifest::from_bytes(&encoded.payload).unwrap() }
}

fn large() -> Manifest {
    let [first, second] = contents().map(|content| crate::Digest::of(&content));
    let extent = |first_page, pages, chunk, chunk_page| Extent {
        run: PageRun { memory: 1, first_page, pages },
        chunk,
        chunk_page,
    };
    Manifest {
        meta: written_meta(),
        parent: Some(Parent { generation: 6, checksum: [9; 16] }),
        globals: Vec::new(),
        memory_sizes: vec![0, 1 << 20],
        host_state: HostState::Chunked { size_bytes: PAGE_BYTES as u64, chunks: vec![first] },
        pages: Pages::Chunked(vec![extent(0, 1, first, 0), extent(16, 1, second, 1)]),
        attachments: vec![second, first],
    }
}

fn filled(storage: &FaultyStorage) -> Packs {
    let packs = packs(storage);
    let [first, second] = contents();
    let _ = packs.put(&[&first, &second]).unwrap();
    packs
}

#[test]
fn the_record_of_a_small_actor() {
    let golden = golden("checkpoint-inline.v2", || small().to_bytes().unwrap());
    let manifest = Manifest::from_bytes(&golden).unwrap();
    assert_eq!(manifest.to_bytes().unwrap(), golden);
    // The compressed bytes are what zstd makes of the pages, which may change; so their content is compared.
    let [found, expected] = [&manifest, &small()].map(|manifest| match &manifest.pages {
        Pages::Inline(inline) => (inline.runs.clone(), inline.content().unwrap()),
        Pages::Chunked(_) => panic!("the pages are in the record"),
    });
    assert_eq!(found, expected);
    let pages = small().pages;
    assert_eq!(Manifest { pages: pages.clone(), ..manifest }, Manifest { pages, ..small() });
}

#[test]
fn the_record_of_a_large_actor() {
    let golden = golden("checkpoint-chunked.v2", || large().to_bytes().unwrap());
    assert_eq!(Manifest::from_bytes(&golden).unwrap(), large());
    assert_eq!(large().to_bytes().unwrap(), golden);
}

/// Format 1 had no attachments, and is read still.
#[test]
fn records_of_the_first_format() {
    let never = || panic!("nobody writes it any more");
    let inline = Manifest::from_bytes(&golden("checkpoint-inline.v1", never)).unwrap();
    let chunked = Manifest::from_bytes(&golden("checkpoint-chunked.v1", never)).unwrap();
    assert_eq!(inline.globals, small().globals);
    assert_eq!(chunked, Manifest { attachments: Vec::new(), ..large() });
    assert!(inline.attachments.is_empty());
}

#[test]
fn a_pack() {
    let golden = golden("chunks.v1.pack", || {
        let storage = FaultyStorage::new();
        filled(&storage);
        let file = storage.open(&PathBuf::from(FOLDER).join(&files(&storage)[0])).unwrap();
        let mut bytes = vec![0; file.size_bytes().unwrap() as usize];
        file.read_at(0, &mut bytes).unwrap();
        bytes
    });
    // The name is the hash of the footer without its checksum: two entries of 56 bytes and their count.
    let footer = &golden[golden.len() - 16 - 4 - 2 * 56..golden.len() - 16];
    let path = PathBuf::from(FOLDER).join(format!("{}.pack", blake3::hash(footer)));
    let storage = FaultyStorage::new();
    storage.create(&path).unwrap().append(&golden).unwrap();
    let packs = packs(&storage);
    for content in contents() {
        let digest = crate::Digest::of(&content);
        assert_eq!(packs.get([digest]).unwrap()[&digest], content);
    }
    // Up to the second chunk, which zstd may come to compress otherwise, every byte is the same today.
    assert_eq!(golden[..8], *b"BJPACK\x01\x00");
    assert_eq!(golden[8..8 + PAGE_BYTES], contents()[0]);
}

#[test]
fn a_bundle() {
    // The bundle is of the time of checkpoint format 1.
    let manifest = Manifest { parent: None, attachments: Vec::new(), ..large() };
    let parts = BundleParts { description: r#"{"name":"golden"}"#, component: COMPONENT, payload: &[] };
    let write = || {
        let source = filled(&FaultyStorage::new());
        let mut bytes = Vec::new();
        assert!(bundle::write(&mut bytes, parts, &manifest, &source).is_ok());
        bytes
    };
    let golden = golden("actor.v1.belljar", write);
    let target = packs(&FaultyStorage::new());
    let imported = bundle::read(&golden[..], &target).map_err(|failure| failure.at(Path::new("golden"))).unwrap();
    assert_eq!((&*imported.description, &*imported.component), (parts.description, COMPONENT));
    assert_eq!(imported.manifest, manifest);
    let digests = contents().map(|content| crate::Digest::of(&content));
    assert_eq!(target.get(digests).unwrap().len(), 2);
}
