//! What a person sees when the database cannot be opened, or fails.

use bucketload_archive::{BackupError, DatabaseAddress, DatabaseError, OpenError};

use super::{DISK_FULL, Problem, RUN_AGAIN};

impl From<OpenError> for Problem {
    fn from(error: OpenError) -> Self {
        let remedy = match error {
            OpenError::Missing { .. } => {
                "import something first, or give the right directory with --data-dir"
            }
            OpenError::Newer { .. } => {
                "use the newer bucketload, or another directory with --data-dir"
            }
            OpenError::AtWork { .. } => {
                "stop everything that uses it, then run this again (docs/OPERATIONS.md, Upgrade)"
            }
            OpenError::Backup {
                source: BackupError::NoRoom { .. },
                ..
            } => {
                "free some space there; or back the database up elsewhere, and set \
                 BUCKETLOAD_BACKUP_BEFORE_UPGRADE=0 this once"
            }
            OpenError::Backup { .. } => {
                "check the disk and the permissions of the folder; nothing was changed"
            }
            OpenError::Unreachable { .. } => {
                "check that the server runs, and the host and port of BUCKETLOAD_DATABASE_URL"
            }
            OpenError::Login { .. } => "check the user and the password of BUCKETLOAD_DATABASE_URL",
            OpenError::Certificate { .. } => {
                "check sslrootcert and the host in BUCKETLOAD_DATABASE_URL; a name that the \
                 certificate does not have will not do"
            }
            OpenError::NoDatabase { .. } => {
                "make it with PostgreSQL's createdb, or mend BUCKETLOAD_DATABASE_URL"
            }
            OpenError::TooOld { .. } => "use a newer server, or unset BUCKETLOAD_DATABASE_URL",
            OpenError::Encoding { .. } => {
                "make another database with createdb --encoding=UTF8 --template=template0"
            }
            OpenError::Migrate { ref database, .. } | OpenError::Open { ref database, .. } => {
                match database {
                    DatabaseAddress::Sqlite(_) => {
                        "check that the disk has space and that the file is a database of \
                         bucketload"
                    }
                    DatabaseAddress::Postgres(_) => {
                        "check that the user may make a schema in the database, and the \
                         server's log"
                    }
                }
            }
        };
        Self::from_error(&error).remedy(remedy)
    }
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        let remedy = match error {
            DatabaseError::DiskFull(_) => DISK_FULL,
            DatabaseError::Inconsistent { .. } => {
                "the database was changed by something else; please report it if it was not"
            }
            DatabaseError::Outgrown { .. } => "start the newer bucketload here, too",
            DatabaseError::Away(_) | DatabaseError::Conflict(_) => RUN_AGAIN,
            DatabaseError::Sql(_) => "check the disk and the data directory",
        };
        Self::from_error(&error).remedy(remedy)
    }
}
