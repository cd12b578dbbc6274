//! The mutable globals of an instance, read and set through the accessors that `instrument/` adds to a component.

use wasmtime::Store;
use wasmtime::component::{ComponentExportIndex, Instance as ComponentInstance};

use super::capture::snapshot_failed;
use crate::state::HostState;
use crate::{Error, Instance};

/// Accessors are a few instructions of the engine's own; no deadline of the guest's shall interrupt them.
const EPOCHS_FOR_ACCESSORS: u64 = 60_000;

/// How the engine reaches the mutable globals of one core instance, as words of 64 bits.
pub(crate) struct GlobalAccess {
    /// Returns a word.
    pub get: ComponentExportIndex,
    /// Takes a word.
    pub set: ComponentExportIndex,
    /// How many there are.
    pub words: u32,
}

impl Instance {
    /// All of them, in the order of the component's accessors.
    pub(super) async fn read_globals(&mut self) -> Result<Vec<u64>, Error> {
        if self.gone {
            return Err(Error::InstanceGone);
        }
        let component = self.linked.component().clone();
        let mut globals = Vec::new();
        for access in component.globals() {
            if let Err(error) = read_words(&mut self.store, &self.instance, access, &mut globals).await {
                self.gone = true;
                return Err(snapshot_failed(&self.linked, &format!("a global cannot be read: {error:#}")));
            }
        }
        Ok(globals)
    }

    /// Sets the globals that differ from those that a fresh instance has.
    pub(super) async fn set_globals(&mut self, fresh: &[u64], wanted: &[u64]) -> Result<(), Error> {
        if fresh == wanted {
            return Ok(());
        }
        let component = self.linked.component().clone();
        let (mut fresh, mut wanted) = (fresh.iter(), wanted.iter());
        for access in component.globals() {
            for word in 0..access.words {
                let (Some(fresh), Some(wanted)) = (fresh.next(), wanted.next()) else {
                    return Err(snapshot_failed(&self.linked, &"some of its globals are missing"));
                };
                if fresh != wanted
                    && let Err(error) = write_word(&mut self.store, &self.instance, access, word, *wanted).await
                {
                    return Err(snapshot_failed(&self.linked, &format!("a global cannot be set: {error:#}")));
                }
            }
        }
        Ok(())
    }
}

async fn read_words(
    store: &mut Store<HostState>,
    instance: &ComponentInstance,
    access: &GlobalAccess,
    out: &mut Vec<u64>,
) -> wasmtime::Result<()> {
    store.set_epoch_deadline(EPOCHS_FOR_ACCESSORS);
    let function = instance.get_typed_func::<(u32,), (u64,)>(&mut *store, &access.get)?;
    for word in 0..access.words {
        out.push(function.call_async(&mut *store, (word,)).await?.0);
    }
    Ok(())
}

async fn write_word(
    store: &mut Store<HostState>,
    instance: &ComponentInstance,
    access: &GlobalAccess,
    word: u32,
    value: u64,
) -> wasmtime::Result<()> {
    store.set_epoch_deadline(EPOCHS_FOR_ACCESSORS);
    let function = instance.get_typed_func::<(u32, u64), ()>(&mut *store, &access.set)?;
    function.call_async(&mut *store, (word, value)).await
}
