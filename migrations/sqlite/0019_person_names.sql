-- Names under which people were met, each with the first and the last import that met it. Who
-- they are together is found out when they are asked for: one place knows somebody by the UUID,
-- another by the account id, a third by both.
create table person_names (
    -- The UUID of the repository, or the slug of the workspace whose members they are.
    scope text not null,
    -- The account's UUID; else its account id; empty where the name is all that is known.
    person text not null,
    -- `display_name`, `nickname`, `username`, or `mention`: what a text called them.
    kind text not null,
    name text not null,
    -- Also of an account that is known by its UUID.
    account_id text,
    -- Whether the account was gone when it was last met under this name.
    is_former bigint not null,
    first_seen_ms bigint not null,
    last_seen_ms bigint not null,
    primary key (scope, person, kind, name)
);

create index person_names_of_person on person_names (person);
create index person_names_by_account_id on person_names (account_id);
create index person_names_by_name on person_names (name);

-- What is known already. An import that was forgotten was before all that were not.
insert into person_names (scope, person, kind, name, account_id, is_former,
    first_seen_ms, last_seen_ms)
select met.repository_uuid, met.uuid, met.kind, met.name, met.account_id, met.is_former,
    met.seen_ms, met.seen_ms
from (
    select repository_uuid, uuid, 'display_name' as kind, display_name as name, account_id,
        case when display_name = 'Former user' then 1 else 0 end as is_former,
        coalesce((select started_at_ms from imports where id = import_id),
            (select min(started_at_ms) from imports), 0) as seen_ms
    from accounts
    union all
    select repository_uuid, uuid, 'nickname', nickname, account_id, 0,
        coalesce((select started_at_ms from imports where id = import_id),
            (select min(started_at_ms) from imports), 0)
    from accounts
) met
where met.name is not null and met.name <> '' and octet_length(met.name) <= 1024;
