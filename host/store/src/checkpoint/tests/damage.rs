use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::support::{Actor, FOLDER, files, meta, noise, packs};
use crate::checkpoint::*;
use crate::{Digest, FaultyStorage, Result, StoreError};

/// Every copy of `bytes` with one bit flipped or with its end cut off, and with something appended.
fn damaged(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let flipped = (0..bytes.len() * 8).map(|bit| {
        let mut copy = bytes.to_vec();
        copy[bit / 8] ^= 1 << (bit % 8);
        copy
    });
    let cut = (0..bytes.len()).map(|length| bytes[..length].to_vec());
    flipped.chain(cut).chain([[bytes, &[0]].concat()])
}

fn is_typed<T: std::fmt::Debug>(result: &Result<T>) -> bool {
    matches!(
        result,
        Err(StoreError::CheckpointDamaged { .. }
            | StoreError::CheckpointVersion { .. }
            | StoreError::ChunkMissing { .. }
            | StoreError::BundleDamaged { .. })
    )
}

fn never(_: u64) -> Result<Vec<u8>> {
    panic!("there is no parent")
}

#[test]
fn a_damaged_record_is_found_out() {
    let packs = packs(&FaultyStorage::new());
    let mut actor = Actor::new(Vec::new());
    actor.host_state = b"host".to_vec();
    actor.write_page(1, b"a small state");
    let payload = actor.checkpoint(&packs).unwrap().payload;
    assert!(load(&payload, never, &packs).is_ok());
    for damaged in damaged(&payload) {
        let loaded = load(&damaged, never, &packs);
        assert!(is_typed(&loaded), "{loaded:?}");
    }
}

#[test]
fn a_damaged_pack_is_found_out_and_gives_no_wrong_chunk() {
    let storage = FaultyStorage::new();
    let contents = [noise(1, 50), vec![7; 300], [noise(2, 40), vec![0; 100]].concat()];
    let chunks: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
    let put = packs(&storage).put(&chunks).unwrap();
    let path = PathBuf::from(FOLDER).join(&files(&storage)[0]);
    let whole = read_file(&storage, &path);
    assert!(packs(&storage).verify(|_| ()).unwrap().is_empty());
    for damaged in damaged(&whole) {
        storage.damage(&path, |bytes| *bytes = damaged).unwrap();
        let packs = packs(&storage);
        assert!(!packs.verify(|_| ()).unwrap().is_empty());
        for (digest, content) in put.digests.iter().zip(&contents) {
            let got = packs.get([*digest]);
            assert!(is_typed(&got) || got.unwrap()[digest] == *content);
        }
        assert!(is_typed(&packs.get(put.digests.iter().copied())));
    }
}

#[test]
fn a_damaged_bundle_stores_nothing() {
    let source = packs(&FaultyStorage::new());
    let component = b"component";
    let mut actor = Actor::new(Vec::new());
    // Two small chunks by way of a host state: a bundle of which every bit can be tried.
    let chunks = [noise(1, 60), vec![3; 200]];
    let put = source.put(&[&chunks[0], &chunks[1]]).unwrap();
    actor.write_page(0, b"state");
    let payload = actor.checkpoint(&source).unwrap().payload;
    let mut manifest = Manifest::from_bytes(&payload).unwrap();
    let extent = |first_page, chunk| Extent { run: PageRun { memory: 1, first_page, pages: 1 }, chunk, chunk_page: 0 };
    manifest.memory_sizes = vec![0, 1 << 20];
    manifest.pages = Pages::Chunked(vec![extent(0, put.digests[0]), extent(5, put.digests[1])]);
    let parts = BundleParts { description: "{}", component, payload: &[] };
    let mut whole = Vec::new();
    assert!(super::super::bundle::write(&mut whole, parts, &manifest, &source).is_ok());

    let import = |bytes: &[u8], packs: &Packs| {
        super::super::bundle::read(bytes, packs).map_err(|failure| failure.at(Path::new("actor.belljar")))
    };
    let imported = import(&whole, &packs(&FaultyStorage::new())).unwrap();
    assert_eq!((imported.manifest, imported.component), (manifest, component.to_vec()));
    let storage = FaultyStorage::new();
    let packs = packs(&storage);
    for damaged in damaged(&whole) {
        let imported = import(&damaged, &packs);
        assert!(is_typed(&imported), "{imported:?}");
        assert!(files(&storage).is_empty());
    }
    assert_eq!(packs.stats().unwrap(), PackStats::default());
}

#[test]
fn only_the_very_records_of_a_chain_make_a_checkpoint() {
    let packs = packs(&FaultyStorage::new());
    let mut actor = Actor::new(Vec::new());
    for page in 0..40 {
        actor.write_page(page, &noise(page.into(), PAGE_BYTES));
    }
    actor.checkpoint(&packs).unwrap();
    let other_first = {
        let mut other = actor.clone();
        other.log.clear();
        other.generation = 0;
        other.forget_parent();
        other.write_page(3, b"not the same");
        other.checkpoint(&packs).unwrap().payload
    };
    actor.write_page(7, b"delta");
    let delta = actor.checkpoint(&packs).unwrap().payload;
    let with = |first: Vec<u8>| {
        load(
            &delta,
            |generation| Ok([(1, first.clone())].into_iter().find(|(g, _)| *g == generation).unwrap().1),
            &packs,
        )
    };
    assert!(with(actor.log[&1].clone()).is_ok());
    assert!(is_typed(&with(other_first)));
    assert!(is_typed(&with(delta.clone())));
    assert!(is_typed(&with(b"nothing".to_vec())));
}

#[test]
fn a_manifest_that_names_more_of_a_chunk_than_there_is_is_refused() {
    let packs = packs(&FaultyStorage::new());
    let put = packs.put(&[&[1; PAGE_BYTES]]).unwrap();
    let run = PageRun { memory: 0, first_page: 0, pages: 2 };
    let manifest = Manifest {
        meta: meta(1),
        parent: None,
        globals: Vec::new(),
        memory_sizes: vec![1 << 20],
        host_state: HostState::Chunked { size_bytes: 1, chunks: put.digests.clone() },
        pages: Pages::Chunked(vec![Extent { run, chunk: put.digests[0], chunk_page: 0 }]),
        attachments: Vec::new(),
    };
    assert!(is_typed(&load(&manifest.to_bytes().unwrap(), never, &packs)));
    let manifest = Manifest { host_state: HostState::Inline(Default::default()), ..manifest };
    assert!(is_typed(&load(&manifest.to_bytes().unwrap(), never, &packs)));
}

#[test]
fn another_format_is_told_apart() {
    let packs = packs(&FaultyStorage::new());
    let mut payload = Actor::new(Vec::new()).checkpoint(&packs).unwrap().payload;
    payload[6] = 3;
    let newer = load(&payload, never, &packs).unwrap_err();
    assert!(matches!(newer, StoreError::CheckpointVersion { found: 3, supported: 2, .. }));
    assert!(newer.to_string().ends_with("use the Belljar that wrote it"));
}

/// A body behind a header and before a checksum that fit, so that nothing but the body can be wrong.
fn sealed(body: &[u8]) -> Vec<u8> {
    let mut payload = [b"BJCKPT\x02\x00", body].concat();
    let sum = blake3::hash(&payload);
    payload.extend_from_slice(&sum.as_bytes()[..16]);
    payload
}

fn a_record() -> Vec<u8> {
    let mut actor = Actor::new(Vec::new());
    actor.host_state = vec![1, 2, 3];
    actor.write_page(0, b"x");
    actor.write_page(9, b"y");
    actor.checkpoint(&packs(&FaultyStorage::new())).unwrap().payload
}

#[test]
fn a_forged_checksum_makes_no_panic_and_no_second_spelling() {
    let payload = a_record();
    let body = &payload[8..payload.len() - 16];
    for changed in damaged(body) {
        let payload = sealed(&changed);
        match Manifest::from_bytes(&payload) {
            Ok(manifest) => assert_eq!(manifest.to_bytes().unwrap(), payload),
            Err(error) => assert!(is_typed::<()>(&Err(error))),
        }
        let loaded = load(&payload, |_| Ok(Vec::new()), &packs(&FaultyStorage::new()));
        assert!(loaded.is_ok() || is_typed(&loaded), "{loaded:?}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_no_checkpoint(bytes: Vec<u8>, sealed_body: bool) {
        let payload = if sealed_body { sealed(&bytes) } else { bytes };
        prop_assert!(is_typed(&load(&payload, never, &packs(&FaultyStorage::new()))));
    }

    #[test]
    fn arbitrary_bytes_are_no_pack(bytes: Vec<u8>, header: bool) {
        let storage = FaultyStorage::new();
        let name = Digest::of(b"any");
        let path = PathBuf::from(FOLDER).join(format!("{name}.pack"));
        crate::Storage::create(&storage, &path).unwrap();
        let bytes = if header { [&b"BJPACK\x01\x00"[..], &bytes].concat() } else { bytes };
        storage.damage(&path, |file| *file = bytes).unwrap();
        let packs = packs(&storage);
        prop_assert_eq!(packs.stats().unwrap(), PackStats { unreadable_packs: 1, ..PackStats::default() });
        let missing = packs.get([name]).unwrap_err();
        let is_missing = matches!(missing, StoreError::ChunkMissing { damaged_packs: 1, .. });
        prop_assert!(is_missing, "{missing}");
        // What cannot be read may be needed, so it is not for the collection to remove.
        packs.collect_garbage([]).unwrap();
        prop_assert_eq!(files(&storage).len(), 1);
    }

    #[test]
    fn arbitrary_bytes_are_no_bundle(bytes: Vec<u8>, header: bool) {
        let bytes = if header { [&b"BJBNDL\x01\x00"[..], &bytes].concat() } else { bytes };
        let read = super::super::bundle::read(&bytes[..], &packs(&FaultyStorage::new()));
        prop_assert!(is_typed(&read.map_err(|failure| failure.at(Path::new("actor.belljar")))));
    }
}

fn read_file(storage: &FaultyStorage, path: &Path) -> Vec<u8> {
    let file = crate::Storage::open(storage, path).unwrap();
    let mut bytes = vec![0; file.size_bytes().unwrap() as usize];
    file.read_at(0, &mut bytes).unwrap();
    bytes
}
