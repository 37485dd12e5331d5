-- What happened to pull requests. Bitbucket gives an entry no id: its key is made of
-- its kind and of what tells it apart: the comment's id, or the time and the person.
create table pull_request_activity (
    repository_uuid text collate "C" not null references repositories (uuid),
    pull_request_id bigint not null,
    entry_key text collate "C" not null,
    kind text collate "C" not null,
    -- Of a comment.
    comment_id bigint,
    parent_id bigint,
    is_inline bigint not null,
    occurred_on text collate "C",
    source text collate "C" not null,
    primary key (repository_uuid, pull_request_id, entry_key)
);

create index pull_request_activity_of_comments
    on pull_request_activity (repository_uuid, comment_id);
