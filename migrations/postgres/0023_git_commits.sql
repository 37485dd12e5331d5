-- Commits that the mirror held after an import; null where they were not counted.
alter table imports add column git_commits bigint;
