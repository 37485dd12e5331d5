//! The schemas of all databases are the same.

use std::collections::BTreeSet;

use crate::support::{Kind, Side, Store};

/// Tables, columns, types, whether a value may be missing, and the place in the primary key.
const COLUMNS: [&str; 2] = [
    "select t.name || ' ' || c.name || ' ' || c.type || ' ' || c.\"notnull\" || ' ' || c.pk
     from sqlite_schema t join pragma_table_info(t.name) c where t.type = 'table'",
    "select c.table_name || ' ' || c.column_name || ' ' || c.data_type || ' '
         || case c.is_nullable when 'NO' then 1 else 0 end || ' '
         || coalesce(k.ordinal_position, 0)
     from information_schema.columns c
     left join information_schema.table_constraints p
         on p.table_schema = c.table_schema and p.table_name = c.table_name
             and p.constraint_type = 'PRIMARY KEY'
     left join information_schema.key_column_usage k
         on k.constraint_schema = c.table_schema and k.constraint_name = p.constraint_name
             and k.table_name = c.table_name and k.column_name = c.column_name
     where c.table_schema = 'bucketload'",
];

const DEFAULTS: [&str; 2] = [
    "select t.name || ' ' || c.name || ' ' || c.dflt_value
     from sqlite_schema t join pragma_table_info(t.name) c where t.type = 'table'
         and c.dflt_value is not null",
    "select table_name || ' ' || column_name || ' ' || trim(split_part(column_default, '::', 1), '''')
     from information_schema.columns where table_schema = 'bucketload'
         and column_default is not null",
];

const INDEXES: [&str; 2] = [
    "select i.tbl_name || ' ' || i.name || ' ' || (
         select group_concat(c.name, ',') from pragma_index_info(i.name) c)
     from sqlite_schema i where i.type = 'index' and i.sql is not null",
    "select i.tablename || ' ' || i.indexname || ' ' || (
         select string_agg(a.attname, ',' order by a.attnum) from pg_attribute a
         where a.attrelid = ('bucketload.' || i.indexname)::regclass)
     from pg_indexes i where i.schemaname = 'bucketload'
         and not exists (select 1 from pg_constraint c where c.conname = i.indexname)",
];

const REFERENCES: [&str; 2] = [
    "select t.name || ' ' || f.\"from\" || ' ' || f.\"table\" || ' ' || f.\"to\"
     from sqlite_schema t join pragma_foreign_key_list(t.name) f where t.type = 'table'",
    "select k.table_name || ' ' || k.column_name || ' ' || u.table_name || ' ' || u.column_name
     from information_schema.table_constraints c
     join information_schema.key_column_usage k using (constraint_schema, constraint_name)
     join information_schema.constraint_column_usage u
         using (constraint_schema, constraint_name)
     where c.constraint_type = 'FOREIGN KEY' and c.constraint_schema = 'bucketload'",
];

/// What is the program's own, without case and without what the migrator made.
async fn ours(side: &mut Side, query: &str) -> BTreeSet<String> {
    let lines = side.texts(query).await.into_iter();
    let lines = lines.map(|line| line.to_lowercase());
    lines
        .filter(|line| !line.starts_with("_sqlx_migrations ") && !line.starts_with("sqlite_"))
        .collect()
}

#[tokio::test]
async fn tables_columns_keys_and_indexes_are_the_same() {
    let sqlite = Store::new().await;
    let Some(postgres) = Store::on(Kind::Postgres).await else {
        return;
    };
    let (mut sqlite, mut postgres) = (sqlite.side().await, postgres.side().await);
    for [of_sqlite, of_postgres] in [COLUMNS, DEFAULTS, INDEXES, REFERENCES] {
        let expected = ours(&mut sqlite, of_sqlite).await;
        assert!(!expected.is_empty(), "{of_sqlite}");
        assert_eq!(ours(&mut postgres, of_postgres).await, expected);
    }
}

#[tokio::test]
async fn text_is_compared_by_its_bytes() {
    let Some(store) = Store::on(Kind::Postgres).await else {
        return;
    };
    let others = store.column(
        "select table_name || '.' || column_name from information_schema.columns
         where table_schema = 'bucketload' and table_name <> '_sqlx_migrations'
             and data_type = 'text' and collation_name is distinct from 'C'",
    );
    assert_eq!(others.await, [""; 0]);
}

#[test]
fn every_migration_has_the_same_name_for_every_database() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
    let names = |database| -> BTreeSet<_> {
        let files = std::fs::read_dir(format!("{folder}/{database}")).unwrap();
        files.map(|file| file.unwrap().file_name()).collect()
    };
    assert_eq!(names("postgres"), names("sqlite"));
}
