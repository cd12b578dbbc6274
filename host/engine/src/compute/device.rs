//! An instance's part in the machine's compute device: its buffers and pipelines, and what steps its boards there. The
//! former are in a session from when the instance first uses them, and plain bytes before that, so that an actor that was
//! restored starts no worker that it does not need. Its boards have a session of their own, of which nothing is state: a
//! kernel of the guest's that ends badly takes nothing from them, and they no ids from the guest.

use belljar_compute::automaton::DeviceStepper;
use belljar_compute::device::{Device, DeviceError, Image, Session, Usage};

use super::Processors;

/// The buffers and pipelines of one instance.
#[derive(Default)]
pub(crate) struct DeviceUse {
    /// What there was when it was last settled.
    image: Image,
    session: Option<Session>,
    /// What steps boards, while nothing does.
    stepper: Option<DeviceStepper>,
    /// What steppers used that are no more.
    past: Usage,
}

impl DeviceUse {
    /// These, which it does not use yet.
    pub(crate) fn new(image: Image) -> DeviceUse {
        DeviceUse { image, ..DeviceUse::default() }
    }

    /// What the buffers take.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.session.as_ref().map_or_else(|| self.image.size_bytes(), |session| session.usage().memory_bytes)
    }

    /// What was used so far.
    pub(crate) fn usage(&self) -> Usage {
        let session = self.session.as_ref().map(Session::usage).unwrap_or_default();
        let stepper = self.stepper.as_ref().map(DeviceStepper::usage).unwrap_or_default();
        session + stepper + self.past
    }

    /// What steps boards on the device, where they may take so many bytes, to be given back.
    pub(crate) fn take_stepper(&mut self, device: &Device, memory_bytes_max: u64) -> DeviceStepper {
        let mut stepper = self.stepper.take().unwrap_or_else(|| DeviceStepper::new(device, memory_bytes_max));
        stepper.set_memory_bytes_max(memory_bytes_max);
        stepper
    }

    /// Takes back what steps boards. One that failed may have left something on the device, and goes.
    pub(crate) fn give_stepper(&mut self, stepper: DeviceStepper, has_failed: bool) {
        if has_failed {
            self.past = self.past + Usage { memory_bytes: 0, ..stepper.usage() };
        } else {
            self.stepper = Some(stepper);
        }
    }

    /// The session, in which buffers may take so many bytes. It is opened if there is none.
    pub(crate) async fn session(
        &mut self,
        processors: &Processors,
        memory_bytes_max: u64,
    ) -> Result<&Session, DeviceError> {
        let session = match self.session.take() {
            Some(session) => session,
            None => processors.device().await?.restore(self.image.clone())?,
        };
        session.set_memory_bytes_max(memory_bytes_max);
        Ok(self.session.insert(session))
    }

    /// The buffers whose contents were lost.
    pub(crate) fn lost_buffers(&self) -> Vec<u64> {
        self.session.as_ref().map_or_else(|| self.image.lost_buffers(), Session::lost_buffers)
    }

    /// Waits for what is queued.
    pub(crate) async fn finish(&self) -> Result<(), DeviceError> {
        match &self.session {
            Some(session) => session.finish().await.map(drop),
            None => Ok(()),
        }
    }

    /// Reads back what there is now. A loss that the guest does not know of is an error, and not kept.
    pub(crate) async fn settle(&mut self) -> Result<(), DeviceError> {
        if let Some(session) = &self.session {
            self.image = session.save().await?;
        }
        Ok(())
    }

    /// What there was then.
    pub(crate) fn image(&self) -> &Image {
        &self.image
    }
}
