-- Whether a text was looked at for images since it last changed: 0 is not yet. What was there
-- before is looked at by the next import.
alter table repositories add column searched bigint not null default 0;
alter table pull_requests add column searched bigint not null default 0;
alter table pull_request_comments add column searched bigint not null default 0;
alter table pull_request_activity add column searched bigint not null default 0;
alter table objects add column searched bigint not null default 0;
alter table issues add column searched bigint not null default 0;
alter table issue_comments add column searched bigint not null default 0;
alter table issue_changes add column searched bigint not null default 0;

create index pull_requests_unsearched on pull_requests (repository_uuid, id)
    where searched = 0;
create index pull_request_comments_unsearched on pull_request_comments (repository_uuid, id)
    where searched = 0;
create index pull_request_activity_unsearched on pull_request_activity (repository_uuid, pull_request_id, entry_key)
    where searched = 0;
create index objects_unsearched on objects (repository_uuid, parent_id, entry_id)
    where searched = 0 and kind = 'pull_request_tasks';
create index issues_unsearched on issues (repository_uuid, id)
    where searched = 0;
create index issue_comments_unsearched on issue_comments (repository_uuid, id)
    where searched = 0;
create index issue_changes_unsearched on issue_changes (repository_uuid, issue_id, change_id, field, number)
    where searched = 0;

-- Images that texts link to, each address once.
create table images (
    repository_uuid text not null references repositories (uuid),
    -- The address, or its hash where it is long.
    url_key text not null,
    url text not null,
    host text not null,
    -- Its content; null while that is missing or not wanted.
    blob_sha256 text references blobs (sha256),
    -- Why it cannot be had, where asking again would bring nothing else.
    reason text,
    detail text,
    changed_at_ms bigint not null,
    -- What is known of it, as JSON.
    source text not null,
    primary key (repository_uuid, url_key)
);

-- Which texts link to them.
create table image_links (
    repository_uuid text not null references repositories (uuid),
    -- The stage that brought the text.
    kind text not null,
    -- The pull request or issue that it belongs to; 0 where it is none's.
    parent_id bigint not null,
    entry_id bigint not null,
    entry_key text not null,
    url_key text not null,
    primary key (repository_uuid, kind, parent_id, entry_id, entry_key, url_key)
);

create index image_links_by_image on image_links (repository_uuid, url_key);

-- Objects that were met and are not wanted; null before anybody counted.
alter table import_stages add column left_out bigint;
