-- What was found when a repository was last looked at whole or in part.
create table proofs (
    repository_uuid text not null primary key references repositories (uuid),
    -- When nothing was found; null for never.
    proven_at_ms bigint,
    tried_at_ms bigint not null,
    -- 1 where only a sample of the files was read.
    is_sample bigint not null,
    problems bigint not null,
    -- Name, SHA-256 and number of each list of objects, as JSON.
    manifest text not null
);

-- When its content was last read and found right; null for never.
alter table blobs add column proven_at_ms bigint;
