//! What runs in a worker process: one owner's buffers and pipelines on one device. The host starts it with its
//! own program, or another that calls [`run_if_asked`], and kills it whenever it takes too long: a dispatch
//! can't be taken back from a driver, but a process can.
//!
//! Descriptor 0 is the socket on which the requests come, descriptor 1 the transfer area. A thread does nothing
//! but read the socket, so that a worker ends with its host even while the driver is at work; a signal at the
//! parent's death would not do, because Linux sends that when the *thread* that started the process ends.

mod area;
mod descriptors;
mod gpu;
mod harden;
mod kernel;
mod open;
mod scope;
mod staging;

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use super::protocol::{self, Failure, Reply, Request};
use area::Area;
use gpu::Gpu;

/// The environment variable by which a process knows that it is to be a worker.
pub(super) const WORKER_VARIABLE: &str = "BELLJAR_COMPUTE_WORKER";

/// Requests that wait in the worker at most. The host sends the next when it has the reply.
const REQUESTS_MAX: usize = 1;

static CAN_BE_WORKER: AtomicBool = AtomicBool::new(false);

/// Becomes a worker if the process was started as one, and never returns then. A program that opens a device
/// calls this first in its `main`, before it starts a thread; the device refuses to start that program as a
/// worker otherwise, because it would only start itself again.
pub fn run_if_asked() {
    if std::env::var_os(WORKER_VARIABLE).is_none() {
        CAN_BE_WORKER.store(true, Ordering::Relaxed);
        return;
    }
    let code = match run() {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("belljar compute worker: {error}");
            1
        }
    };
    std::process::exit(code)
}

/// Whether [`run_if_asked`] was called, so that this program becomes a worker when it is started as one.
pub(super) fn this_program_can_be_worker() -> bool {
    CAN_BE_WORKER.load(Ordering::Relaxed)
}

fn run() -> io::Result<()> {
    descriptors::let_go_of_inherited()?;
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut area = Area::map(io::stdout().as_fd().try_clone_to_owned()?)?;
    harden::at_start()?;
    let requests = read_requests(socket.try_clone()?)?;
    serve(socket, &mut area, &requests)
}

/// Reads requests on a thread of its own, which ends the process when the host is gone.
fn read_requests(mut socket: UnixStream) -> io::Result<Receiver<Request>> {
    let (sender, receiver) = sync_channel(REQUESTS_MAX);
    let read = move || {
        while let Ok(request) = protocol::receive_blocking(&mut socket) {
            if sender.send(request).is_err() {
                break;
            }
        }
        // At once: what a driver does at an orderly exit may wait for the very work that nobody wants any more.
        std::process::abort()
    };
    thread::Builder::new().name("requests".into()).spawn(read)?;
    Ok(receiver)
}

fn serve(mut socket: UnixStream, area: &mut Area, requests: &Receiver<Request>) -> io::Result<()> {
    let mut gpu: Option<Gpu> = None;
    for request in requests {
        let reply = match (&mut gpu, request) {
            (slot, Request::Open { allow_cpu, adapter_name, memory_bytes_max }) => {
                match Gpu::open(allow_cpu, adapter_name.as_deref()) {
                    Ok(opened) => {
                        let adapter = opened.adapter().clone();
                        harden::after_open(&adapter, memory_bytes_max)?;
                        *slot = Some(opened);
                        Ok(Reply::Opened(adapter))
                    }
                    Err(failure) => Err(failure),
                }
            }
            (Some(gpu), request) => gpu.answer(request, area),
            (None, _) => Err(Failure::Invalid("a request before the device was opened".into())),
        };
        protocol::send_blocking(&mut socket, &reply.unwrap_or_else(Reply::Failed))?;
    }
    Ok(())
}
