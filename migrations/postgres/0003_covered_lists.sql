-- When a stage began to read its list, by Bitbucket's clock, and since when it
-- reads changes; null while the whole list is read.
alter table import_stages add column list_began_on text collate "C";
alter table import_stages add column list_since text collate "C";

-- Up to when a list is whole in the archive: what changed before is there. A later
-- import asks for what changed since.
create table covered_lists (
    repository_uuid text collate "C" not null references repositories (uuid),
    stage text collate "C" not null,
    -- By Bitbucket's clock.
    covered_until text collate "C" not null,
    -- When the whole list was last read, by ours.
    listed_at_ms bigint not null,
    -- Objects that Bitbucket reported.
    expected bigint,
    primary key (repository_uuid, stage)
);
