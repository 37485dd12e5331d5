//! Whatever ends in the middle, and wherever: the import ends complete, and is the same as
//! an undisturbed one.
//!
//! | module | what ends |
//! |---|---|
//! | `sqlite` | the worker, again and again, at points that a seed chooses |
//! | `postgres` | one of two workers; the database's server, in two ways |
//! | `machines` | one of two workers on machines that share no file |
//! | `disk` | the space on the disk |
//! | `network` | the way to Bitbucket |
//! | `clone` | the wish to clone |
//!
//! | module | holds |
//! |---|---|
//! | `dice` | what a seed chooses |
//! | `life` | one process of a worker, and what it says |
//! | `state` | what an import's row and folder hold |

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a seed that fails names itself; how many came at the right time is worth knowing"
)]

mod clone;
mod dice;
mod disk;
mod life;
mod machines;
mod network;
mod postgres;
mod sqlite;
mod state;

const NAME: &str = "seaside/lighthouse";
