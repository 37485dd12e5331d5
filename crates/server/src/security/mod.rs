//! What keeps strangers out: secrets, cookies, forged forms, headers, limits.

pub(crate) mod cookie;
pub(crate) mod file_form;
pub(crate) mod file_name;
pub(crate) mod forms;
pub(crate) mod headers;
pub(crate) mod limiter;
pub(crate) mod local_path;
pub(crate) mod patience;
pub(crate) mod peer;
pub(crate) mod secrets;
