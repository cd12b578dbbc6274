use super::*;
use crate::testing::{self, Objects, instance, wat};
use crate::{Instance, Services};

async fn call(instance: &mut Instance, call: &str) -> String {
    instance.call_wave(call).await.unwrap_or_else(|error| panic!("{call}: {error}"))
}

#[tokio::test]
async fn what_was_put_can_be_read_whole_and_in_part() {
    let (mut instance, _) = instance(&wat::objects()).await;
    assert_eq!(call(&mut instance, "put([1, 2, 3, 4])").await, "ok({belljar-object: 100})");
    for (read, answer) in [
        ("get({belljar-object: 100})", "ok([1, 2, 3, 4])"),
        ("size({belljar-object: 100})", "ok(4)"),
        ("slice({belljar-object: 100}, 1, 2)", "ok([2, 3])"),
        ("slice({belljar-object: 100}, 4, 0)", "ok([])"),
        ("slice({belljar-object: 100}, 0, 4)", "ok([1, 2, 3, 4])"),
        ("slice({belljar-object: 100}, 3, 2)", "err(out-of-range(4))"),
        ("slice({belljar-object: 100}, 5, 0)", "err(out-of-range(4))"),
        ("slice({belljar-object: 100}, 1, 18446744073709551615)", "err(out-of-range(4))"),
    ] {
        assert_eq!(call(&mut instance, read).await, answer, "{read}");
    }
    let object = instance.object(100).expect("the instance holds it");
    assert_eq!(&*object.read().expect("it is in memory"), [1, 2, 3, 4]);
}

#[tokio::test]
async fn floats_are_stored_little_endian() {
    let (mut instance, _) = instance(&wat::objects()).await;
    assert_eq!(call(&mut instance, "put-f32([1.5, -0.25])").await, "ok({belljar-object: 100})");
    assert_eq!(call(&mut instance, "get-f32({belljar-object: 100})").await, "ok([1.5, -0.25])");
    let bytes = instance.object(100).expect("the instance holds it").read().expect("it is in memory");
    assert_eq!(*bytes, [1.5_f32.to_le_bytes(), (-0.25_f32).to_le_bytes()].concat());
}

#[tokio::test]
async fn an_object_of_half_a_float_holds_no_floats() {
    let (mut instance, _) = instance(&wat::objects()).await;
    call(&mut instance, "put([0, 0, 128, 63, 7])").await;
    assert_eq!(call(&mut instance, "get-f32({belljar-object: 100})").await, "err(out-of-range(5))");
}

#[tokio::test]
async fn an_id_that_the_instance_was_not_given_is_unknown() {
    let (mut owner, _) = instance(&wat::objects()).await;
    let mut other = owner.linked().instantiate(&testing::services(), "").await.expect("it is made");
    call(&mut owner, "put([1])").await;
    for id in [100, 0, u64::MAX] {
        let unknown = format!("err(unknown({id}))");
        for read in ["get({})", "size({})", "get-f32({})", "free({})", "slice({}, 0, 0)"] {
            let read = read.replace("{}", &format!("{{belljar-object: {id}}}"));
            assert_eq!(call(&mut other, &read).await, unknown, "{read}");
        }
    }
    assert_eq!(call(&mut owner, "get({belljar-object: 100})").await, "ok([1])");
}

#[tokio::test]
async fn an_object_that_was_given_can_be_read_until_it_is_freed() {
    let (mut instance, _) = instance(&wat::objects()).await;
    let object = Objects::default().store(&[7], true);
    instance.give_object(object.clone());
    assert_eq!(call(&mut instance, "get({belljar-object: 100})").await, "ok([7])");
    assert_eq!(call(&mut instance, "free({belljar-object: 100})").await, "ok");
    assert_eq!(call(&mut instance, "get({belljar-object: 100})").await, "err(unknown(100))");
    assert_eq!(call(&mut instance, "free({belljar-object: 100})").await, "err(unknown(100))");
    assert_eq!(Arc::strong_count(&object), 1, "nobody else holds it any more");
}

#[tokio::test]
async fn an_object_on_disk_is_read_on_another_thread() {
    let (mut instance, _) = instance(&wat::objects()).await;
    instance.give_object(Objects::default().store(&[1, 2, 3], false));
    assert_eq!(call(&mut instance, "get({belljar-object: 100})").await, "ok([1, 2, 3])");
    assert_eq!(call(&mut instance, "slice({belljar-object: 100}, 1, 1)").await, "ok([2])");
}

#[tokio::test]
async fn a_full_store_is_the_guests_to_handle() {
    let objects = Arc::new(Objects::with_room_for(2));
    let services = Services { objects, ..testing::services() };
    let linked = testing::linked(&wat::objects(), crate::Limits::default());
    let mut instance = linked.instantiate(&services, "").await.expect("it is made");
    assert_eq!(call(&mut instance, "put([1, 2, 3])").await, r#"err(full("object_bytes_max"))"#);
    assert_eq!(call(&mut instance, "put([1, 2])").await, "ok({belljar-object: 100})");
}
