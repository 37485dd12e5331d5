//! Integration tests of the archive, one binary for all.

mod mirror;
