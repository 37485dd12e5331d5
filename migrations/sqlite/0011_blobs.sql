-- Files that are not git's, such as attachments. What is in one lies in the data directory
-- under its hash; a row here says that it is there and whole.
create table blobs (
    sha256 text not null primary key,
    size_bytes bigint not null
);
