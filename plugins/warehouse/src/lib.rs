//! An actor that keeps objects of the host under names and passes them on. The objects are as durable as its own
//! memory, in which there are only references to them.

use std::collections::BTreeMap;

use belljar_guest::actors::{self, Outcome};
use belljar_guest::http::{self, Request};
use belljar_guest::objects::{self, ObjectRef};
use belljar_guest::state;

belljar_guest::plugin!(
    r#"
    package demo:warehouse;

    world warehouse {
        include belljar:plugin/actor@0.1.0;
        import belljar:plugin/actors@0.1.0;
        import belljar:plugin/http@0.1.0;
        use belljar:plugin/objects@0.1.0.{object-ref};

        /// Keeps an object under a name, and returns its size in bytes.
        export store: func(name: string, object: object-ref) -> result<u64, string>;
        /// Keeps a text under a name, and returns its size in bytes.
        export write: func(name: string, text: string) -> result<u64, string>;
        /// The object of this name.
        export fetch: func(name: string) -> result<object-ref, string>;
        /// The object of this name as text.
        export read: func(name: string) -> result<string, string>;
        /// All names.
        export names: func() -> list<string>;
        /// Needs the object of this name no more.
        export discard: func(name: string) -> result<_, string>;
        /// Puts an object and frees it again, so often.
        export waste: func(count: u32) -> result<_, string>;
        /// Gives an object to another warehouse, which gets it under the same name, and keeps it too.
        export give: func(to: string, name: string) -> result<u64, string>;
        /// Gets an object from another warehouse.
        export take: func(source: string, name: string) -> result<u64, string>;
        /// Keeps what is at a URL, and returns its size in bytes.
        export download: func(name: string, url: string) -> result<u64, string>;
    }"#
);

state! {
    static OBJECTS: BTreeMap<String, ObjectRef> = BTreeMap::new();
}

struct Warehouse;

impl Guest for Warehouse {
    fn store(name: String, object: ObjectRef) -> Result<u64, String> {
        let size_bytes = object.size().map_err(text)?;
        let before = OBJECTS.with(|objects| objects.insert(name, object));
        // Two names may have the same bytes, and so the same object, which then is freed as often as it was got.
        before.map_or(Ok(()), ObjectRef::free).map_err(text)?;
        Ok(size_bytes)
    }

    fn write(name: String, content: String) -> Result<u64, String> {
        Self::store(name, objects::put(content.as_bytes()).map_err(text)?)
    }

    fn fetch(name: String) -> Result<ObjectRef, String> {
        OBJECTS.with(|objects| objects.get(&name).copied()).ok_or_else(|| format!("there is no {name}"))
    }

    fn read(name: String) -> Result<String, String> {
        String::from_utf8(Self::fetch(name)?.get().map_err(text)?).map_err(text)
    }

    fn names() -> Vec<String> {
        OBJECTS.with(|objects| objects.keys().cloned().collect())
    }

    fn discard(name: String) -> Result<(), String> {
        let object = OBJECTS.with(|objects| objects.remove(&name)).ok_or_else(|| format!("there is no {name}"))?;
        object.free().map_err(text)
    }

    fn waste(count: u32) -> Result<(), String> {
        (0..count).try_for_each(|at| objects::put(format!("waste {at}").as_bytes())?.free()).map_err(text)
    }

    fn give(to: String, name: String) -> Result<u64, String> {
        let object = Self::fetch(name.clone())?;
        let given = actors::call::<Outcome<u64, String>>(&to, "store", (name, object)).map_err(text)?;
        given.get().map_err(text)?.into()
    }

    fn take(source: String, name: String) -> Result<u64, String> {
        let fetched = actors::call::<Outcome<ObjectRef, String>>(&source, "fetch", (name.clone(),)).map_err(text)?;
        let object = Result::from(fetched.get().map_err(text)?)?;
        Self::store(name, object)
    }

    fn download(name: String, url: String) -> Result<u64, String> {
        let response = http::send(&Request::get(&url)).map_err(text)?;
        if response.status != 200 {
            return Err(format!("{url} answered with {}", response.status));
        }
        Self::store(name, response.body)
    }
}

export!(Warehouse);

fn text(error: impl ToString) -> String {
    error.to_string()
}
