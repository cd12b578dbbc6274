use super::support::{Actor, files, noise, packs};
use crate::checkpoint::*;
use crate::{FaultyStorage, StoreError};

const COMPONENT: &[u8] = b"component";

fn actor_with_a_chain(packs: &Packs) -> Actor {
    let mut actor = Actor::new(Vec::new());
    actor.host_state = noise(3, CHUNK_BYTES_MAX + 500);
    for page in 0..600 {
        actor.write_page(page, &noise(page.into(), PAGE_BYTES / 2));
    }
    actor.checkpoint(packs).unwrap();
    for page in [5, 6, 300] {
        actor.write_page(page, b"changed");
        actor.checkpoint(packs).unwrap();
    }
    actor
}

#[test]
fn an_actor_goes_to_another_machine_in_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("actor.belljar");
    let source = packs(&FaultyStorage::new());
    let mut actor = actor_with_a_chain(&source);
    let parts = BundleParts { description: r#"{"name":"a"}"#, component: COMPONENT, payload: &actor.log[&4] };
    export(&path, parts, actor.parent_of(), &source).unwrap();

    let storage = FaultyStorage::new();
    let target = packs(&storage);
    let imported = import(&path, &target).unwrap();
    assert_eq!((&*imported.description, &*imported.component), (r#"{"name":"a"}"#, COMPONENT));
    assert_eq!(imported.manifest.parent, None);
    actor.log = [(4, imported.manifest.to_bytes().unwrap())].into();
    for packs in [&target, &packs(&storage)] {
        actor.assert_is(&actor.load(4, packs).unwrap());
    }
    let before = files(&storage);
    let again = import(&path, &target).unwrap();
    assert_eq!(files(&storage), before, "what is there already is not stored again");
    drop((imported, again));
    target.collect_garbage([]).unwrap();
    assert!(files(&storage).is_empty());
}

#[test]
fn a_small_actor_travels_without_packs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("actor.belljar");
    let storage = FaultyStorage::new();
    let packs = packs(&storage);
    let mut actor = Actor::new(Vec::new());
    actor.write_page(0, b"small");
    actor.checkpoint(&packs).unwrap();
    let parts = BundleParts { description: "{}", component: COMPONENT, payload: &actor.log[&1] };
    export(&path, parts, actor.parent_of(), &packs).unwrap();
    assert_eq!(import(&path, &packs).unwrap().manifest.to_bytes().unwrap(), actor.log[&1]);
    assert!(files(&storage).is_empty());
}

#[test]
fn an_export_that_fails_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("actor.belljar");
    let storage = FaultyStorage::new();
    let actor = actor_with_a_chain(&packs(&storage));
    let parts = BundleParts { description: "{}", component: b"another", payload: &actor.log[&4] };
    let refused = export(&path, parts, actor.parent_of(), &packs(&storage));
    assert!(matches!(refused, Err(StoreError::InvalidSnapshot { .. })));
    let parts = BundleParts { component: COMPONENT, ..parts };
    let missing = export(&path, parts, actor.parent_of(), &packs(&FaultyStorage::new()));
    assert!(matches!(missing, Err(StoreError::ChunkMissing { .. })));
    let long = "x".repeat((1 << 20) + 1);
    let too_large = export(&path, BundleParts { description: &long, ..parts }, actor.parent_of(), &packs(&storage));
    assert!(matches!(too_large, Err(StoreError::TooLarge { .. })));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn an_import_without_room_stores_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("actor.belljar");
    let source = packs(&FaultyStorage::new());
    let actor = actor_with_a_chain(&source);
    let parts = BundleParts { description: "{}", component: COMPONENT, payload: &actor.log[&4] };
    export(&path, parts, actor.parent_of(), &source).unwrap();
    let storage = FaultyStorage::new();
    storage.set_capacity(Some(100_000));
    let target = packs(&storage);
    let error = import(&path, &target).unwrap_err();
    assert!(matches!(error, StoreError::DiskFull { .. }) && error.is_retryable());
    assert!(files(&storage).is_empty());
    storage.set_capacity(None);
    import(&path, &target).unwrap();
}
