-- The queue: this row is the truth about an import, whoever runs it.

alter table imports add column queued_at_ms bigint not null default 0;
alter table imports add column priority bigint not null default 0;
-- Not to be begun before; null for at once.
alter table imports add column not_before_ms bigint;
-- Until when it waits for quota, or for its next attempt.
alter table imports add column wait_until_ms bigint;
-- How often it was claimed: the fence. Who writes for an import first makes sure that
-- its number is still this one.
alter table imports add column fence bigint not null default 0;
-- Who runs it, and until when; both null while nobody does.
alter table imports add column lease_owner text collate "C";
alter table imports add column lease_until_ms bigint;
-- 1 while a command runs it, or ran it last: no worker takes it up by itself.
alter table imports add column is_foreground bigint not null default 1;
-- pause or cancel, for the one who runs it; null for nothing.
alter table imports add column wanted text collate "C";
-- Transactions that brought it forward, and how many there were when it was last
-- claimed: an attempt that adds none did nothing.
alter table imports add column progress bigint not null default 0;
alter table imports add column progress_before bigint not null default -1;
-- Attempts in a row that added none.
alter table imports add column stalled_attempts bigint not null default 0;
alter table imports add column asked_by text collate "C";
-- The credential that it is run with; null for the one in the configuration.
alter table imports add column credential_id text collate "C";
-- 1 where lists are read whole, although only what changed would do.
alter table imports add column whole_lists bigint not null default 0;

update imports set queued_at_ms = started_at_ms, fence = 1;

-- What can be claimed, in the order in which it is.
create index imports_in_queue on imports (priority desc, queued_at_ms, id)
    where state in ('queued', 'waiting', 'running', 'cancelling');

create index imports_leased on imports (lease_until_ms) where lease_owner is not null;

create index imports_by_state on imports (state, id);

-- What is imported again and again.
create table import_schedules (
    workspace text collate "C" not null,
    slug text collate "C" not null,
    -- Stage names, separated by commas, in order.
    stages text collate "C" not null,
    -- Five fields: minute, hour, day of the month, month, day of the week; UTC.
    cron text collate "C" not null,
    next_at_ms bigint not null,
    priority bigint not null,
    asked_by text collate "C",
    credential_id text collate "C",
    primary key (workspace, slug, stages)
);

create index import_schedules_by_time on import_schedules (next_at_ms);
