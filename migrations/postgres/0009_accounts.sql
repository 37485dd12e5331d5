-- The people who use the service, and how they come in. Of every secret only the
-- SHA-256 stands here: a stolen database opens no door.

create table users (
    id text collate "C" not null primary key,
    display_name text collate "C" not null,
    email text collate "C",
    role text collate "C" not null,
    state text collate "C" not null,
    created_at_ms bigint not null,
    seen_at_ms bigint
);

-- Accounts of Bitbucket that a user signs in with. The UUID stays; names and
-- addresses are those last seen.
create table identities (
    account_uuid text collate "C" not null primary key,
    user_id text collate "C" not null references users (id),
    display_name text collate "C",
    nickname text collate "C",
    -- Primary and confirmed, or null.
    email text collate "C",
    linked_at_ms bigint not null,
    used_at_ms bigint
);

create index identities_of_user on identities (user_id);

create table sessions (
    token_hash text collate "C" not null primary key,
    -- What lists and forms call it; worth nothing as a token.
    id text collate "C" not null,
    -- Null before somebody signs in.
    user_id text collate "C" references users (id),
    -- An authorization under way at Bitbucket, sealed.
    flow text collate "C",
    user_agent text collate "C",
    created_at_ms bigint not null,
    used_at_ms bigint not null,
    -- The earlier one ends it: not used for so long, or so old.
    idle_until_ms bigint not null,
    ends_at_ms bigint not null
);

create index sessions_of_user on sessions (user_id);
create index sessions_by_end on sessions (idle_until_ms);

-- Codes from the terminal: for the first administrator, who is no user yet, and
-- for administrators who cannot sign in with Bitbucket.
create table one_time_codes (
    code_hash text collate "C" not null primary key,
    user_id text collate "C" references users (id),
    created_at_ms bigint not null,
    ends_at_ms bigint not null,
    -- Wrong codes that were tried while this one was good.
    misses bigint not null default 0
);

create table service_tokens (
    id text collate "C" not null primary key,
    token_hash text collate "C" not null unique,
    user_id text collate "C" not null references users (id),
    name text collate "C" not null,
    -- Separated by spaces.
    scopes text collate "C" not null,
    created_at_ms bigint not null,
    ends_at_ms bigint,
    used_at_ms bigint
);

create index service_tokens_of_user on service_tokens (user_id);

-- The switches that administrators set; what is not here has its default.
create table service_settings (
    name text collate "C" not null primary key,
    value text collate "C" not null
);

-- Who did what, on what, when. Names stand as they were then.
create table audit_log (
    id text collate "C" not null primary key,
    happened_at_ms bigint not null,
    user_id text collate "C",
    who text collate "C" not null,
    action text collate "C" not null,
    subject text collate "C" not null
);
