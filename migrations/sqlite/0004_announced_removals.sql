-- What Bitbucket announced to remove, in the headers of its answers: one row for
-- each kind of request.
create table announced_removals (
    endpoint text not null primary key,
    -- The headers, as sent.
    deprecation text,
    sunset text,
    link text,
    seen_at_ms bigint not null
);
