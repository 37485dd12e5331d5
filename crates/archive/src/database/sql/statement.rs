//! A statement, and how it is run.

use std::borrow::Cow;

use futures::stream::{BoxStream, StreamExt as _, TryStreamExt as _};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, FromRow, Postgres, Sqlite};

use super::pool::Target;
use super::value::{Value, arguments};
use crate::DatabaseError;

/// A statement with its values. A connection prepares a text once and keeps it.
#[derive(Debug)]
#[must_use = "a statement does nothing until it is run"]
pub(crate) struct Statement<'q> {
    text: Cow<'static, str>,
    /// Whether the values stand as `?` in the text.
    is_built: bool,
    values: Vec<Value<'q>>,
}

/// A row that every database can give: a tuple, or a struct that derives `FromRow`.
pub(crate) trait AnyRow:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

impl<T> AnyRow for T where
    T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin
{
}

/// A statement whose values stand as `$1`, `$2`, … in its text and are bound in that order.
pub(crate) fn statement<'q>(text: &'static str) -> Statement<'q> {
    Statement {
        text: Cow::Borrowed(text),
        is_built: false,
        values: Vec::new(),
    }
}

/// Runs a statement on its target, whichever database that is of.
macro_rules! run {
    ($statement:ident, $target:ident, $query:ident, $run:ident $($then:tt)*) => {
        match $target.into() {
            Target::SqlitePool(pool) => {
                let (text, values) = $statement.for_sqlite()?;
                sqlx::$query(text, values).$run(pool).await?$($then)*
            }
            Target::Sqlite(connection) => {
                let (text, values) = $statement.for_sqlite()?;
                sqlx::$query(text, values).$run(connection).await?$($then)*
            }
            Target::PostgresPool(pool) => {
                let (text, values) = $statement.for_postgres()?;
                sqlx::$query(text, values).$run(pool).await?$($then)*
            }
            Target::Postgres(connection) => {
                let (text, values) = $statement.for_postgres()?;
                sqlx::$query(text, values).$run(connection).await?$($then)*
            }
        }
    };
}

impl<'q> Statement<'q> {
    /// A statement whose text was put together with its values; see [`super::StatementBuilder`].
    pub(super) fn built(text: String, values: Vec<Value<'q>>) -> Self {
        Self {
            text: Cow::Owned(text),
            is_built: true,
            values,
        }
    }

    /// Goes on with more text, where a part of it is shared by several statements.
    pub(crate) fn push(mut self, text: &'static str) -> Self {
        self.text.to_mut().push_str(text);
        self
    }

    /// Gives the next value.
    pub(crate) fn bind(mut self, value: impl Into<Value<'q>>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Runs it for what it changes. Returns how many rows that were.
    pub(crate) async fn execute<'c>(
        self,
        target: impl Into<Target<'c>>,
    ) -> Result<u64, DatabaseError> {
        Ok(run!(self, target, query_with, execute.rows_affected()))
    }

    /// Its only row.
    pub(crate) async fn fetch_one<'c, T: AnyRow>(
        self,
        target: impl Into<Target<'c>>,
    ) -> Result<T, DatabaseError> {
        Ok(run!(self, target, query_as_with, fetch_one))
    }

    /// Its only row, if there is one.
    pub(crate) async fn fetch_optional<'c, T: AnyRow>(
        self,
        target: impl Into<Target<'c>>,
    ) -> Result<Option<T>, DatabaseError> {
        Ok(run!(self, target, query_as_with, fetch_optional))
    }

    /// All its rows.
    pub(crate) async fn fetch_all<'c, T: AnyRow>(
        self,
        target: impl Into<Target<'c>>,
    ) -> Result<Vec<T>, DatabaseError> {
        Ok(run!(self, target, query_as_with, fetch_all))
    }

    /// Its only column of its only row.
    pub(crate) async fn fetch_scalar<'c, T>(
        self,
        target: impl Into<Target<'c>>,
    ) -> Result<T, DatabaseError>
    where
        (T,): AnyRow,
    {
        let (value,) = self.fetch_one(target).await?;
        Ok(value)
    }

    /// Its only column of its only row, if there is one.
    pub(crate) async fn fetch_optional_scalar<'c, T>(
        self,
        target: impl Into<Target<'c>>,
    ) -> Result<Option<T>, DatabaseError>
    where
        (T,): AnyRow,
    {
        let row = self.fetch_optional(target).await?;
        Ok(row.map(|(value,)| value))
    }

    /// Its only column of all its rows.
    pub(crate) async fn fetch_all_scalars<'c, T>(
        self,
        target: impl Into<Target<'c>>,
    ) -> Result<Vec<T>, DatabaseError>
    where
        (T,): AnyRow,
    {
        let rows = self.fetch_all(target).await?;
        Ok(rows.into_iter().map(|(value,)| value).collect())
    }

    /// All its rows, one after the other: memory does not grow with their number.
    pub(crate) fn fetch<'c, T: AnyRow + 'c>(
        self,
        target: impl Into<Target<'c>>,
    ) -> Result<BoxStream<'c, Result<T, DatabaseError>>, DatabaseError> {
        let rows = match target.into() {
            Target::SqlitePool(pool) => {
                let (text, values) = self.for_sqlite()?;
                sqlx::query_as_with(text, values).fetch(pool)
            }
            Target::Sqlite(connection) => {
                let (text, values) = self.for_sqlite()?;
                sqlx::query_as_with(text, values).fetch(connection)
            }
            Target::PostgresPool(pool) => {
                let (text, values) = self.for_postgres()?;
                sqlx::query_as_with(text, values).fetch(pool)
            }
            Target::Postgres(connection) => {
                let (text, values) = self.for_postgres()?;
                sqlx::query_as_with(text, values).fetch(connection)
            }
        };
        Ok(rows.map_err(DatabaseError::from).boxed())
    }

    fn for_sqlite(
        self,
    ) -> Result<(AssertSqlSafe<Cow<'static, str>>, SqliteArguments), DatabaseError> {
        Ok((AssertSqlSafe(self.text), arguments::<Sqlite>(self.values)?))
    }

    fn for_postgres(
        self,
    ) -> Result<(AssertSqlSafe<Cow<'static, str>>, PgArguments), DatabaseError> {
        let text = if self.is_built {
            Cow::Owned(numbered(&self.text))
        } else {
            self.text
        };
        Ok((AssertSqlSafe(text), arguments::<Postgres>(self.values)?))
    }
}

/// A text with `$1`, `$2`, … for each `?`: PostgreSQL knows no values without a number.
/// The builder makes sure that no `?` stands for anything else.
fn numbered(text: &str) -> String {
    let mut parts = text.split('?');
    let mut numbered = String::with_capacity(2 * text.len());
    numbered.push_str(parts.next().unwrap_or_default());
    for (number, part) in (1..).zip(parts) {
        let number: u32 = number;
        numbered.push('$');
        numbered.push_str(&number.to_string());
        numbered.push_str(part);
    }
    numbered
}

#[cfg(test)]
mod tests {
    use sqlx::sqlite::SqlitePoolOptions;

    use super::*;
    use crate::database::sql::Pool;

    async fn pool() -> Pool {
        let pool = SqlitePoolOptions::new().max_connections(1);
        Pool::Sqlite(pool.connect("sqlite::memory:").await.unwrap())
    }

    #[tokio::test]
    async fn what_is_bound_comes_back() {
        type Row = (Option<String>, Option<i64>, Option<Vec<u8>>);
        let pool = pool().await;
        let there: Row = statement("select $1, $2, $3")
            .bind("é'")
            .bind(i64::MIN)
            .bind(vec![0, 255])
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(
            there,
            (Some("é'".to_owned()), Some(i64::MIN), Some(vec![0, 255]))
        );
        let missing: Row = statement("select $1, $2, $3")
            .bind(None::<String>)
            .bind(None::<i64>)
            .bind(None::<&[u8]>)
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(missing, (None, None, None));
    }

    #[tokio::test]
    async fn one_row_none_and_many() {
        let pool = pool().await;
        let mut session = pool.snapshot().await.unwrap();
        let select = "select $1 where $1 = $2";
        let one = statement(select).bind(1).bind(1);
        assert_eq!(one.fetch_scalar::<i64>(&mut session).await.unwrap(), 1);
        let none = statement(select).bind(1).bind(2);
        let none: Option<i64> = none.fetch_optional_scalar(&mut session).await.unwrap();
        assert_eq!(none, None);
        let none = statement(select).bind(1).bind(2);
        none.fetch_one::<(i64,)>(&mut session).await.unwrap_err();
        let many = || statement("select $1").push(" union select 2").bind(1);
        let all: Vec<i64> = many().fetch_all_scalars(&mut session).await.unwrap();
        assert_eq!(all, [1, 2]);
        let rows = many().fetch::<(i64,)>(&mut session).unwrap();
        assert_eq!(rows.try_collect::<Vec<_>>().await.unwrap(), [(1,), (2,)]);
    }
}
