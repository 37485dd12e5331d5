//! Statements whose length depends on their rows.

use super::{Statement, Value};

/// A statement in the making. Its texts are those of the program; what came from
/// outside is bound, never written into them.
#[derive(Debug)]
pub(crate) struct StatementBuilder<'q> {
    text: String,
    values: Vec<Value<'q>>,
}

impl<'q> StatementBuilder<'q> {
    pub(crate) fn new(text: &'static str) -> Self {
        let mut builder = Self {
            text: String::new(),
            values: Vec::new(),
        };
        builder.push(text);
        builder
    }

    /// Goes on with a text that has no values in it.
    pub(crate) fn push(&mut self, text: &'static str) -> &mut Self {
        debug_assert!(!text.contains(['?', '$']), "{text}");
        self.text.push_str(text);
        self
    }

    /// Goes on with a value.
    pub(crate) fn push_bind(&mut self, value: impl Into<Value<'q>>) -> &mut Self {
        // Values without a name: SQLite looks for the name of each among those of all
        // others, at every run.
        self.text.push('?');
        self.values.push(value.into());
        self
    }

    /// Goes on with values in parentheses.
    pub(crate) fn push_list<V: Into<Value<'q>>>(
        &mut self,
        values: impl IntoIterator<Item = V>,
    ) -> &mut Self {
        let mut row = self.open_row();
        for value in values {
            row.push_bind(value);
        }
        row.close();
        self
    }

    /// Goes on with `values` and a row for each record.
    pub(crate) fn push_values<R>(
        &mut self,
        records: impl IntoIterator<Item = R>,
        mut bind: impl FnMut(&mut Row<'_, 'q>, R),
    ) -> &mut Self {
        self.text.push_str("values ");
        for (index, record) in records.into_iter().enumerate() {
            if index > 0 {
                self.text.push_str(", ");
            }
            let mut row = self.open_row();
            bind(&mut row, record);
            row.close();
        }
        self
    }

    /// The statement, to be run.
    pub(crate) fn build(self) -> Statement<'q> {
        Statement::built(self.text, self.values)
    }

    fn open_row(&mut self) -> Row<'_, 'q> {
        self.text.push('(');
        Row {
            builder: self,
            is_empty: true,
        }
    }
}

/// A row in the making.
#[derive(Debug)]
pub(crate) struct Row<'b, 'q> {
    builder: &'b mut StatementBuilder<'q>,
    is_empty: bool,
}

impl<'q> Row<'_, 'q> {
    /// Goes on with the value of the next column.
    pub(crate) fn push_bind(&mut self, value: impl Into<Value<'q>>) -> &mut Self {
        if !self.is_empty {
            self.builder.text.push_str(", ");
        }
        self.is_empty = false;
        self.builder.push_bind(value);
        self
    }

    fn close(self) {
        self.builder.text.push(')');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_lists_stand_in_parentheses() {
        let mut builder = StatementBuilder::new("insert into t (a, b) ");
        builder.push_values([1_i64, 2], |row, number| {
            row.push_bind(number).push_bind("x");
        });
        builder.push(" where c in ").push_list(["y", "z"]);
        builder.push(" and d = ").push_bind(None::<i64>);
        assert_eq!(
            builder.text,
            "insert into t (a, b) values (?, ?), (?, ?) where c in (?, ?) and d = ?"
        );
        assert_eq!(builder.values.len(), 7);
    }
}
