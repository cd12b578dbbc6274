//! wgpu reports errors to scopes instead of returning them. Everything that a guest's request can make fail
//! runs in scopes here, and comes out as a [`Failure`].

use wgpu::{Device, Error, ErrorFilter};

use crate::device::protocol::Failure;

/// Runs what may fail on the device.
pub(super) fn scoped<T>(device: &Device, run: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let filters = [ErrorFilter::Internal, ErrorFilter::OutOfMemory, ErrorFilter::Validation];
    let scopes = filters.map(|filter| device.push_error_scope(filter));
    let result = run();
    // Scopes are left in the opposite order; the first error is the one that the others follow from.
    let mut failure = None;
    for scope in scopes.into_iter().rev() {
        failure = failure.or(pollster::block_on(scope.pop()).map(failure_of));
    }
    match failure {
        Some(failure) => Err(failure),
        None => result,
    }
}

fn failure_of(error: Error) -> Failure {
    match error {
        Error::OutOfMemory { .. } => Failure::OutOfMemory,
        Error::Validation { description, .. } => Failure::Invalid(description),
        Error::Internal { description, .. } => Failure::Invalid(description),
    }
}
