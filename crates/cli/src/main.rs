//! The `bucketload` command.

fn main() {}
