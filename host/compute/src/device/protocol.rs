//! What the host and a worker process say to each other over their socket: one request, one reply, in frames
//! with their length before them. The bytes of buffers don't travel here but in the [transfer area]. Both
//! sides limit what they read: the host because a worker that runs a guest's kernel through a driver is not
//! to be trusted, and the worker because that is one line.
//!
//! [transfer area]: super::transfer

use std::io;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::adapter::Adapter;
use super::commands::Command;
use super::shader::ShaderError;
use super::transfer::Half;

/// A frame's size at most: a submission with all its bindings, or a kernel's source.
pub(super) const FRAME_BYTES_MAX: usize = 8 << 20;

/// What the host asks a worker for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Request {
    /// The first request: which adapter to use.
    Open {
        /// Whether a CPU adapter will do.
        allow_cpu: bool,
        /// A part of the adapter's name, in any case of letters, if it is to be a certain one.
        adapter_name: Option<String>,
        /// Bytes of buffers that this worker will be asked for at most.
        memory_bytes_max: u64,
    },
    /// A buffer full of zeros.
    CreateBuffer { buffer: u64, size_bytes: u64 },
    /// A buffer is needed no more.
    FreeBuffer { buffer: u64 },
    /// The first bytes of a half of the transfer area go into a buffer.
    Write { buffer: u64, offset_bytes: u64, length_bytes: u64, half: Half },
    /// Bytes of a buffer go to the start of a half of the transfer area.
    Read { buffer: u64, offset_bytes: u64, length_bytes: u64, half: Half },
    /// Builds a pipeline.
    CreatePipeline { pipeline: u64, source: String, entry_point: String },
    /// A pipeline is needed no more.
    FreePipeline { pipeline: u64 },
    /// Runs the commands in order and waits for the last.
    Run { commands: Vec<Command> },
}

/// What a worker answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Reply {
    /// To `Open`.
    Opened(Adapter),
    /// To `Run`: how long the device took, where it can tell.
    Ran { device_time_ns: Option<u64> },
    /// To everything else.
    Done,
    /// The request failed.
    Failed(Failure),
}

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Failure {
    /// There is no adapter that is asked for; the text says what there is.
    NoAdapter(String),
    /// The kernel was refused.
    Shader(ShaderError),
    /// The device refused the request.
    Invalid(String),
    /// The device has no memory left.
    OutOfMemory,
    /// A kernel ran out of fuel.
    OutOfFuel { pipeline: u64, fuel: u32 },
    /// The device is gone; the worker is of no more use.
    DeviceLost(String),
}

/// A message as a frame: its length as 32 bits, little-endian, and postcard.
pub(super) fn encode<T: Serialize>(message: &T) -> io::Result<Vec<u8>> {
    let mut frame = postcard::to_extend(message, vec![0; size_of::<u32>()]).map_err(invalid_data)?;
    let length = frame.len() - size_of::<u32>();
    if length > FRAME_BYTES_MAX {
        return Err(invalid_data(format!("a message of {length} bytes; FRAME_BYTES_MAX allows {FRAME_BYTES_MAX}")));
    }
    frame[..size_of::<u32>()].copy_from_slice(&(length as u32).to_le_bytes());
    Ok(frame)
}

/// Sends a message.
pub(super) async fn send<T: Serialize>(to: &mut (impl AsyncWriteExt + Unpin), message: &T) -> io::Result<()> {
    to.write_all(&encode(message)?).await
}

/// Receives a message. The end of the stream is [`io::ErrorKind::UnexpectedEof`].
pub(super) async fn receive<T: DeserializeOwned>(from: &mut (impl AsyncReadExt + Unpin)) -> io::Result<T> {
    let mut length = [0; size_of::<u32>()];
    from.read_exact(&mut length).await?;
    let mut frame = vec![0; checked_length(length)?];
    from.read_exact(&mut frame).await?;
    decode(&frame)
}

/// Sends a message from a thread that may block.
pub(super) fn send_blocking<T: Serialize>(to: &mut impl io::Write, message: &T) -> io::Result<()> {
    to.write_all(&encode(message)?)
}

/// Receives a message on a thread that may block.
pub(super) fn receive_blocking<T: DeserializeOwned>(from: &mut impl io::Read) -> io::Result<T> {
    let mut length = [0; size_of::<u32>()];
    from.read_exact(&mut length)?;
    let mut frame = vec![0; checked_length(length)?];
    from.read_exact(&mut frame)?;
    decode(&frame)
}

fn checked_length(length: [u8; size_of::<u32>()]) -> io::Result<usize> {
    let length = u32::from_le_bytes(length) as usize;
    if length > FRAME_BYTES_MAX {
        return Err(invalid_data(format!("a frame of {length} bytes; FRAME_BYTES_MAX allows {FRAME_BYTES_MAX}")));
    }
    Ok(length)
}

fn decode<T: DeserializeOwned>(frame: &[u8]) -> io::Result<T> {
    match postcard::take_from_bytes(frame).map_err(invalid_data)? {
        (message, []) => Ok(message),
        (_, rest) => Err(invalid_data(format!("{} bytes too many in a frame", rest.len()))),
    }
}

fn invalid_data(error: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_message_arrives_as_it_was_sent() {
        let request = Request::Read { buffer: 7, offset_bytes: 1 << 40, length_bytes: 3, half: Half::Second };
        let frame = encode(&request).expect("a small message");
        assert_eq!(receive_blocking::<Request>(&mut &frame[..]).expect("a whole frame"), request);
    }

    #[test]
    fn a_frame_that_says_it_is_huge_is_refused_before_memory_is_taken() {
        let error = receive_blocking::<Reply>(&mut &u32::MAX.to_le_bytes()[..]).expect_err("4 GiB");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_a_message_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let mut frame = (bytes.len() as u32).to_le_bytes().to_vec();
            frame.extend_from_slice(&bytes);
            if let Ok(reply) = receive_blocking::<Reply>(&mut &frame[..]) {
                let again = encode(&reply).expect("what was decoded can be encoded");
                prop_assert_eq!(receive_blocking::<Reply>(&mut &again[..]).expect("a whole frame"), reply);
            }
        }
    }
}
