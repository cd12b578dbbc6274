//! What actors are sent and what they answer: JSON, and the objects that it names.

use std::fmt;
use std::sync::Arc;

use belljar_engine::capability::{HeldObject, ObjectError, Payload};
use belljar_engine::{Instance, codec};
use belljar_store::StoreError;
use serde::{Deserialize, Serialize};

use super::objects::{ActorObject, ObjectName, Shelf};

/// A value that is sent, as it is written down.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Parcel {
    pub json: String,
    /// The objects among them that outlive the process.
    pub objects: Vec<ObjectName>,
    /// All of them, where they are at hand. What was read from a record has names alone.
    #[serde(skip)]
    at_hand: AtHand,
}

/// Objects that a value names. They are no part of what makes two values equal.
#[derive(Clone, Default)]
struct AtHand(Vec<Arc<dyn HeldObject>>);

impl Parcel {
    /// A value that names no object.
    pub(crate) fn json(json: impl Into<String>) -> Parcel {
        Parcel { json: json.into(), ..Parcel::default() }
    }

    /// A value and the objects that it names.
    pub(crate) fn new(payload: Payload) -> Parcel {
        let kept = payload.objects.iter().filter_map(|object| ActorObject::of(object.clone()));
        let objects = kept.map(|object| object.name().clone()).collect();
        Parcel { json: payload.json, objects, at_hand: AtHand(payload.objects) }
    }

    /// What a method returned, with those objects that its instance holds.
    pub(crate) fn returned(json: String, by: &Instance) -> Parcel {
        let objects = codec::object_ids(&json).into_iter().filter_map(|id| by.object(id)).collect();
        Parcel::new(Payload { json, objects })
    }

    /// The bytes that a record takes of it.
    pub(crate) fn size_bytes(&self) -> usize {
        self.json.len() + self.objects.iter().map(ObjectName::record_bytes).sum::<usize>()
    }

    /// Whether all its objects are kept on this shelf.
    pub(crate) fn is_kept(&self, shelf: &Shelf) -> bool {
        self.at_hand.0.iter().all(|object| shelf.own(object).is_some())
    }

    /// The same, where every object is kept on this shelf. Those that were not have another id then. It blocks.
    pub(crate) fn kept(self, shelf: &Shelf) -> Result<Parcel, ObjectError> {
        if self.is_kept(shelf) {
            return Ok(self);
        }
        let mut objects = Vec::with_capacity(self.at_hand.0.len());
        let mut ids = std::collections::HashMap::new();
        for object in self.at_hand.0 {
            let id = object.id();
            let kept = shelf.adopt(object)?;
            ids.insert(id, kept.id());
            objects.push(kept as Arc<dyn HeldObject>);
        }
        let unreadable = |error: serde_json::Error| ObjectError::Storage(error.to_string());
        let mut json: serde_json::Value = serde_json::from_str(&self.json).map_err(unreadable)?;
        codec::visit_objects(&mut json, &mut |reference| {
            if let Some(id) = codec::object_id(reference).and_then(|id| ids.get(&id)) {
                // As the codec writes numbers that JSON does not carry everywhere.
                *reference = id.to_string().into();
            }
            Ok::<(), ObjectError>(())
        })?;
        Ok(Parcel::new(Payload { json: json.to_string(), objects }))
    }

    /// The objects that it names. Without a shelf only those are to be had that are at hand.
    pub(crate) fn objects(&self, shelf: Option<&Arc<Shelf>>) -> Result<Vec<Arc<dyn HeldObject>>, StoreError> {
        match shelf {
            Some(shelf) if self.at_hand.0.len() < self.objects.len() => {
                self.objects.iter().map(|name| Ok(shelf.open(name)? as Arc<dyn HeldObject>)).collect()
            }
            _ => Ok(self.at_hand.0.clone()),
        }
    }

    /// The same with all its objects at hand.
    pub(crate) fn opened(self, shelf: Option<&Arc<Shelf>>) -> Result<Parcel, StoreError> {
        let at_hand = AtHand(self.objects(shelf)?);
        Ok(Parcel { at_hand, ..self })
    }

    /// The value and its objects, to be passed on.
    pub(crate) fn payload(self, shelf: Option<&Arc<Shelf>>) -> Result<Payload, StoreError> {
        Ok(Payload { objects: self.objects(shelf)?, json: self.json })
    }
}

impl PartialEq for AtHand {
    fn eq(&self, _: &AtHand) -> bool {
        true
    }
}

impl Eq for AtHand {}

impl fmt::Debug for AtHand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|object| object.id())).finish()
    }
}

#[cfg(test)]
mod tests {
    use belljar_store::checkpoint::Packs;
    use belljar_store::{FaultyStorage, ObjectStore};

    use super::super::record;
    use super::*;
    use crate::objects::StoredObject;

    fn shelf() -> Arc<Shelf> {
        Arc::new(Shelf::new(Packs::new(Arc::new(FaultyStorage::new()), "actors/packs")))
    }

    #[test]
    fn an_object_of_another_data_directory_is_copied() {
        let (here, there) = (shelf(), shelf());
        let object = there.put((*b"facts").into()).unwrap();
        there.save().unwrap();
        let json = format!(r#"{{"belljar-object":{}}}"#, object.id());
        let parcel = Parcel::new(Payload { json, objects: vec![object] });
        assert!(!parcel.is_kept(&here));
        drop(there);
        let kept = parcel.kept(&here).unwrap();
        assert_eq!(&*here.open(&kept.objects[0]).unwrap().read().unwrap(), b"facts");
    }

    #[test]
    fn objects_that_do_not_outlive_the_process_are_made_to() {
        let store = Arc::new(ObjectStore::new(Default::default(), std::env::temp_dir()).unwrap());
        let object = StoredObject::put(&store, *b"facts").unwrap();
        let json = format!(r#"[{{"belljar-object":{}}},5]"#, object.id());
        let parcel = Parcel::new(Payload { json, objects: vec![Arc::new(object)] });
        let shelf = shelf();
        assert!(!parcel.is_kept(&shelf));
        let kept = parcel.kept(&shelf).unwrap();
        assert!(kept.is_kept(&shelf));
        let id = kept.objects[0].id();
        assert_eq!(codec::object_ids(&kept.json), [id]);
        assert!(kept.json.ends_with(",5]"));
        // As it is read from a record, later.
        let read: Parcel = record::decode(&record::encode(&kept)).unwrap();
        assert_eq!(read, kept);
        let objects = read.objects(Some(&shelf)).unwrap();
        assert_eq!((objects[0].id(), &*objects[0].read().unwrap()), (id, &b"facts"[..]));
    }
}
