-- Open tasks, as the pull request itself counts them; null where Bitbucket did not say.
alter table pull_requests add column task_count bigint;
