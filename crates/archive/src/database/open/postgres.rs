//! A database on a PostgreSQL server.

use std::io;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _};

use super::migration_failed;
use crate::database::PostgresAddress;
use crate::database::sql::Pool;
use crate::{Archive, DatabaseAddress, DatabaseHealth, OpenError};

/// Where the tables are: a database may be shared with other programs.
const SCHEMA: &str = "bucketload";

/// The oldest major version that is still mended, in November 2026.
const OLDEST: i64 = 14;

/// Connections that read: exports and status beside a running import.
const READERS: u32 = 4;

/// Connections that write the account of requests: a wait for another process that holds
/// one bucket holds up nobody who asks for another, nor any page.
const LEDGERS: u32 = 2;

/// How long a server that is there may take to answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a transaction waits for a server that is starting again, or for its turn.
const ACQUIRE_TIMEOUT: Duration = Duration::from_mins(2);

/// A process that sleeps in the middle of a transaction holds its locks; after this time
/// the server ends it. Between two statements no stage does anything that takes time.
const IDLE_IN_TRANSACTION: &str = "60s";

/// What a server says of itself and of the database.
#[derive(Debug, sqlx::FromRow)]
struct Server {
    /// The major version.
    version: i64,
    encoding: String,
    /// Whether the database has tables of bucketload.
    has_archive: bool,
}

/// A connection, and what the server says on it.
async fn meet(
    database: &DatabaseAddress,
    options: &PgConnectOptions,
) -> Result<(PgConnection, Server), OpenError> {
    let mut connection = connect(database, options).await?;
    let asked = sqlx::query_as(ASK_SERVER).fetch_one(&mut connection).await;
    let server = asked.map_err(|source| OpenError::Open {
        database: database.clone(),
        source,
    })?;
    Ok((connection, server))
}

/// How a database is, if it has tables of bucketload.
pub(in crate::database) async fn health(
    address: PostgresAddress,
) -> Result<Option<DatabaseHealth>, OpenError> {
    let options = connect_options(&address);
    let database = DatabaseAddress::Postgres(address);
    let (mut connection, server) = meet(&database, &options).await?;
    check(&database, &server, true)?;
    if !server.has_archive {
        return Ok(None);
    }
    let asked = async {
        let schema = "select coalesce(max(version), 0) from _sqlx_migrations where success";
        let schema = sqlx::query_scalar(schema).fetch_one(&mut connection).await;
        connection.close().await?;
        schema
    };
    let schema = asked
        .await
        .map_err(|source| OpenError::Open { database, source })?;
    let migrations = migrations();
    let newest = migrations.iter().map(|migration| migration.version).max();
    Ok(Some(DatabaseHealth {
        schema,
        newest: newest.unwrap_or_default(),
        damages: Vec::new(),
    }))
}

/// Opens a database; one without tables of bucketload only if it `makes` them.
pub(super) async fn open(address: PostgresAddress, makes: bool) -> Result<Archive, OpenError> {
    let options = connect_options(&address);
    let database = DatabaseAddress::Postgres(address);
    let failed = |source| OpenError::Open {
        database: database.clone(),
        source,
    };
    let (mut connection, server) = meet(&database, &options).await?;
    check(&database, &server, makes)?;
    if let Err(error) = migrate(&mut connection, &server).await {
        return Err(migration_failed(database, error));
    }
    connection.close().await.map_err(failed)?;
    let pool = |connections| {
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT);
        Pool::Postgres(pool.connect_lazy_with(options.clone()))
    };
    Ok(Archive {
        writer: pool(1),
        reader: pool(READERS),
        ledger: pool(LEDGERS),
    })
}

const ASK_SERVER: &str = "select
    current_setting('server_version_num')::bigint / 10000 as version,
    current_setting('server_encoding') as encoding,
    to_regclass('bucketload._sqlx_migrations') is not null as has_archive";

fn connect_options(address: &PostgresAddress) -> PgConnectOptions {
    let options = address.options.as_ref().clone();
    let name = options.get_application_name().unwrap_or(SCHEMA).to_owned();
    options.application_name(&name).options([
        // Types of extensions that the queue's library asks for lie in `public`.
        ("search_path", "bucketload, public"),
        // That a table is there already is no news.
        ("client_min_messages", "warning"),
        ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION),
    ])
}

/// Tries once: whoever waits for an answer is told at once that none comes.
async fn connect(
    database: &DatabaseAddress,
    options: &PgConnectOptions,
) -> Result<PgConnection, OpenError> {
    let connected = tokio::time::timeout(CONNECT_TIMEOUT, options.connect()).await;
    let connected = connected.unwrap_or_else(|_| {
        let late = io::Error::from(io::ErrorKind::TimedOut);
        Err(sqlx::Error::Io(late))
    });
    connected.map_err(|source| refusal(database.clone(), source))
}

/// What a failed connection means; the codes are those of
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn refusal(database: DatabaseAddress, source: sqlx::Error) -> OpenError {
    let code = source
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    match code.as_deref() {
        // `invalid_authorization_specification`, `invalid_password`
        Some("28000" | "28P01") => OpenError::Login { database, source },
        // `invalid_catalog_name`
        Some("3D000") => OpenError::NoDatabase { database, source },
        Some(_) => OpenError::Open { database, source },
        None => match &source {
            // What rustls objects to comes as data that is invalid.
            sqlx::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                OpenError::Certificate { database, source }
            }
            sqlx::Error::Tls(_) => OpenError::Certificate { database, source },
            sqlx::Error::Io(_) => OpenError::Unreachable { database, source },
            _ => OpenError::Open { database, source },
        },
    }
}

/// Whether the server and the database will do.
fn check(database: &DatabaseAddress, server: &Server, makes: bool) -> Result<(), OpenError> {
    let database = || database.clone();
    if server.version < OLDEST {
        return Err(OpenError::TooOld {
            database: database(),
            found: server.version,
            oldest: OLDEST,
        });
    }
    if server.encoding != "UTF8" {
        return Err(OpenError::Encoding {
            database: database(),
            found: server.encoding.clone(),
        });
    }
    if !server.has_archive && !makes {
        return Err(OpenError::Missing {
            database: database(),
        });
    }
    Ok(())
}

fn migrations() -> Migrator {
    sqlx::migrate!("../../migrations/postgres")
}

/// Those who come at the same time take turns: the migrations are made under a lock.
async fn migrate(connection: &mut PgConnection, server: &Server) -> Result<(), MigrateError> {
    let mut migrations = migrations();
    migrations.dangerous_set_table_name("bucketload._sqlx_migrations");
    if !server.has_archive {
        // PostgreSQL asks for the right to make one even where it is there already.
        migrations.create_schema(SCHEMA);
    }
    migrations.run(connection).await
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    #[test]
    fn a_server_that_is_too_old_is_named_with_the_oldest_that_will_do() {
        let address = SecretString::from("postgres://ann@host/keep");
        let database = DatabaseAddress::parse(&address).unwrap();
        let server = |version| Server {
            version,
            encoding: "UTF8".to_owned(),
            has_archive: false,
        };
        check(&database, &server(OLDEST), true).unwrap();
        let error = check(&database, &server(OLDEST - 1), true).unwrap_err();
        let said = error.to_string();
        assert!(said.contains("PostgreSQL 13; 14 is"), "{said}");
    }
}
