//! The program `nac`. Everything it can do is in the library; see its command line.

use std::process::ExitCode;

/// Records are made by one thread and dropped by another, which costs the system's allocator a seventh of all processor time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    nac_server::cli::main()
}
