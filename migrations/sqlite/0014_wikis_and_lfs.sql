-- Wikis that are in the archive, each in a mirror of its own.
create table wikis (
    repository_uuid text not null primary key references repositories (uuid),
    -- Who gave it: `bitbucket`, which removed its wikis in August 2026, or `copy`, a clone or
    -- bundle that somebody had kept.
    origin text not null,
    -- Its refs, without those that the mirror keeps for itself.
    refs bigint not null
);

-- Files that git's history names by a pointer (git LFS). A pointer may lie about the size of
-- what it points to, so two sizes are two objects.
create table lfs_objects (
    repository_uuid text not null references repositories (uuid),
    -- The SHA-256 of its content.
    oid text not null,
    -- As the pointer says.
    size_bytes bigint not null,
    -- A pointer to it: the hash of the file in git's history.
    pointer text not null,
    -- Whether it is in `lfs/objects` of the mirror, and whole.
    is_stored bigint not null,
    -- When its content was last read and found to be right.
    proven_at_ms bigint,
    primary key (repository_uuid, oid, size_bytes)
);

create index lfs_objects_wanted on lfs_objects (repository_uuid, is_stored);

-- Packs of the mirror that were searched for pointers.
create table lfs_packs (
    repository_uuid text not null references repositories (uuid),
    pack text not null,
    primary key (repository_uuid, pack)
);
