-- Bundles of mirrors in an object store, from which other machines make their own.
create table mirror_copies (
    repository_uuid text not null references repositories (uuid),
    -- `git`, or `wiki`.
    mirror text not null,
    -- In the order in which they were made. The first has everything, each other one what those
    -- before it lack.
    number bigint not null,
    -- What the bundle is called in the store.
    object_key text not null,
    sha256 text not null,
    size_bytes bigint not null,
    primary key (repository_uuid, mirror, number)
);
