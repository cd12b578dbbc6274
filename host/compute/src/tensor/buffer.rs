//! The elements of a tensor, which are with the host, on the device, or on both. Whichever side computed them has them
//! first, and the other one gets a copy when it is first asked for. So an operation can be computed on either side,
//! whatever side computed its operands.
//!
//! A copy is charged like another buffer, until the elements are overwritten or dropped.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use super::error::TensorError;
use super::memory::{Charge, HostNumbers, Memory};
use super::wgsl::{DeviceNumbers, Queue};

/// The elements of a tensor: on one side at least.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    host: OnceLock<Arc<HostNumbers>>,
    device: Mutex<DeviceSide>,
    copy: OnceLock<Arc<Charge>>,
}

#[derive(Debug, Default)]
struct DeviceSide {
    numbers: Option<Arc<DeviceNumbers>>,
    /// What was read back for a snapshot, as long as that is there.
    settled: Weak<HostNumbers>,
}

impl Buffer {
    /// Elements that the host has.
    pub(crate) fn of_host(numbers: HostNumbers) -> Buffer {
        Buffer { host: OnceLock::from(Arc::new(numbers)), ..Buffer::default() }
    }

    /// Elements that the device has.
    pub(crate) fn of_device(numbers: DeviceNumbers) -> Buffer {
        let side = DeviceSide { numbers: Some(Arc::new(numbers)), ..DeviceSide::default() };
        Buffer { device: Mutex::new(side), ..Buffer::default() }
    }

    /// The elements for a snapshot, which gets none of the charges: those of the host, or those that were
    /// [settled](Self::settle), and else what the device has.
    pub(crate) fn shared(&self) -> Buffer {
        let side = self.device_side();
        match self.host.get().cloned().or_else(|| side.settled.upgrade()) {
            Some(host) => Buffer { host: OnceLock::from(host), ..Buffer::default() },
            None => {
                let side = DeviceSide { numbers: side.numbers.clone(), ..DeviceSide::default() };
                Buffer { device: Mutex::new(side), ..Buffer::default() }
            }
        }
    }

    /// The elements with the host. Those that only the device has are waited for.
    pub(crate) fn values(&self, charge: &Charge) -> Result<&[f32], TensorError> {
        if self.host.get().is_none()
            && let Some(numbers) = self.on_device()
        {
            let values = self.copied(charge, || {
                let mut values = charge.memory().numbers(numbers.elements());
                numbers.read(&mut values.values)?;
                Ok(values)
            })?;
            // Of two who read at once, either has the same.
            let _ = self.host.set(Arc::new(values));
        }
        Ok(self.host.get().map_or(&[], |numbers| &numbers.values))
    }

    /// The elements on the device that has this queue.
    pub(crate) fn numbers(&self, queue: &Arc<Queue>, charge: &Charge) -> Result<Arc<DeviceNumbers>, TensorError> {
        if let Some(numbers) = self.on_device()
            && numbers.is_of(queue)
            && (self.host.get().is_none() || !numbers.are_lost())
        {
            return Ok(numbers);
        }
        let values = self.values(charge)?;
        let numbers = Arc::new(self.copied(charge, || queue.write(values))?);
        self.device_side().numbers = Some(Arc::clone(&numbers));
        Ok(numbers)
    }

    /// Whether the device that has this queue has the elements.
    pub(crate) fn is_on(&self, queue: &Arc<Queue>) -> bool {
        self.on_device().is_some_and(|numbers| numbers.is_of(queue))
    }

    /// The elements to be overwritten by the host, which alone has them from now on. `None` when a snapshot shares them.
    pub(crate) fn values_mut(&mut self, charge: &Charge) -> Result<Option<&mut [f32]>, TensorError> {
        self.values(charge)?;
        self.let_go_of_device();
        Ok(self.host.get_mut().and_then(Arc::get_mut).map(|numbers| &mut numbers.values[..]))
    }

    /// The elements to be overwritten by the device, which alone has them from now on. `None` when a snapshot shares
    /// them.
    pub(crate) fn numbers_mut(
        &mut self,
        queue: &Arc<Queue>,
        charge: &Charge,
    ) -> Result<Option<Arc<DeviceNumbers>>, TensorError> {
        drop(self.numbers(queue, charge)?);
        self.host.take();
        self.copy.take();
        let side = self.device.get_mut().unwrap_or_else(PoisonError::into_inner);
        side.settled = Weak::new();
        Ok(side.numbers.as_mut().filter(|numbers| Arc::strong_count(numbers) == 1).cloned())
    }

    /// Reads back what only the device has, and keeps it apart for as long as the caller does, for a snapshot.
    pub(crate) async fn settle(&self, memory: &Memory) -> Result<Option<Arc<HostNumbers>>, TensorError> {
        if self.host.get().is_some() {
            return Ok(None);
        }
        let settled = self.device_side().settled.upgrade();
        if settled.is_some() {
            return Ok(settled);
        }
        let Some(numbers) = self.on_device() else { return Ok(None) };
        let mut values = memory.numbers(numbers.elements());
        numbers.read_back(&mut values.values).await?;
        let values = Arc::new(values);
        self.device_side().settled = Arc::downgrade(&values);
        Ok(Some(values))
    }

    fn on_device(&self) -> Option<Arc<DeviceNumbers>> {
        self.device_side().numbers.clone()
    }

    /// Makes the copy that the other side gets. One that cannot be made is not charged.
    fn copied<T>(&self, charge: &Charge, copy: impl FnOnce() -> Result<T, TensorError>) -> Result<T, TensorError> {
        let room = if self.copy.get().is_none() { Some(charge.again()?) } else { None };
        let copied = copy()?;
        if let Some(room) = room {
            let _ = self.copy.set(room);
        }
        Ok(copied)
    }

    fn let_go_of_device(&mut self) {
        *self.device.get_mut().unwrap_or_else(PoisonError::into_inner) = DeviceSide::default();
        self.copy.take();
    }

    fn device_side(&self) -> MutexGuard<'_, DeviceSide> {
        // A side is whole after any panic.
        self.device.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
