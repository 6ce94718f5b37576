//! Room for recursion.
//!
//! Cedar's parser and validator call themselves once for every level of a policy's tree, and take
//! tens of kilobytes for each in a debug build, so that a hundred `&&` in a row overflow the stack
//! of an ordinary thread, which ends the process. The scanner bounds the levels; this gives them
//! the room that they need. Evaluation needs none of it: there Cedar watches its stack itself.

use std::thread;

/// Enough for the deepest policy that the scanner lets through, several times over. The pages are
/// only taken when they are touched.
const STACK_SIZE: usize = 128 << 20;

/// Does some work on a thread with a deep stack, and waits for it.
pub(crate) fn with_room<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    thread::scope(|scope| {
        let worker = thread::Builder::new()
            .name("policy".to_owned())
            .stack_size(STACK_SIZE)
            .spawn_scoped(scope, work)
            .map_err(|error| format!("no thread to read the policy with: {error}"))?;
        worker
            .join()
            .map_err(|_| "reading the policy ended in a panic".to_owned())
    })
}
