//! Hostile: what the network, a neighbour, a careless administrator and a failing disk can throw at the running program.
//!
//! Every case speaks to the real binary from outside and ends with the same questions: is the process alive, has nothing
//! panicked, is a legitimate supplicant still served, is memory still bounded, and was what had to be said said once?

mod accounting;
mod beside;
mod blast;
mod codes;
mod connections;
mod crowd;
mod disk;
mod duplicates;
mod eap;
mod enumeration;
mod expired;
mod flood;
mod ground;
mod guesses;
mod hints;
mod https;
mod installation;
mod legacy;
mod locked;
mod orders;
mod osquery;
mod packets;
mod radsec;
mod rejects;
mod replays;
mod sequences;
mod signals;
mod startup;
mod state;
