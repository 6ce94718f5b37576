//! Tells cargo that the embedded migrations are inputs of this crate.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
