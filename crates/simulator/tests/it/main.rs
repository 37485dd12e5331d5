//! The simulator's contract, over real HTTP and with the real `git`.

mod control;
mod credentials;
mod git;
mod lists;
mod replay;
mod spec;
mod support;
mod world;
