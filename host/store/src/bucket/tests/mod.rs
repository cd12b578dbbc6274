//! What holds for buckets as a whole.

mod collection;
mod damage;
mod formats;
mod leases;
mod s3;
mod support;
mod transfer;
