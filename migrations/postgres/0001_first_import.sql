-- Text is compared byte by byte, as SQLite does it: whatever the collation of the database,
-- an export is the same.

-- What Bitbucket sent stands in the `source` columns, unchanged. The other
-- columns repeat what lists, filters, sorting and joins need.

create table repositories (
    uuid text collate "C" not null primary key,
    workspace text collate "C" not null,
    slug text collate "C" not null,
    name text collate "C",
    scm text collate "C",
    is_private bigint,
    main_branch text collate "C",
    size_bytes bigint,
    updated_on text collate "C",
    source text collate "C" not null
);

create index repositories_by_name on repositories (workspace, slug);

-- Everybody who was met in a repository's objects.
create table accounts (
    repository_uuid text collate "C" not null references repositories (uuid),
    uuid text collate "C" not null,
    kind text collate "C",
    account_id text collate "C",
    display_name text collate "C",
    nickname text collate "C",
    -- The import that met this form of the account: names change, and the
    -- latest import knows best.
    import_id text collate "C" not null,
    source text collate "C" not null,
    primary key (repository_uuid, uuid)
);

create table workspace_members (
    workspace text collate "C" not null,
    account_uuid text collate "C" not null,
    -- The account alone, as it stands in the membership.
    account_source text collate "C" not null,
    source text collate "C" not null,
    primary key (workspace, account_uuid)
);

-- When a workspace's member list was last read to its end, so that importing
-- four hundred repositories of it reads the list once.
create table workspace_member_lists (
    workspace text collate "C" not null primary key,
    read_at_ms bigint not null
);

create table pull_requests (
    repository_uuid text collate "C" not null references repositories (uuid),
    id bigint not null,
    title text collate "C",
    state text collate "C",
    author_uuid text collate "C",
    source_branch text collate "C",
    destination_branch text collate "C",
    -- Comments that are not deleted, as the list of pull requests says.
    comment_count bigint,
    -- Comments with the deleted ones, as the list of comments says once it was read.
    comments_reported bigint,
    created_on text collate "C",
    updated_on text collate "C",
    source text collate "C" not null,
    primary key (repository_uuid, id)
);

create table pull_request_comments (
    repository_uuid text collate "C" not null references repositories (uuid),
    id bigint not null,
    pull_request_id bigint not null,
    parent_id bigint,
    author_uuid text collate "C",
    inline_path text collate "C",
    is_deleted bigint not null,
    created_on text collate "C",
    updated_on text collate "C",
    source text collate "C" not null,
    primary key (repository_uuid, id)
);

create index pull_request_comments_by_pull_request
    on pull_request_comments (repository_uuid, pull_request_id);

-- What is still to be read: one row for each parent object whose children are
-- not, or no longer, in the archive. Written in the transaction that stores the
-- parent, removed in the one that stores its last child.
create table pending (
    repository_uuid text collate "C" not null references repositories (uuid),
    stage text collate "C" not null,
    parent_id bigint not null,
    -- The next page to read; null for the first.
    next_page text collate "C",
    -- How often the parent changed while it was pending.
    revision bigint not null,
    primary key (repository_uuid, stage, parent_id)
);

create table imports (
    id text collate "C" not null primary key,
    workspace text collate "C" not null,
    slug text collate "C" not null,
    repository_uuid text collate "C",
    -- Stage names, separated by commas, in order.
    stages text collate "C" not null,
    state text collate "C" not null,
    error text collate "C",
    git_refs bigint not null default 0,
    git_bytes_received bigint not null default 0,
    started_at_ms bigint not null,
    finished_at_ms bigint
);

create index imports_by_name on imports (workspace, slug, id);

create table import_stages (
    import_id text collate "C" not null references imports (id),
    stage text collate "C" not null,
    state text collate "C" not null,
    expected bigint,
    stored bigint not null default 0,
    missing bigint not null default 0,
    duration_ms bigint not null default 0,
    -- Typed data as JSON; null before the first page.
    checkpoint text collate "C",
    primary key (import_id, stage)
);

create table import_requests (
    import_id text collate "C" not null references imports (id),
    endpoint text collate "C" not null,
    requests bigint not null,
    primary key (import_id, endpoint)
);

create table gaps (
    import_id text collate "C" not null references imports (id),
    stage text collate "C" not null,
    object text collate "C" not null,
    reason text collate "C" not null,
    detail text collate "C" not null,
    url text collate "C",
    primary key (import_id, stage, object)
);
