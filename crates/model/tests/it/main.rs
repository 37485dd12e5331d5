//! The house as a whole: which crate may know which.

mod architecture;
