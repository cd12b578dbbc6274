//! A stand-in for the host, for a plugin's unit tests on the machine's own target. Its modules have
//! the functions that the component would import, with the same signatures.
//!
//! Objects live in the test process, each thread with its own, so that tests cannot disturb each
//! other. Log lines and progress go to the standard error, which the test harness shows for a test
//! that failed. Metrics go nowhere, timers never ring, there is no network, and other actors are what
//! the test says. Boards are stepped cell by cell; tensors are the host's own, on one thread; and
//! there is no device for kernels.

pub mod actors;
pub mod automaton;
pub mod compute;
pub mod tensor;
pub mod timers;

use crate::bindings::belljar::plugin as wit;

pub mod log {
    use super::wit::log::Level;

    pub fn log(level: Level, message: &str) {
        eprintln!("{level:?}: {message}");
    }
}

pub mod progress {
    pub fn report(done: u64, total: Option<u64>, message: &str) {
        match total {
            Some(total) => eprintln!("{done}/{total} {message}"),
            None => eprintln!("{done} {message}"),
        }
    }
}

pub mod metrics {
    pub fn counter(_name: &str, _value: f64) {}
    pub fn gauge(_name: &str, _value: f64) {}
    pub fn observe(_name: &str, _value: f64) {}
}

pub mod clock {
    use std::sync::LazyLock;
    use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);

    pub fn now() -> u64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        nanoseconds(since_epoch.unwrap_or_default())
    }

    pub fn monotonic() -> u64 {
        nanoseconds(START.elapsed())
    }

    /// Saturates in the year 2554, when the contract's 64 bits end.
    fn nanoseconds(duration: Duration) -> u64 {
        u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
    }
}

pub mod random {
    use std::hash::{BuildHasher, RandomState};

    /// Every `RandomState` has keys of its own, which makes each hash of nothing a fresh number.
    pub fn next() -> u64 {
        RandomState::new().hash_one(())
    }

    pub fn bytes(length: u32) -> Vec<u8> {
        let numbers = std::iter::repeat_with(next).flat_map(u64::to_le_bytes);
        numbers.take(length as usize).collect()
    }
}

pub mod objects {
    use super::wit::objects::{Error, ObjectRef};
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    /// The objects of one thread, by id.
    #[derive(Default)]
    struct Objects {
        bytes: BTreeMap<u64, Vec<u8>>,
        last_id: u64,
    }

    thread_local! {
        static OBJECTS: RefCell<Objects> = RefCell::default();
    }

    pub fn put(bytes: &[u8]) -> Result<ObjectRef, Error> {
        OBJECTS.with_borrow_mut(|objects| {
            objects.last_id += 1;
            objects.bytes.insert(objects.last_id, bytes.to_vec());
            Ok(ObjectRef { belljar_object: objects.last_id })
        })
    }

    pub fn get(object: ObjectRef) -> Result<Vec<u8>, Error> {
        with(object, <[u8]>::to_vec)
    }

    pub fn slice(object: ObjectRef, offset: u64, length: u64) -> Result<Vec<u8>, Error> {
        with(object, |bytes| {
            let start = usize::try_from(offset).ok()?;
            let end = start.checked_add(usize::try_from(length).ok()?)?;
            bytes.get(start..end).map(<[u8]>::to_vec)
        })?
        .ok_or(Error::OutOfRange(size(object)?))
    }

    pub fn size(object: ObjectRef) -> Result<u64, Error> {
        with(object, |bytes| bytes.len() as u64)
    }

    pub fn put_f32(values: &[f32]) -> Result<ObjectRef, Error> {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        put(&bytes)
    }

    pub fn get_f32(object: ObjectRef) -> Result<Vec<f32>, Error> {
        with(object, |bytes| {
            let (floats, rest) = bytes.as_chunks::<4>();
            let values = floats.iter().copied().map(f32::from_le_bytes).collect();
            rest.is_empty().then_some(values)
        })?
        .ok_or(Error::OutOfRange(size(object)?))
    }

    pub fn free(object: ObjectRef) -> Result<(), Error> {
        let id = object.belljar_object;
        OBJECTS.with_borrow_mut(|objects| objects.bytes.remove(&id)).map(|_| ()).ok_or(Error::Unknown(id))
    }

    /// What `look` makes of the object's bytes.
    fn with<T>(object: ObjectRef, look: impl FnOnce(&[u8]) -> T) -> Result<T, Error> {
        let id = object.belljar_object;
        OBJECTS.with_borrow(|objects| objects.bytes.get(&id).map(|bytes| look(bytes))).ok_or(Error::Unknown(id))
    }
}

pub mod http {
    use super::wit::http::{Error, Request, Response};

    pub fn send(request: &Request) -> Result<Response, Error> {
        let why = format!("there is no host to send the request to {}", request.url);
        Err(Error::Connection(why))
    }
}
