//! Making an instance that goes on from an image or a snapshot.
#![allow(unsafe_code, reason = "the memories of an instance are mapped before its first call")]

use std::sync::Arc;

use super::actor_image::{ActorImage, ImageMemory};
use super::capture::{OWN_IMAGE_PAGES_MIN, not_snapshotable, snapshot_failed};
use super::{MemorySnapshot, Snapshot};
use crate::fault::{Fault, FaultKind};
use crate::{Error, Instance, Linked, Services};

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
        let snapshot = instance.copy_written().await?;
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
        image.check(base).map_err(|message| snapshot_failed(self, &message))?;
        self.check_memory(image.size_bytes())?;
        let plans = image.plans(base, component.fresh_memories(), component.has_start());
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

impl ActorImage {
    fn is_same(&self, other: &ActorImage) -> bool {
        Arc::ptr_eq(&self.memories, &other.memories)
    }
}
