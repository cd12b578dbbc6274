//! `belljar-compute-worker`: a program that is nothing but a compute worker, for embedders whose own `main` can't
//! become one.

fn main() {
    #[cfg(target_os = "linux")]
    belljar_compute::device::worker::run_if_asked();
    eprintln!("This program is started by Belljar, as a worker process of its compute device.");
    std::process::exit(1);
}
