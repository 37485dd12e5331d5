-- What happened that somebody is to be told: written together with its cause.
create table notices (
    id text not null primary key,
    kind text not null,
    -- What it is about. Of a state that lasts there is one notice at a time.
    subject text not null,
    happened_at_ms bigint not null,
    -- When all was well again; null while it lasts.
    over_at_ms bigint,
    workspace text,
    slug text,
    import_id text,
    -- What happened, in one line.
    line text not null
);

create unique index notices_lasting on notices (kind, subject) where over_at_ms is null;

create index notices_by_time on notices (happened_at_ms);

-- Which kinds are told on which channel, and since when; what happened before is not.
create table notice_subscriptions (
    channel text not null,
    kind text not null,
    since_ms bigint not null,
    -- When somebody last worked who has it so.
    seen_at_ms bigint not null,
    primary key (channel, kind)
);

-- The telling of a notice on one channel.
create table notice_deliveries (
    notice_id text not null references notices (id),
    channel text not null,
    -- pending, delivered or given_up.
    state text not null,
    attempts bigint not null,
    since_ms bigint not null,
    next_at_ms bigint not null,
    ended_at_ms bigint,
    -- Why the latest attempt failed.
    error text,
    -- Who tries just now, and until when others keep off.
    lease_owner text,
    lease_until_ms bigint,
    primary key (notice_id, channel)
);

create index notice_deliveries_pending on notice_deliveries (channel, next_at_ms)
    where state = 'pending';

create index notice_deliveries_by_end on notice_deliveries (channel, ended_at_ms);

-- Since when something is scheduled: before that it cannot be overdue.
alter table import_schedules add column scheduled_at_ms bigint not null default 0;

update import_schedules set scheduled_at_ms = next_at_ms;
