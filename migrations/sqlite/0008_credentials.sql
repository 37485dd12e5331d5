-- Credentials for Bitbucket. The secret is sealed, bound to the row's id and to a key
-- that is not in the database; everything else may be shown.
create table credentials (
    id text not null primary key,
    kind text not null,
    label text not null,
    account_uuid text,
    account_name text,
    -- What an access token is for.
    workspace text,
    -- The key of the OAuth consumer that a grant belongs to.
    consumer text,
    -- Separated by blanks.
    scopes text not null,
    secret text not null,
    -- Grows with every renewal of a grant.
    revision bigint not null,
    renewed_at_ms bigint not null,
    -- Of the access token, for grants.
    expires_at_ms bigint,
    -- Null: usable.
    dead_because text,
    -- A user of the service; null for the command's own.
    owner_id text,
    created_at_ms bigint not null,
    used_at_ms bigint,
    -- Who renews the grant just now, and until when others keep off.
    lease_holder text,
    lease_until_ms bigint
);

create index credentials_by_owner on credentials (owner_id, label);
