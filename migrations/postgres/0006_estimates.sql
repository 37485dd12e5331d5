-- Requests that a stage was expected to take when its list had said how long it is.
alter table import_stages add column requests_min bigint;
alter table import_stages add column requests_max bigint;
