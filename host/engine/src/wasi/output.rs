//! A guest's standard output and error, which go to the log line by line, within the log's limits.

use bytes::Bytes;
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use crate::capability::Level;
use crate::capability::log::SharedLog;
use crate::fault::{FaultKind, raise};

/// Bytes that a guest may write to its output at a time: 64 KiB, as WASI's own streams take.
const OUTPUT_CHUNK_BYTES_MAX: usize = 64 << 10;

/// Standard output or error: what is written is cut into lines and logged. One stream object exists for each
/// time the guest asks for the stream; a line's beginning waits in the one it was written to.
#[derive(Clone)]
pub(super) struct Output {
    level: Level,
    log: SharedLog,
    begun: Vec<u8>,
}

impl Output {
    pub(super) fn new(level: Level, log: &SharedLog) -> Output {
        Output { level, log: log.clone(), begun: Vec::new() }
    }

    fn log_begun(&mut self) -> Result<(), FaultKind> {
        let line = std::mem::take(&mut self.begun);
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end();
        if line.is_empty() { Ok(()) } else { self.log.line(self.level, line) }
    }
}

impl wasmtime_wasi::cli::IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl wasmtime_wasi::cli::StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Only WASI 0.3 asks for this one, and it is not linked.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = self.log.line_bytes_max().saturating_sub(self.begun.len());
            self.begun.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.ends_with(b"\n") {
                self.log_begun().map_err(|fault| StreamError::Trap(raise(fault)))?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(OUTPUT_CHUNK_BYTES_MAX)
    }
}

impl Drop for Output {
    /// A last line without its line break is logged when the stream is closed.
    fn drop(&mut self) {
        if self.log_begun().is_err() {
            tracing::debug!("the last line of a guest's output was over its log limit");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Limits;
    use crate::testing::Heard;

    fn output(limits: &Limits) -> (Output, Arc<Heard>) {
        let heard = Arc::new(Heard::default());
        let log = SharedLog::new("guest".into(), "".into(), heard.clone(), limits);
        (Output::new(Level::Info, &log), heard)
    }

    fn write(output: &mut Output, text: &str) -> StreamResult<()> {
        output.write(Bytes::copy_from_slice(text.as_bytes()))
    }

    fn logged(line: &str) -> String {
        format!("guest/(instantiation)/: Log {{ level: Info, message: {line:?} }}")
    }

    #[test]
    fn every_line_is_logged_when_it_is_complete_and_the_last_one_at_the_end() {
        let (mut output, heard) = output(&Limits::default());
        write(&mut output, "one\r\n\ntw").expect("it is taken");
        assert_eq!(heard.lines(), [logged("one")]);
        write(&mut output, "o\nthree").expect("it is taken");
        assert_eq!(heard.lines(), [logged("one"), logged("two")]);
        drop(output);
        assert_eq!(heard.lines(), [logged("one"), logged("two"), logged("three")]);
    }

    #[test]
    fn a_line_without_end_takes_no_more_than_a_lines_memory() {
        let limits = Limits { log_line_bytes_max: 8, ..Limits::default() };
        let (mut output, heard) = output(&limits);
        for _ in 0..1_000 {
            write(&mut output, "0123456789").expect("it is taken");
        }
        assert_eq!(output.begun.len(), 8);
        write(&mut output, "\n").expect("it is taken");
        assert_eq!(heard.lines(), [logged("01234567")]);
    }

    #[test]
    fn what_is_not_text_is_logged_as_well_as_can_be() {
        let (mut output, heard) = output(&Limits::default());
        output.write(Bytes::from_static(b"a\xffb\n")).expect("it is taken");
        assert_eq!(heard.lines(), [logged("a\u{fffd}b")]);
    }

    #[test]
    fn a_flood_of_lines_is_a_fault() {
        let limits = Limits { log_lines_per_second_max: 2, ..Limits::default() };
        let (mut output, heard) = output(&limits);
        let Err(StreamError::Trap(error)) = write(&mut output, "1\n2\n3\n") else { panic!("it is too much") };
        assert_eq!(error.to_string(), FaultKind::LogRate { limit: 2 }.to_string());
        assert_eq!(heard.lines().len(), 2);
    }
}
