//! Taking a snapshot of an instance, and making an instance of one.
#![allow(unsafe_code, reason = "guest memory is read and mapped while the instance is held exclusively")]

use std::io;
use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::{ComponentExportIndex, Instance as ComponentInstance};

use super::actor_image::{ActorImage, ImageMemory};
use super::birth::MemoryPlan;
use super::image::Image;
use super::mapping::{Mapping, PAGE_BYTES};
use super::{Capture, MemorySnapshot, PageRun, Since, Snapshot, pages};
use crate::fault::{Fault, FaultKind};
use crate::state::HostState;
use crate::{Error, Instance, Linked, Services};

/// From this many written pages on (1 MiB) an instance gets an image of its own, so that the next capture finds only
/// what was written in between. Below it, copying the pages is cheaper than mapping an image, and a capture is whole.
pub const OWN_IMAGE_PAGES_MIN: u64 = 256;

/// A memory of an instance, and the image that its unwritten pages show.
pub(crate) struct AttachedMemory {
    mapping: Arc<Mapping>,
    image: Option<Arc<Image>>,
    /// The memory's size when it got the image.
    image_of_bytes: usize,
}

/// The memories of an instance.
#[derive(Default)]
pub(crate) struct Attached {
    memories: Vec<AttachedMemory>,
    /// Whether the images are no longer those of the component's base.
    is_own: bool,
}

/// How the engine reaches the mutable globals of one core instance, as words of 64 bits.
pub(crate) struct GlobalAccess {
    /// Returns a word.
    pub get: ComponentExportIndex,
    /// Takes a word.
    pub set: ComponentExportIndex,
    /// How many there are.
    pub words: u32,
}

impl Linked {
    /// The base image of the component: what every instance of it looks like before its first call. It is made when
    /// it is first asked for.
    ///
    /// # Errors
    ///
    /// [`Error::NotSnapshotable`] with what is in the way; [`Error::Fault`] when a start function faults.
    pub async fn base_image(&self, services: &Services) -> Result<ActorImage, Error> {
        let component = self.component();
        let obstacles = component.snapshot_obstacles();
        if !obstacles.is_empty() {
            return Err(not_snapshotable(self, obstacles.to_vec()));
        }
        let image = component.base_image_cell().get_or_try_init(async || self.make_base_image(services).await).await?;
        Ok(image.clone())
    }

    async fn make_base_image(&self, services: &Services) -> Result<ActorImage, Error> {
        let mut instance = self.instantiate(services, "base image").await?;
        if instance.store.data().host_calls > 0 {
            let reason = "a start function calls the host, so starting an instance again could not be undone; do that \
                          work in `init`";
            return Err(not_snapshotable(self, vec![reason.to_owned()]));
        }
        let snapshot = instance.capture_written().await?;
        let fresh = self.component().fresh_memories();
        let fresh =
            fresh.iter().map(|plan| ImageMemory { image: plan.image.clone(), size_bytes: 0, grown_at_start_bytes: 0 });
        let digest = self.component().digest();
        let fresh = ActorImage { component: digest, memories: fresh.collect(), globals: Arc::default() };
        let declared = self.component().declared_memory_bytes();
        let grown = |memory: &MemorySnapshot, declared: u64| (memory.size_bytes.saturating_sub(declared)) as usize;
        let growth: Vec<usize> =
            snapshot.memories.iter().zip(declared).map(|(memory, declared)| grown(memory, *declared)).collect();
        if snapshot.pages() == 0 {
            // No start function wrote anything, so the contents that the component declares can be shared as they are.
            let memories =
                fresh.memories.iter().zip(&snapshot.memories).zip(growth).map(|((memory, taken), growth)| {
                    ImageMemory {
                        image: memory.image.clone(),
                        size_bytes: taken.size_bytes as usize,
                        grown_at_start_bytes: growth,
                    }
                });
            return Ok(ActorImage {
                component: digest,
                memories: memories.collect(),
                globals: snapshot.globals.into(),
            });
        }
        let mut image = fresh.with(&snapshot).map_err(|error| snapshot_failed(self, &error))?;
        let memories = image.memories.iter().zip(growth);
        image.memories =
            memories.map(|(memory, growth)| ImageMemory { grown_at_start_bytes: growth, ..memory.clone() }).collect();
        Ok(image)
    }

    /// Makes an instance that starts from an image, copying nothing.
    ///
    /// # Errors
    ///
    /// As for [`Linked::instantiate`]; [`Error::Snapshot`] when the image is not one of this component.
    pub async fn instantiate_from(
        &self,
        image: &ActorImage,
        services: &Services,
        label: &str,
    ) -> Result<Instance, Error> {
        let base = self.base_image(services).await?;
        self.start_from(image, &base, services, label).await
    }

    async fn start_from(
        &self,
        image: &ActorImage,
        base: &ActorImage,
        services: &Services,
        label: &str,
    ) -> Result<Instance, Error> {
        let component = self.component();
        if image.component != base.component {
            return Err(snapshot_failed(self, &"it is of another component"));
        }
        self.check_memory(image.size_bytes())?;
        let plans = image.plans(component.fresh_memories(), component.has_start());
        let mut instance = self.instantiate_planned(plans, services, label).await?;
        for (memory, wanted) in instance.attached.memories.iter_mut().zip(image.memories.iter()) {
            if memory.mapping.size_bytes() != wanted.size_bytes {
                return Err(snapshot_failed(self, &"the component's memories do not have the sizes that they had"));
            }
            if component.has_start() {
                // SAFETY: the instance was just made; no guest runs, and nothing refers to its memory.
                unsafe { memory.mapping.map(wanted.image.as_deref()) }
                    .map_err(|error| snapshot_failed(self, &error))?;
            }
            memory.image = wanted.image.clone();
            memory.image_of_bytes = wanted.size_bytes;
        }
        instance.attached.is_own = !image.is_same(base);
        instance.store.data_mut().limiter.set_memory_bytes(image.size_bytes());
        // A start function that found larger memories than it did for the base image may have noted that.
        let is_as_base = !component.has_start() || image.size_bytes() == base.size_bytes();
        let fresh = if is_as_base { base.globals.clone() } else { instance.read_globals().await?.into() };
        instance.set_globals(&fresh, &image.globals).await?;
        Ok(instance)
    }

    /// Makes an instance that goes on where a snapshot was taken.
    ///
    /// # Errors
    ///
    /// As for [`Linked::instantiate_from`]; [`Error::Snapshot`] when the snapshot does not fit the component.
    pub async fn restore(&self, snapshot: &Snapshot, services: &Services, label: &str) -> Result<Instance, Error> {
        let base = self.base_image(services).await?;
        if snapshot.pages() >= OWN_IMAGE_PAGES_MIN {
            let image = self.image_of(snapshot, &base)?;
            return self.start_from(&image, &base, services, label).await;
        }
        self.check(snapshot, &base)?;
        let sizes = base
            .memories
            .iter()
            .zip(&snapshot.memories)
            .map(|(memory, wanted)| ImageMemory { size_bytes: wanted.size_bytes as usize, ..memory.clone() });
        let globals = snapshot.globals.as_slice().into();
        let image = ActorImage { component: base.component, memories: sizes.collect(), globals };
        let mut instance = self.start_from(&image, &base, services, label).await?;
        instance.attached.is_own = false;
        for (memory, wanted) in instance.attached.memories.iter().zip(&snapshot.memories) {
            for (first_page, bytes) in wanted.contents() {
                // SAFETY: the instance was just made; no guest runs, and nothing refers to its memory.
                unsafe { memory.mapping.write(first_page, bytes) }.map_err(|error| snapshot_failed(self, &error))?;
            }
        }
        Ok(instance)
    }

    /// The image of a snapshot, for many instances of it or to have one ready.
    ///
    /// # Errors
    ///
    /// As for [`Linked::restore`].
    pub async fn image(&self, snapshot: &Snapshot, services: &Services) -> Result<ActorImage, Error> {
        let base = self.base_image(services).await?;
        self.image_of(snapshot, &base)
    }

    fn image_of(&self, snapshot: &Snapshot, base: &ActorImage) -> Result<ActorImage, Error> {
        self.check(snapshot, base)?;
        base.with(snapshot).map_err(|error| snapshot_failed(self, &error))
    }

    /// Before anything is made of a snapshot.
    fn check(&self, snapshot: &Snapshot, base: &ActorImage) -> Result<(), Error> {
        snapshot.check(base).map_err(|message| snapshot_failed(self, &message))?;
        self.check_memory(snapshot.size_bytes())
    }

    fn check_memory(&self, wanted_bytes: u64) -> Result<(), Error> {
        let limit_bytes = self.limits().memory_bytes_max;
        if wanted_bytes <= limit_bytes {
            return Ok(());
        }
        let kind = FaultKind::Memory { wanted_bytes, limit_bytes };
        Err(Error::Fault(Box::new(Fault::at_instantiation(kind, self.component().name()))))
    }
}

impl Instance {
    /// Takes what was written since the base image or the last capture. Between two calls, and never after a fault:
    /// the guest's stack pointer would be wherever it was stopped.
    ///
    /// # Errors
    ///
    /// [`Error::InstanceGone`] after a fault; [`Error::NotSnapshotable`]; [`Error::Snapshot`] when the kernel does not
    /// tell what was written.
    pub async fn capture(&mut self) -> Result<Capture, Error> {
        let obstacles = self.linked.component().snapshot_obstacles();
        if !obstacles.is_empty() {
            return Err(not_snapshotable(&self.linked, obstacles.to_vec()));
        }
        let snapshot = self.capture_written().await?;
        let since = if self.attached.is_own { Since::Last } else { Since::Base };
        if self.attached.is_own || snapshot.pages() >= OWN_IMAGE_PAGES_MIN {
            let rebased = self.attached.rebase(&snapshot);
            if let Err(error) = rebased {
                // Some pages may show the new image and others the old one, which the next capture could not tell.
                self.gone = true;
                return Err(snapshot_failed(&self.linked, &error));
            }
        }
        Ok(Capture { snapshot, since })
    }

    /// The image of an instance's last capture, which it shares until one of the two changes it. None before an
    /// instance has an image of its own.
    pub fn captured_image(&self, globals: &[u64]) -> Option<ActorImage> {
        let base = self.linked.component().base_image_cell().get()?;
        let memories = self.attached.memories.iter().zip(base.memories.iter()).map(|(memory, base)| ImageMemory {
            image: memory.image.clone(),
            size_bytes: memory.image_of_bytes,
            grown_at_start_bytes: base.grown_at_start_bytes,
        });
        let component = base.component;
        self.attached.is_own.then(|| ActorImage { component, memories: memories.collect(), globals: globals.into() })
    }

    /// The BLAKE3 of all memories and globals: equal exactly if two instances of a component have the same state.
    pub async fn state_digest(&mut self) -> Result<crate::Digest, Error> {
        let globals = self.read_globals().await?;
        let mut hasher = blake3::Hasher::new();
        for memory in &self.attached.memories {
            let size_bytes = memory.mapping.size_bytes();
            hasher.update(&(size_bytes as u64).to_le_bytes());
            let mut bytes = Vec::with_capacity(size_bytes);
            // SAFETY: `&mut self` says that no call is running, and `read_globals` that none was left halfway.
            unsafe { memory.mapping.read(0, size_bytes.div_ceil(PAGE_BYTES) as u64, &mut bytes) }
                .map_err(|error| snapshot_failed(&self.linked, &error))?;
            hasher.update(&bytes);
        }
        for global in globals {
            hasher.update(&global.to_le_bytes());
        }
        Ok(crate::Digest::from_hash(hasher.finalize()))
    }

    async fn capture_written(&mut self) -> Result<Snapshot, Error> {
        let globals = self.read_globals().await?;
        let mut memories = Vec::with_capacity(self.attached.memories.len());
        for memory in &self.attached.memories {
            memories.push(memory.take_written().map_err(|error| snapshot_failed(&self.linked, &error))?);
        }
        Ok(Snapshot { memories, globals })
    }

    async fn read_globals(&mut self) -> Result<Vec<u64>, Error> {
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
    async fn set_globals(&mut self, fresh: &[u64], wanted: &[u64]) -> Result<(), Error> {
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

impl Attached {
    /// The memories that an instantiation made by these plans.
    pub(crate) fn new(mappings: Vec<Arc<Mapping>>, plans: &[MemoryPlan]) -> Attached {
        let memories = mappings.into_iter().enumerate().map(|(at, mapping)| AttachedMemory {
            image_of_bytes: mapping.size_bytes(),
            mapping,
            image: plans.get(at).and_then(|plan| plan.image.clone()),
        });
        Attached { memories: memories.collect(), is_own: false }
    }

    /// The size of all memories together.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.memories.iter().map(|memory| memory.mapping.size_bytes() as u64).sum()
    }

    /// Lets the memories show images that hold what was captured, so that nothing counts as written any more.
    fn rebase(&mut self, captured: &Snapshot) -> io::Result<()> {
        for (memory, captured) in self.memories.iter_mut().zip(&captured.memories) {
            memory.rebase(captured, self.is_own)?;
        }
        self.is_own = true;
        Ok(())
    }
}

impl AttachedMemory {
    fn take_written(&self) -> io::Result<MemorySnapshot> {
        let written = pages::written(&self.mapping)?;
        let runs: Vec<PageRun> =
            written.iter().map(|range| PageRun { first_page: range.start, pages: range.end - range.start }).collect();
        let pages: u64 = runs.iter().map(|run| run.pages).sum();
        let mut bytes = Vec::with_capacity(pages as usize * PAGE_BYTES);
        for run in &runs {
            // SAFETY: the callers hold the instance exclusively and have checked that no call was left halfway.
            unsafe { self.mapping.read(run.first_page, run.pages, &mut bytes)? };
        }
        Ok(MemorySnapshot { size_bytes: self.mapping.size_bytes() as u64, runs, bytes })
    }

    fn rebase(&mut self, captured: &MemorySnapshot, is_own: bool) -> io::Result<()> {
        self.image_of_bytes = self.mapping.size_bytes();
        let own = self.image.as_mut().filter(|_| is_own).and_then(Arc::get_mut);
        let (image, was_bytes) = match own {
            Some(image) => {
                let was_bytes = image.size_bytes();
                (image, was_bytes)
            }
            // The base's, or shared with a fork: those go on seeing it as it is.
            None => {
                let size_bytes = captured.size_bytes as usize;
                let copy = match &self.image {
                    Some(image) => image.copy(size_bytes)?,
                    None => Image::zeros(size_bytes)?,
                };
                (Arc::get_mut(self.image.insert(Arc::new(copy))).expect("it was made just now"), 0)
            }
        };
        for (first_page, bytes) in captured.contents() {
            image.write(first_page, bytes)?;
        }
        if image.size_bytes() == was_bytes {
            for run in &captured.runs {
                // SAFETY: the callers hold the instance exclusively; the image now has the bytes of these pages.
                unsafe { self.mapping.forget(run.first_page, run.pages)? };
            }
            return Ok(());
        }
        // SAFETY: as above, for the whole memory.
        unsafe { self.mapping.map(Some(image)) }
    }
}

impl ActorImage {
    fn is_same(&self, other: &ActorImage) -> bool {
        Arc::ptr_eq(&self.memories, &other.memories)
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

/// Accessors are a few instructions of the engine's own; no deadline of the guest's shall interrupt them.
const EPOCHS_FOR_ACCESSORS: u64 = 60_000;

fn snapshot_failed(linked: &Linked, message: &dyn std::fmt::Display) -> Error {
    Error::Snapshot { name: linked.component().name().to_owned(), message: message.to_string() }
}

fn not_snapshotable(linked: &Linked, obstacles: Vec<String>) -> Error {
    Error::NotSnapshotable { name: linked.component().name().to_owned(), obstacles }
}
