-- The account of requests of each rate bucket, shared by all processes: the
-- requests of the last window, the limit that Bitbucket named, a stop after 429.
-- One JSON document each, changed in one transaction.
create table rate_buckets (
    bucket text collate "C" not null primary key,
    account text collate "C" not null
);
