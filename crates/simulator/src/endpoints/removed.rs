//! What Atlassian has removed: the cross-workspace lists in April 2026. The issues of August
//! 2026 have a file of their own.

use super::{Answered, Context, Route};
use crate::http::reply::ApiError;

pub(super) const ROUTES: &[Route] = &[
    Route::new("/repositories", "", cross_workspace),
    Route::new("/workspaces", "", cross_workspace),
    Route::new("/user/permissions/workspaces", "", cross_workspace),
    Route::new("/user/permissions/repositories", "", cross_workspace),
];

fn cross_workspace(_context: &Context<'_>) -> Answered {
    Err(ApiError::removed("CHANGE-2770"))
}
