//! The imports: the list, one of them, and what people ask of them.

pub(crate) mod ask;
pub(crate) mod filter;
pub(crate) mod list;
pub(crate) mod look;
pub(crate) mod new;
pub(crate) mod one;
pub(crate) mod pace;
