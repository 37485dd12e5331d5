-- Objects that need no columns of their own, each as it was sent.
create table objects (
    repository_uuid text collate "C" not null references repositories (uuid),
    -- The stage that brought it.
    kind text collate "C" not null,
    -- The pull request or issue that it belongs to; 0 where it is the repository's own.
    parent_id bigint not null,
    -- Its number; 0 where it has none.
    entry_id bigint not null,
    -- Its name, hash or key; empty where its number says it all.
    entry_key text collate "C" not null,
    created_on text collate "C",
    updated_on text collate "C",
    -- The file that it stands for; null while that is missing or there is none.
    blob_sha256 text collate "C" references blobs (sha256),
    source text collate "C" not null,
    primary key (repository_uuid, kind, parent_id, entry_id, entry_key)
);

-- Lists of children that were read, each with as many objects as Bitbucket reported there.
create table child_lists (
    repository_uuid text collate "C" not null references repositories (uuid),
    stage text collate "C" not null,
    parent_id bigint not null,
    -- Null where no number was reported.
    reported bigint,
    primary key (repository_uuid, stage, parent_id)
);
