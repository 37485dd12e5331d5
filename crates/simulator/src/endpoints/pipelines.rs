//! The configuration of pipelines and deployments.

use super::Route;
use super::repositories::recorded;
use super::settings::object;

pub(super) const ROUTES: &[Route] = &[
    Route::new(
        "/repositories/{workspace}/{repo_slug}/pipelines_config",
        "repository:admin",
        object,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/pipelines_config/variables",
        "pipeline",
        recorded,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/pipelines_config/schedules",
        "pipeline",
        recorded,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/pipelines_config/ssh/known_hosts",
        "pipeline",
        recorded,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/environments",
        "pipeline",
        recorded,
    ),
    Route::new(
        "/repositories/{workspace}/{repo_slug}/deployments_config/environments/{environment_uuid}/variables",
        "pipeline",
        recorded,
    ),
];
