-- What people see of imports while they run and afterwards.

-- What happened to imports: when each was asked for, began, waited, ended, and how its
-- stages ended. Of each the latest few hundred entries are kept.
create table import_log (
    -- Begins with the time: it sorts as things happened.
    id text collate "C" not null primary key,
    import_id text collate "C" not null references imports (id),
    happened_at_ms bigint not null,
    what text collate "C" not null,
    stage text collate "C",
    -- In words, without secrets.
    detail text collate "C" not null
);

create index import_log_of_import on import_log (import_id, id);

-- 1 for the latest import of each repository.
alter table imports add column is_latest bigint not null default 1;

update imports set is_latest = 0
where exists (select 1 from imports n where n.workspace = imports.workspace
    and n.slug = imports.slug and n.id > imports.id);

create index imports_latest on imports (id) where is_latest = 1;
create index imports_latest_by_state on imports (state, id) where is_latest = 1;

-- When a stage began its latest attempt and when it last ended, what it had then, and how
-- far its transfer is where it has one.
alter table import_stages add column started_at_ms bigint;
alter table import_stages add column ended_at_ms bigint;
alter table import_stages add column stored_before bigint;
alter table import_stages add column transferred_objects bigint;
alter table import_stages add column transfer_objects bigint;
alter table import_stages add column transferred_bytes bigint;

-- The import that somebody did something to, where it was one.
alter table audit_log add column import_id text collate "C";

create index audit_log_of_import on audit_log (import_id, id);
