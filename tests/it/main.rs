//! The command against the simulator, as a person runs it.

#![expect(clippy::unwrap_used, reason = "a test that fails should say where")]

mod auth;
mod auth_import;
mod auth_secrets;
mod bad_input;
#[path = "../certificates/mod.rs"]
mod certificates;
mod command;
mod dashboard;
mod doctor;
mod documents;
#[path = "../earlier/mod.rs"]
mod earlier;
mod encrypted_mail;
#[path = "../../crates/cli/benches/figures/catalogue.rs"]
mod figures;
mod from_export;
mod fuzzing;

mod git_history;
mod images;
mod interruption;
mod issue_export;
mod kill_matrix;
mod killed;
mod lfs;
mod messages;
mod named_commands;
mod notify;
mod operations;
mod packaging;
mod people;
#[path = "../postgres/mod.rs"]
mod postgres;
mod postgres_archive;
mod proxy;
mod queue;
mod quota;
mod readme;
#[expect(dead_code, reason = "no test needs all of it")]
#[path = "../receivers/mod.rs"]
mod receivers;
mod recorded;
#[path = "../s3/mod.rs"]
mod s3;
mod segments;
mod serve;
mod serving;
mod shared_folder;
mod support;
#[cfg(feature = "otlp")]
mod traces;
mod update;
mod upgrade;
mod verify;
#[expect(
    dead_code,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "the server's own tests need more of it, and say why they skip"
)]
#[path = "../../crates/server/tests/it/webdriver.rs"]
mod webdriver;
mod wiki;
