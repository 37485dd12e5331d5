-- Issues and what belongs to them, of two origins: `bitbucket`, whose tracker answered until
-- August 2026, and `issue_export`, a file that somebody had made of it before. The two have
-- different shapes, each as it was sent in `source`.
create table issues (
    repository_uuid text not null references repositories (uuid),
    id bigint not null,
    origin text not null,
    title text,
    state text,
    kind text,
    priority text,
    -- The name shown.
    reporter text,
    created_on text,
    updated_on text,
    source text not null,
    primary key (repository_uuid, id)
);

create table issue_comments (
    repository_uuid text not null references repositories (uuid),
    id bigint not null,
    issue_id bigint not null,
    origin text not null,
    -- The name shown.
    author text,
    created_on text,
    updated_on text,
    source text not null,
    primary key (repository_uuid, id)
);

create index issue_comments_by_issue on issue_comments (repository_uuid, issue_id);

create table issue_changes (
    repository_uuid text not null references repositories (uuid),
    issue_id bigint not null,
    -- Also the id of the comment that goes with it.
    change_id bigint not null,
    -- An export has an entry for each field that was changed; otherwise it is empty.
    field text not null,
    -- Tells apart what nothing else does.
    number bigint not null,
    origin text not null,
    created_on text,
    source text not null,
    primary key (repository_uuid, issue_id, change_id, field, number)
);

create table issue_attachments (
    repository_uuid text not null references repositories (uuid),
    issue_id bigint not null,
    -- The name, or its hash where it is long.
    entry_key text not null,
    -- Tells apart what has the same name.
    number bigint not null,
    origin text not null,
    name text not null,
    -- Its content; null while that is missing.
    blob_sha256 text references blobs (sha256),
    source text not null,
    primary key (repository_uuid, issue_id, entry_key, number)
);

-- Components, milestones, versions, and what an export says of new issues (`meta`).
create table issue_fields (
    repository_uuid text not null references repositories (uuid),
    kind text not null,
    -- The name, or its hash where it is long.
    entry_key text not null,
    origin text not null,
    source text not null,
    primary key (repository_uuid, kind, entry_key)
);

-- Exports that were taken in, and what stood in them.
create table issue_exports (
    repository_uuid text not null references repositories (uuid),
    sha256 text not null,
    taken_at_ms bigint not null,
    issues bigint not null,
    comments bigint not null,
    changes bigint not null,
    attachments bigint not null,
    primary key (repository_uuid, sha256)
);
