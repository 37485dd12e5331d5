-- What Bitbucket sent stands in the `source` columns, unchanged. The other
-- columns repeat what lists, filters, sorting and joins need.

create table repositories (
    uuid text not null primary key,
    workspace text not null,
    slug text not null,
    name text,
    scm text,
    is_private bigint,
    main_branch text,
    size_bytes bigint,
    updated_on text,
    source text not null
);

create index repositories_by_name on repositories (workspace, slug);

-- Everybody who was met in a repository's objects.
create table accounts (
    repository_uuid text not null references repositories (uuid),
    uuid text not null,
    kind text,
    account_id text,
    display_name text,
    nickname text,
    -- The import that met this form of the account: names change, and the
    -- latest import knows best.
    import_id text not null,
    source text not null,
    primary key (repository_uuid, uuid)
);

create table workspace_members (
    workspace text not null,
    account_uuid text not null,
    -- The account alone, as it stands in the membership.
    account_source text not null,
    source text not null,
    primary key (workspace, account_uuid)
);

-- When a workspace's member list was last read to its end, so that importing
-- four hundred repositories of it reads the list once.
create table workspace_member_lists (
    workspace text not null primary key,
    read_at_ms bigint not null
);

create table pull_requests (
    repository_uuid text not null references repositories (uuid),
    id bigint not null,
    title text,
    state text,
    author_uuid text,
    source_branch text,
    destination_branch text,
    -- Comments that are not deleted, as the list of pull requests says.
    comment_count bigint,
    -- Comments with the deleted ones, as the list of comments says once it was read.
    comments_reported bigint,
    created_on text,
    updated_on text,
    source text not null,
    primary key (repository_uuid, id)
);

create table pull_request_comments (
    repository_uuid text not null references repositories (uuid),
    id bigint not null,
    pull_request_id bigint not null,
    parent_id bigint,
    author_uuid text,
    inline_path text,
    is_deleted bigint not null,
    created_on text,
    updated_on text,
    source text not null,
    primary key (repository_uuid, id)
);

create index pull_request_comments_by_pull_request
    on pull_request_comments (repository_uuid, pull_request_id);

-- What is still to be read: one row for each parent object whose children are
-- not, or no longer, in the archive. Written in the transaction that stores the
-- parent, removed in the one that stores its last child.
create table pending (
    repository_uuid text not null references repositories (uuid),
    stage text not null,
    parent_id bigint not null,
    -- The next page to read; null for the first.
    next_page text,
    -- How often the parent changed while it was pending.
    revision bigint not null,
    primary key (repository_uuid, stage, parent_id)
);

create table imports (
    id text not null primary key,
    workspace text not null,
    slug text not null,
    repository_uuid text,
    -- Stage names, separated by commas, in order.
    stages text not null,
    state text not null,
    error text,
    git_refs bigint not null default 0,
    git_bytes_received bigint not null default 0,
    started_at_ms bigint not null,
    finished_at_ms bigint
);

create index imports_by_name on imports (workspace, slug, id);

create table import_stages (
    import_id text not null references imports (id),
    stage text not null,
    state text not null,
    expected bigint,
    stored bigint not null default 0,
    missing bigint not null default 0,
    duration_ms bigint not null default 0,
    -- Typed data as JSON; null before the first page.
    checkpoint text,
    primary key (import_id, stage)
);

create table import_requests (
    import_id text not null references imports (id),
    endpoint text not null,
    requests bigint not null,
    primary key (import_id, endpoint)
);

create table gaps (
    import_id text not null references imports (id),
    stage text not null,
    object text not null,
    reason text not null,
    detail text not null,
    url text,
    primary key (import_id, stage, object)
);
