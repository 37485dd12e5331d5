//! A large archive, made of rows alone: the pages of the dashboard read nothing else.

use std::path::Path;

use bucketload_archive::{Archive, DataDir, SecretHash, SessionRecord, UserRecord};
use bucketload_model::{Clock as _, SystemClock, UserId, UserRole, UserState};
use chrono::Duration;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, SqliteConnection};

use super::Sizes;
use crate::common::Result;

/// Who looks at the pages: what the session's cookie holds.
pub(crate) const COOKIE: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";

/// Numbers from 1 on, as a table.
const NUMBERS: &str = "with recursive n(i) as (
    select 1 union all select i + 1 from n where i < $1)";

/// Makes an archive with so many repositories and pull requests, and a user who is signed in.
pub(crate) async fn make(root: &Path, sizes: Sizes) -> Result<()> {
    let data_dir = DataDir::new(root);
    data_dir.create()?;
    let archive = Archive::open(&data_dir).await?;
    sign_in(&archive).await?;
    archive.close().await;
    let mut database = SqliteConnectOptions::new()
        .filename(root.join("bucketload.db"))
        .connect()
        .await?;
    sqlx::raw_sql("pragma synchronous = off; begin")
        .execute(&mut database)
        .await?;
    fill(&mut database, sizes).await?;
    sqlx::raw_sql("commit; analyze")
        .execute(&mut database)
        .await?;
    Ok(())
}

async fn sign_in(archive: &Archive) -> Result<()> {
    let now = SystemClock.now();
    let user = UserId::new(now);
    let mut transaction = archive.begin().await?;
    transaction
        .put_user(&UserRecord {
            id: user,
            display_name: "Ada".to_owned(),
            email: None,
            role: UserRole::Administrator,
            state: UserState::Active,
            created_at: now,
            seen_at: Some(now),
        })
        .await?;
    transaction
        .put_session(
            &SecretHash::of(COOKIE),
            &SessionRecord {
                id: "bench".to_owned(),
                user: Some(user),
                flow: None,
                user_agent: None,
                created_at: now,
                used_at: now,
                idle_until: now + Duration::days(1),
                ends_at: now + Duration::days(1),
            },
        )
        .await?;
    Ok(transaction.commit().await?)
}

/// A statement that begins with [`NUMBERS`], and how many of them it wants.
async fn insert(database: &mut SqliteConnection, rows: u64, statement: &str) -> Result<()> {
    let statement = format!("{NUMBERS} {statement}");
    sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(i64::try_from(rows)?)
        .execute(database)
        .await?;
    Ok(())
}

async fn fill(database: &mut SqliteConnection, sizes: Sizes) -> Result<()> {
    let repositories = sizes.repositories;
    insert(
        database,
        repositories,
        "insert into repositories (uuid, workspace, slug, name, scm, is_private, main_branch,
             size_bytes, updated_on, source)
         select printf('{00000000-0000-4000-8000-%012d}', i), 'crowd',
             printf('repository-%05d', i), printf('repository-%05d', i), 'git', i % 2, 'main',
             i * 1000, '2026-01-01T00:00:00+00:00',
             printf('{\"full_name\": \"crowd/repository-%05d\", \"description\": \"\"}', i)
         from n",
    )
    .await?;
    let each = sizes.pull_requests.div_ceil(repositories);
    insert(
        database,
        each,
        "insert into pull_requests (repository_uuid, id, title, state, author_uuid,
             source_branch, destination_branch, comment_count, created_on, updated_on, source)
         select r.uuid, i, printf('Change number %d of the kettle', i),
             case i % 4 when 0 then 'OPEN' when 1 then 'DECLINED' else 'MERGED' end,
             '{00000000-0000-4000-8000-000000000001}', 'topic/' || i, 'main', i % 7,
             '2026-01-01T00:00:00+00:00', '2026-01-02T00:00:00+00:00',
             printf('{\"id\": %d, \"title\": \"Change number %d of the kettle\", \"description\":
                 \"It boils over as soon as it is filled to the brim, and should not.\",
                 \"author\": {\"display_name\": \"Ada\"}}', i, i)
         from n, repositories r",
    )
    .await?;
    // A comment with each tenth, and whole discussions in the one that is looked at.
    insert(
        database,
        each.div_ceil(10),
        "insert into pull_request_comments (repository_uuid, id, pull_request_id, is_deleted,
             created_on, updated_on, source)
         select r.uuid, i, i * 10, 0, '2026-01-01T00:00:00+00:00', null,
             '{\"content\": {\"raw\": \"Looks good to me.\"}, \"user\": {\"display_name\": \"Eve\"}}'
         from n, repositories r",
    )
    .await?;
    insert(
        database,
        200,
        "insert into pull_request_comments (repository_uuid, id, pull_request_id, is_deleted,
             created_on, updated_on, source)
         select uuid, i + 1000000, 7, 0, '2026-01-01T00:00:00+00:00', null,
             printf('{\"id\": %d, \"content\": {\"raw\": \"Remark number %d. Looks good to me.\"},
                 \"user\": {\"display_name\": \"Eve\"}, \"created_on\":
                 \"2026-01-01T00:00:00+00:00\"}', i, i)
         from n, repositories where slug = 'repository-00007'",
    )
    .await?;
    let (import, stages) = (
        "printf('00000000-0000-7000-8000-%012d', i)",
        "repository,git,pull_requests,pull_request_comments,users,finish",
    );
    insert(
        database,
        repositories,
        &format!(
            "insert into imports (id, workspace, slug, repository_uuid, stages, state,
                 started_at_ms, finished_at_ms, queued_at_ms, fence)
             select {import}, 'crowd', printf('repository-%05d', i),
                 printf('{{00000000-0000-4000-8000-%012d}}', i), '{stages}',
                 case i % 20 when 0 then 'complete_with_gaps' when 1 then 'failed'
                     when 2 then 'paused' else 'complete' end,
                 1790000000000 + i, 1790000060000 + i, 1790000000000 + i, 1
             from n"
        ),
    )
    .await?;
    for stage in stages.split(',') {
        insert(
            database,
            repositories,
            &format!(
                "insert into import_stages (import_id, stage, state, expected, stored)
                 select {import}, '{stage}', 'complete', 100, 100 from n"
            ),
        )
        .await?;
    }
    insert(
        database,
        repositories / 20,
        "insert into gaps (import_id, stage, object, reason, detail, url)
         select printf('00000000-0000-7000-8000-%012d', i * 20), 'pull_request_comments',
             'comments of pull request #3', 'not_found', '404', null from n",
    )
    .await
}
