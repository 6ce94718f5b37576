//! The program `nac`: listens, authenticates, decides, enforces; and the command line.
