-- What Bitbucket announced to remove, in the headers of its answers: one row for
-- each kind of request.
create table announced_removals (
    endpoint text collate "C" not null primary key,
    -- The headers, as sent.
    deprecation text collate "C",
    sunset text collate "C",
    link text collate "C",
    seen_at_ms bigint not null
);
