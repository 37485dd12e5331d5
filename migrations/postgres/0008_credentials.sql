-- Credentials for Bitbucket. The secret is sealed, bound to the row's id and to a key
-- that is not in the database; everything else may be shown.
create table credentials (
    id text collate "C" not null primary key,
    kind text collate "C" not null,
    label text collate "C" not null,
    account_uuid text collate "C",
    account_name text collate "C",
    -- What an access token is for.
    workspace text collate "C",
    -- The key of the OAuth consumer that a grant belongs to.
    consumer text collate "C",
    -- Separated by blanks.
    scopes text collate "C" not null,
    secret text collate "C" not null,
    -- Grows with every renewal of a grant.
    revision bigint not null,
    renewed_at_ms bigint not null,
    -- Of the access token, for grants.
    expires_at_ms bigint,
    -- Null: usable.
    dead_because text collate "C",
    -- A user of the service; null for the command's own.
    owner_id text collate "C",
    created_at_ms bigint not null,
    used_at_ms bigint,
    -- Who renews the grant just now, and until when others keep off.
    lease_holder text collate "C",
    lease_until_ms bigint
);

create index credentials_by_owner on credentials (owner_id, label);
