#![doc = include_str!("../README.md")]
#![expect(
    clippy::unwrap_used,
    reason = "a target that cannot do its work is a finding as well"
)]

mod addresses;
mod answers;
mod export_folder;
mod harmless;
mod issue_export;
mod lfs_pointer;
mod models;
mod support;
mod text;

pub use addresses::addresses;
pub use answers::answers;
pub use export_folder::export_folder;
pub use harmless::faults;
pub use issue_export::issue_export;
pub use lfs_pointer::{SEED_OF_A_POINTER, lfs_pointer};
pub use models::models;
pub use text::text;

/// What a target does with some bytes. It panics where something does not hold.
pub type Target = fn(&[u8]);

/// Every target, by the name of its program and of the folder of its seeds.
pub const TARGETS: [(&str, Target); 7] = [
    ("addresses", addresses),
    ("answers", answers),
    ("export_folder", export_folder),
    ("issue_export", issue_export),
    ("lfs_pointer", lfs_pointer),
    ("models", models),
    ("text", text),
];
