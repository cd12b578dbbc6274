use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use super::*;
use crate::testing::wat;
use crate::{Engine, EngineOptions};

fn engine_with(dir: &Path) -> Engine {
    Engine::new(&EngineOptions { cache_dir: Some(dir.to_owned()) }).expect("the folder is fine")
}

fn load(engine: &Engine) -> crate::Component {
    let bytes = wat::parse_str(wat::add_and_step()).expect("it is WebAssembly");
    engine.load_bytes("guest", &bytes).expect("it loads")
}

/// The one file of compiled code in a folder.
fn only_file(dir: &Path) -> PathBuf {
    let files: Vec<PathBuf> = fs::read_dir(dir).expect("it is there").map(|e| e.expect("it is there").path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

fn inode(path: &Path) -> u64 {
    fs::metadata(path).expect("it is there").ino()
}

async fn adds(component: &crate::Component) -> bool {
    let linked = component.link(Default::default(), Default::default()).expect("it imports nothing");
    let mut instance = linked.instantiate(&crate::testing::services(), "").await.expect("it is made");
    instance.call_wave("add(1, 2)").await.expect("it adds") == "3"
}

#[tokio::test]
async fn a_second_load_takes_the_compiled_code_from_the_folder() {
    let dir = tempfile::tempdir().expect("there is a temporary folder");
    let path = {
        assert!(adds(&load(&engine_with(dir.path()))).await);
        only_file(dir.path())
    };
    let before = inode(&path);
    fs::File::open(&path).and_then(|file| file.set_modified(SystemTime::UNIX_EPOCH)).expect("its time can be set");
    assert!(adds(&load(&engine_with(dir.path()))).await);
    assert_eq!(inode(&only_file(dir.path())), before, "compiling anew would have replaced the file");
    let used = fs::metadata(&path).and_then(|metadata| metadata.modified()).expect("it has a time");
    assert!(used > SystemTime::now() - Duration::from_secs(60), "its use was noted");
}

#[tokio::test]
async fn a_damaged_file_is_compiled_anew() {
    let dir = tempfile::tempdir().expect("there is a temporary folder");
    load(&engine_with(dir.path()));
    let path = only_file(dir.path());
    let sound = fs::read(&path).expect("it can be read");
    let flipped = |at: usize| {
        let mut bytes = sound.clone();
        bytes[at] ^= 1;
        bytes
    };
    let damages = [
        ("empty", Vec::new()),
        ("cut within the magic", sound[..5].to_vec()),
        ("cut within the checksum", sound[..20].to_vec()),
        ("cut after the header", sound[..40].to_vec()),
        ("cut at the end", sound[..sound.len() - 1].to_vec()),
        ("longer", [&sound[..], b"x"].concat()),
        ("a bit of the magic", flipped(0)),
        ("a bit of the checksum", flipped(12)),
        ("the first bit of the code", flipped(40)),
        ("the last bit of the code", flipped(sound.len() - 1)),
    ];
    for (what, damaged) in damages {
        fs::write(&path, &damaged).expect("it can be written");
        assert!(adds(&load(&engine_with(dir.path()))).await, "{what}");
        assert_eq!(fs::read(&path).expect("it can be read"), sound, "{what}: the file is good again");
    }
}

#[tokio::test]
async fn the_code_of_another_component_under_this_name_is_not_run() {
    let dir = tempfile::tempdir().expect("there is a temporary folder");
    let engine = engine_with(dir.path());
    let other = wat::parse_str(wat::run(r#"(func (export "run"))"#)).expect("it is WebAssembly");
    engine.load_bytes("other", &other).expect("it loads");
    let of_other = only_file(dir.path());
    fs::rename(
        of_other,
        engine
            .cache()
            .expect("it has one")
            .path(&Digest::of(&wat::parse_str(wat::add_and_step()).expect("it is WebAssembly"))),
    )
    .expect("it can be renamed");
    assert!(adds(&load(&engine)).await);
}

#[test]
fn a_folder_that_others_can_write_to_is_refused() {
    let dir = tempfile::tempdir().expect("there is a temporary folder");
    for mode in [0o770, 0o702] {
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(mode)).expect("it is ours");
        let error = Engine::new(&EngineOptions { cache_dir: Some(dir.path().to_owned()) }).err();
        let error = error.expect("somebody else could put native code there").to_string();
        assert!(error.contains("writable by nobody else; run `chmod go-w`"), "{error}");
    }
}

#[test]
fn a_new_folder_is_for_this_user_alone() {
    let dir = tempfile::tempdir().expect("there is a temporary folder");
    let cache = dir.path().join("deep/cache");
    engine_with(&cache);
    assert_eq!(fs::metadata(&cache).expect("it was made").mode() & 0o777, 0o700);
}

#[test]
fn a_path_that_is_no_folder_is_refused() {
    let file = tempfile::NamedTempFile::new().expect("there is a temporary folder");
    assert!(Engine::new(&EngineOptions { cache_dir: Some(file.path().to_owned()) }).is_err());
}

#[test]
fn a_folder_that_vanishes_costs_time_and_nothing_else() {
    let dir = tempfile::tempdir().expect("there is a temporary folder");
    let engine = engine_with(dir.path());
    dir.close().expect("it can be removed");
    load(&engine);
}

#[test]
fn engines_at_once_share_one_file() {
    let dir = tempfile::tempdir().expect("there is a temporary folder");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| load(&engine_with(dir.path())));
        }
    });
    let file = fs::read(only_file(dir.path())).expect("it can be read");
    let digest = Digest::of(&wat::parse_str(wat::add_and_step()).expect("it is WebAssembly"));
    assert!(sound_artifact(&file, &digest).is_some());
}

#[test]
fn the_files_used_longest_ago_are_evicted_and_files_of_others_never() {
    let dir = tempfile::tempdir().expect("there is a temporary folder");
    let engine = engine_with(dir.path());
    let cache = engine.cache().expect("it has one");
    for (name, age_seconds) in [("new.cwasm", 1), ("old.cwasm", 300), ("older.cwasm", 400), ("notes.txt", 500)] {
        let file = fs::File::create(dir.path().join(name)).expect("it can be made");
        file.set_len(100).expect("it can be made longer");
        file.set_modified(SystemTime::now() - Duration::from_secs(age_seconds)).expect("its time can be set");
    }
    let left = || ["new.cwasm", "old.cwasm", "older.cwasm", "notes.txt"].map(|name| dir.path().join(name).exists());
    cache.evict(300).expect("the folder is fine");
    assert_eq!(left(), [true, true, true, true]);
    cache.evict(299).expect("the folder is fine");
    assert_eq!(left(), [true, true, false, true]);
    cache.evict(0).expect("the folder is fine");
    assert_eq!(left(), [false, false, false, true]);
}
