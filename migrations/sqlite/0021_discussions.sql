-- What the pages of pull requests and issues read, each in the order in which it is shown.

create index pull_requests_by_state on pull_requests (repository_uuid, state, id);
create index issues_by_state on issues (repository_uuid, state, id);

drop index pull_request_comments_by_pull_request;
create index pull_request_comments_by_pull_request
    on pull_request_comments (repository_uuid, pull_request_id, id);
drop index issue_comments_by_issue;
create index issue_comments_by_issue on issue_comments (repository_uuid, issue_id, id);

-- What happened to a pull request besides comments.
create index pull_request_events
    on pull_request_activity (repository_uuid, pull_request_id, occurred_on)
    where comment_id is null;

-- Whether a file is an image of a repository.
create index images_by_blob on images (repository_uuid, blob_sha256);
