-- What each rate bucket was used for, by five minutes: requests of imports, of people who
-- waited for a page, and of others that Bitbucket told of. The last week is kept.
create table quota_uses (
    bucket text not null,
    began_at_ms bigint not null,
    imports bigint not null,
    people bigint not null,
    others bigint not null,
    primary key (bucket, began_at_ms)
);

create index quota_uses_by_time on quota_uses (began_at_ms);
