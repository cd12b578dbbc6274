use super::support::*;
use crate::LocalStorage;
use crate::checkpoint::*;
use std::sync::Arc;
use std::time::Instant;
#[test]
fn perf() {
    let folder = tempfile::tempdir().unwrap();
    let packs = Packs::new(Arc::new(LocalStorage::new(folder.path())), "packs");
    let memory = noise(1, 64 << 20);
    let snap = |generation, pages| Snapshot {
        meta: meta(generation),
        memories: vec![MemorySnapshot { size_bytes: 64 << 20, pages }],
        globals: vec![],
        host_state: b"x",
    };
    let t = Instant::now();
    let e = encode(snap(1, vec![PagesSnapshot { first_page: 0, content: &memory }]), None, &packs).unwrap();
    println!("encode 64 MiB noise {:?}, payload {}", t.elapsed(), e.payload.len());
    let t = Instant::now();
    let _ = blake3::hash(&memory);
    println!("hash one core {:?}", t.elapsed());
    let t = Instant::now();
    std::fs::write(folder.path().join("x"), &memory).unwrap();
    std::fs::File::open(folder.path().join("x")).unwrap().sync_all().unwrap();
    println!("plain write+sync {:?}", t.elapsed());
    let t = Instant::now();
    let _ = std::fs::read(folder.path().join("x")).unwrap();
    println!("plain read {:?}", t.elapsed());
    for _ in 0..3 {
        let t = Instant::now();
        let l = load(&e.payload, |_| panic!(), &packs).unwrap();
        println!("load {:?}", t.elapsed());
        assert_eq!(l.memories[0].each_page().count(), 16384);
    }
    let packs = Packs::new(Arc::new(LocalStorage::new(folder.path())), "packs");
    let t = Instant::now();
    load(&e.payload, |_| panic!(), &packs).unwrap();
    println!("load, fresh packs {:?}", t.elapsed());
    let changed: Vec<Vec<u8>> = (0..164).map(|i| noise(i + 9, PAGE_BYTES)).collect();
    let t = Instant::now();
    let d = encode(
        snap(2, changed.iter().zip(0..).map(|(c, i)| PagesSnapshot { first_page: i * 99, content: c }).collect()),
        Some(&e.page_map),
        &packs,
    )
    .unwrap();
    println!("delta 164 {:?} payload {}", t.elapsed(), d.payload.len());
    let page = noise(5, 300);
    let mut p = vec![0; 4096];
    p[..300].copy_from_slice(&page);
    let s = |g| Snapshot {
        meta: meta(g),
        memories: vec![MemorySnapshot {
            size_bytes: 1 << 20,
            pages: vec![PagesSnapshot { first_page: 3, content: &p }],
        }],
        globals: vec![],
        host_state: b"x",
    };
    let e = encode(s(1), None, &packs).unwrap();
    let t = Instant::now();
    for _ in 0..10000 {
        let _ = encode(s(2), Some(&e.page_map), &packs).unwrap();
    }
    println!("small encode {:?}, payload {}", t.elapsed() / 10000, e.payload.len());
    let t = Instant::now();
    for _ in 0..10000 {
        let _ = load(&e.payload, |_| panic!(), &packs).unwrap();
    }
    println!("small load {:?}", t.elapsed() / 10000);
}
