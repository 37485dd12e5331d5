//! Mirrors of real bare repositories over real smart HTTP, by both transports.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a helper that cannot go on says where, like a test"
)]

pub(crate) mod fixture;
mod server;

mod faults;
mod gate;
mod kept;
mod kill;
mod local;
mod measure;
mod measure_segments;
mod pointers;
mod refs;
mod restore;
mod segments;
mod updates;

/// Makes two tests of each function: one for gix, one for the `git` program.
macro_rules! with_both_transports {
    ($($name:ident),+ $(,)?) => {
        mod gix {
            $(#[test] fn $name() { super::$name(bucketload_archive::mirror::TransportKind::Gix); })+
        }
        mod git_program {
            $(#[test] fn $name() { super::$name(bucketload_archive::mirror::TransportKind::GitProgram); })+
        }
    };
}
use with_both_transports;
