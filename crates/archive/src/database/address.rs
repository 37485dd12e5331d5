//! Where a database is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr as _;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgConnectOptions;
use url::Url;

/// What stands after the `?` of an address of PostgreSQL: how to encrypt, and who asks.
const PARAMETERS: &[&str] = &[
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "port",
    "user",
    "dbname",
    "application_name",
];

/// Where a database is. It is shown without its password.
#[derive(Clone)]
pub enum DatabaseAddress {
    /// A file of SQLite.
    Sqlite(PathBuf),
    /// A database on a PostgreSQL server.
    Postgres(PostgresAddress),
}

/// A database on a PostgreSQL server, and who asks it.
#[derive(Clone)]
pub struct PostgresAddress {
    pub(super) options: Box<PgConnectOptions>,
}

/// An address that is none. What was given is not repeated: it may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum ParseAddressError {
    /// It begins with neither `sqlite://` nor `postgres://`.
    #[error("it begins with neither sqlite:// nor postgres://")]
    Scheme,
    /// No file follows.
    #[error("it names no file")]
    File,
    /// The rest is no address.
    #[error("it is no address")]
    Form(#[source] url::ParseError),
    /// No database is named.
    #[error("it names no database, as in postgres://user@host/database")]
    Database,
    /// A parameter that is unknown.
    #[error("it has a parameter “{name}”; those known are {}", PARAMETERS.join(", "))]
    Parameter {
        /// Its name.
        name: String,
    },
    /// A parameter that is known, with a value that is not.
    #[error("a parameter of it has an impossible value")]
    Value,
}

impl DatabaseAddress {
    /// Reads `sqlite://<path>` or `postgres://<user>[:<password>]@<host>[:<port>]/<database>`.
    ///
    /// What an address of PostgreSQL does not say comes from the variables and the password
    /// file of its own programs, such as `PGPASSWORD` and `~/.pgpass`.
    ///
    /// # Errors
    ///
    /// When it is neither.
    pub fn parse(text: &SecretString) -> Result<Self, ParseAddressError> {
        let text = text.expose_secret();
        if let Some(path) = text.strip_prefix("sqlite://") {
            return match path {
                "" => Err(ParseAddressError::File),
                path => Ok(Self::Sqlite(PathBuf::from(path))),
            };
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return PostgresAddress::parse(text).map(Self::Postgres);
        }
        Err(ParseAddressError::Scheme)
    }
}

impl PostgresAddress {
    fn parse(text: &str) -> Result<Self, ParseAddressError> {
        let url = Url::parse(text).map_err(ParseAddressError::Form)?;
        // A misspelt one would be ignored, and the connection be less safe than it was meant.
        let mut names = url.query_pairs().map(|(name, _)| name);
        if let Some(name) = names.find(|name| !PARAMETERS.contains(&name.as_ref())) {
            let name = name.into_owned();
            return Err(ParseAddressError::Parameter { name });
        }
        let options = PgConnectOptions::from_str(text).map_err(|_| ParseAddressError::Value)?;
        if options.get_database().is_none() {
            return Err(ParseAddressError::Database);
        }
        Ok(Self {
            options: Box::new(options),
        })
    }
}

impl fmt::Display for DatabaseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres(address) => address.fmt(f),
        }
    }
}

impl fmt::Display for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.options;
        let (user, port) = (options.get_username(), options.get_port());
        let database = options.get_database().unwrap_or_default();
        let host = options.get_socket().map_or_else(
            || options.get_host().to_owned(),
            |socket| socket.display().to_string(),
        );
        write!(f, "postgres://{user}@{host}:{port}/{database}")
    }
}

impl fmt::Debug for DatabaseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<DatabaseAddress, ParseAddressError> {
        DatabaseAddress::parse(&SecretString::from(text))
    }

    #[test]
    fn addresses_are_shown_without_their_password() {
        for (text, shown) in [
            ("sqlite:///srv/a.db", "/srv/a.db"),
            ("sqlite://a.db", "a.db"),
            (
                "postgres://ann:s3cret@db.example/keep?sslmode=verify-full",
                "postgres://ann@db.example:5432/keep",
            ),
            (
                "postgresql://ann:s3cr%2Fet@%2Frun%2Fpostgresql:5433/keep",
                "postgres://ann@/run/postgresql:5433/keep",
            ),
        ] {
            let address = parse(text).unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(format!("{address:?}"), shown);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_and_not_repeated() {
        for text in [
            "mysql://ann:s3cret@host/keep",
            "s3cret",
            "sqlite://",
            "postgres://ann:s3cret@host:notaport/keep",
            "postgres://ann:s3cret@host/keep?sslmood=verify-full",
            "postgres://ann:s3cret@host/keep?sslmode=s3cret",
            "postgres://ann:s3cret@host/keep?password=s3cret",
            "postgres://ann:s3cret@host",
        ] {
            let error = parse(text).unwrap_err();
            let said = format!("{error} {error:?}");
            assert!(!said.contains("s3cret"), "{said}");
        }
    }
}
