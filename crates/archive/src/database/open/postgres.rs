//! A database on a PostgreSQL server.

use std::io;
use std::time::Duration;

use bucketload_model::{Clock as _, SystemClock};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _};

use super::schema::{self, APPLIED, Applied, Obstacle, Standing};
use super::{Upgrade, migration_failed};
use crate::database::PostgresAddress;
use crate::database::sql::Pool;
use crate::{Archive, DataDir, DatabaseAddress, DatabaseHealth, OpenError};

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/postgres");

/// Before this version imports had no leases.
const FIRST_WITH_LEASES: i64 = 10;

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
        let applied = applied(&mut connection).await?;
        connection.close().await?;
        Ok(applied)
    };
    let applied = asked
        .await
        .map_err(|source| OpenError::Open { database, source })?;
    Ok(Some(DatabaseHealth {
        schema: applied.last().map_or(0, |(version, _)| *version),
        newest: schema::newest(&MIGRATIONS),
        damages: Vec::new(),
        backup: None,
    }))
}

/// Opens a database; one without tables of bucketload only if it `makes` them.
pub(super) async fn open(
    address: PostgresAddress,
    data_dir: &DataDir,
    makes: bool,
) -> Result<(Archive, Upgrade), OpenError> {
    let options = connect_options(&address);
    let database = DatabaseAddress::Postgres(address);
    let (mut connection, server) = meet(&database, &options).await?;
    check(&database, &server, makes)?;
    let upgrade = bring_up_to_date(&mut connection, &server, &database, data_dir).await?;
    let closed = connection.close().await;
    closed.map_err(|source| OpenError::Open { database, source })?;
    let pool = |connections| {
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT);
        Pool::Postgres(pool.connect_lazy_with(options.clone()))
    };
    let archive = Archive {
        writer: pool(1),
        reader: pool(READERS),
        ledger: pool(LEDGERS),
    };
    Ok((archive, upgrade))
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

/// Makes the migrations that are wanting, all or none. Those who come at the same time take
/// turns, on whatever machines they are.
async fn bring_up_to_date(
    connection: &mut PgConnection,
    server: &Server,
    database: &DatabaseAddress,
    data_dir: &DataDir,
) -> Result<Upgrade, OpenError> {
    let failed = |source| OpenError::Open {
        database: database.clone(),
        source,
    };
    let unfit = |error| migration_failed(database.clone(), error);
    let to = schema::newest(&MIGRATIONS);
    let mut upgrade = Upgrade::none(to);
    if server.has_archive {
        let applied = applied(connection).await.map_err(failed)?;
        if schema::standing(&applied, &MIGRATIONS).map_err(unfit)? == Standing::Current {
            return Ok(upgrade);
        }
    }
    let mut alone = connection.begin().await.map_err(failed)?;
    let lock = "select pg_advisory_xact_lock(hashtextextended('bucketload upgrade', 0))";
    let locked = sqlx::query(lock).execute(&mut *alone).await;
    locked.map_err(failed)?;
    // Who was waited for may have done it.
    let asked = sqlx::query_as(ASK_SERVER).fetch_one(&mut *alone).await;
    let server: Server = asked.map_err(failed)?;
    let applied = if server.has_archive {
        applied(&mut alone).await.map_err(failed)?
    } else {
        Vec::new()
    };
    upgrade.from = match schema::standing(&applied, &MIGRATIONS).map_err(unfit)? {
        Standing::Current => return Ok(upgrade),
        Standing::Empty => 0,
        Standing::Older(from) => from,
    };
    let mut _nobody_else = None;
    if upgrade.from > 0 {
        _nobody_else = schema::alone(data_dir, database, upgrade.from, to)?;
        // Their processes may be on other machines.
        let running = running(&mut alone, upgrade.from).await.map_err(failed)?;
        if running > 0 {
            return Err(OpenError::AtWork {
                database: database.clone(),
                from: upgrade.from,
                to,
                source: Obstacle::Imports(running),
            });
        }
    }
    let migrations = migrations(&server);
    migrations.run(&mut *alone).await.map_err(unfit)?;
    alone.commit().await.map_err(failed)?;
    super::say(database, &upgrade);
    Ok(upgrade)
}

/// The migrations that were made. There is a table of them.
async fn applied(connection: &mut PgConnection) -> Result<Vec<Applied>, sqlx::Error> {
    sqlx::query_as(APPLIED).fetch_all(connection).await
}

/// Imports that somebody runs.
async fn running(connection: &mut PgConnection, schema: i64) -> Result<i64, sqlx::Error> {
    if schema < FIRST_WITH_LEASES {
        return Ok(0);
    }
    let now = SystemClock.now().timestamp_millis();
    sqlx::query_scalar(
        "select count(*) from imports where lease_owner is not null and lease_until_ms > $1",
    )
    .bind(now)
    .fetch_one(connection)
    .await
}

fn migrations(server: &Server) -> Migrator {
    let mut migrations = Migrator::with_migrations(MIGRATIONS.iter().cloned().collect());
    migrations.dangerous_set_table_name("bucketload._sqlx_migrations");
    // The lock is ours: the migrator's would be let go of before the transaction ends.
    migrations.set_locking(false);
    if !server.has_archive {
        // PostgreSQL asks for the right to make one even where it is there already.
        migrations.create_schema(SCHEMA);
    }
    migrations
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
