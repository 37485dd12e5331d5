-- The version of what an address answered last (ETag), so that the next request can ask
-- whether it still is that. Written with the object.
create table entity_tags (
    url text collate "C" not null primary key,
    tag text collate "C" not null,
    -- SHA-256 of what was stored with it: a tag counts only while exactly that is stored.
    stored_sha256 text collate "C" not null
);
