//! The switches that administrators set.

use std::collections::BTreeMap;

use super::sql::statement;
use super::{Archive, DatabaseError, Transaction};

impl Archive {
    /// What was set, by name. What is not there has its default.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn service_settings(&self) -> Result<BTreeMap<String, String>, DatabaseError> {
        let rows: Vec<(String, String)> = statement("select name, value from service_settings")
            .fetch_all(&self.reader)
            .await?;
        Ok(rows.into_iter().collect())
    }
}

impl Transaction {
    /// Sets a switch.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn put_service_setting(
        &mut self,
        name: &str,
        value: &str,
    ) -> Result<(), DatabaseError> {
        statement(
            "insert into service_settings (name, value) values ($1, $2)
             on conflict (name) do update set value = excluded.value",
        )
        .bind(name)
        .bind(value)
        .execute(&mut self.inner)
        .await?;
        Ok(())
    }
}
