//! An actor that keeps a buffer on the compute device, and runs whatever kernel it is given on it. It shows what becomes
//! of a buffer and of kernels of all kinds, the hostile ones included.

use belljar_guest::compute::{self, Buffer, Command, Error, Pipeline};
use belljar_guest::state;

belljar_guest::plugin!(
    r#"
    package belljar:workbench;

    world workbench {
        include belljar:plugin/actor@0.1.0;
        import belljar:plugin/compute@0.1.0;

        use belljar:plugin/compute@0.1.0.{error as compute-error};

        /// Takes a buffer with these numbers instead of the one that it has.
        export put: func(numbers: list<u32>) -> result<_, compute-error>;

        /// The numbers in the buffer.
        export get: func() -> result<list<u32>, compute-error>;

        /// Runs the function `main` of a kernel in WGSL, which sees the buffer as `@group(0) @binding(0)`, and waits for it.
        export run: func(source: string, workgroups: u32) -> result<_, compute-error>;

        /// The same, but leaves it to the host to wait.
        export leave: func(source: string, workgroups: u32) -> result<_, compute-error>;
    }"#
);

state! {
    /// None before the first `put`.
    static BENCH: Option<Bench> = None;
}

struct Bench {
    buffer: Buffer,
    size_bytes: u64,
}

impl Bench {
    fn new(numbers: &[u32]) -> Result<Self, Error> {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let (buffer, size_bytes) = (Buffer::new(bytes.len() as u64)?, bytes.len() as u64);
        buffer.write(0, &bytes)?;
        Ok(Self { buffer, size_bytes })
    }

    fn submit(&self, source: &str, workgroups: u32) -> Result<(), Error> {
        let pipeline = Pipeline::new(source, "main")?;
        let bindings = [self.buffer.bind(0, 0)];
        compute::submit(&[Command::Dispatch {
            pipeline: &pipeline,
            bindings: &bindings,
            workgroups: (workgroups, 1, 1),
        }])
    }
}

struct Workbench;

impl Guest for Workbench {
    fn put(numbers: Vec<u32>) -> Result<(), ComputeError> {
        BENCH.set(Some(Bench::new(&numbers)?));
        Ok(())
    }

    fn get() -> Result<Vec<u32>, ComputeError> {
        with_bench(|bench| {
            let bytes = bench.buffer.read(0, bench.size_bytes)?;
            Ok(bytes.as_chunks().0.iter().copied().map(u32::from_le_bytes).collect())
        })
    }

    fn run(source: String, workgroups: u32) -> Result<(), ComputeError> {
        with_bench(|bench| {
            bench.submit(&source, workgroups)?;
            compute::finish().map(drop)
        })
    }

    fn leave(source: String, workgroups: u32) -> Result<(), ComputeError> {
        with_bench(|bench| bench.submit(&source, workgroups))
    }
}

export!(Workbench);

fn with_bench<T>(work: impl FnOnce(&Bench) -> Result<T, Error>) -> Result<T, ComputeError> {
    BENCH.with(|bench| bench.as_ref().ok_or(Error::UnknownBuffer(0)).and_then(work))
}
