//! The program `nac`. Everything it can do is in the library; see its command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    nac_server::cli::main()
}
