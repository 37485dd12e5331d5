//! Partial answers: the `fields` parameter.

use super::reply::ApiError;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// `fields=a,b.c` restricts, `-a` drops, `+a` adds what the answer leaves out by default.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    only: Option<Tree>,
    plus: Tree,
    minus: Tree,
    text: String,
}

#[derive(Debug, Default)]
struct Tree(BTreeMap<String, Tree>);

impl Fields {
    pub(crate) fn parse<'a>(values: impl Iterator<Item = &'a str>) -> Result<Self, ApiError> {
        let mut fields = Self::default();
        for value in values {
            fields.text.push_str(value);
            fields.text.push(',');
            for name in value
                .split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty())
            {
                // A `+` that was not sent as %2B has become a space, and is gone by now: the
                // name then restricts, as it does on Bitbucket.
                let (sign, path) = match name.as_bytes()[0] {
                    sign @ (b'+' | b'-') => (sign, &name[1..]),
                    _ => (b' ', name),
                };
                if path.is_empty() || path.split('.').any(str::is_empty) {
                    return Err(ApiError::bad_request(format!(
                        "Invalid fields parameter: {name}"
                    )));
                }
                match sign {
                    b'+' => fields.plus.insert(path),
                    b'-' => fields.minus.insert(path),
                    _ => fields.only.get_or_insert_with(Tree::default).insert(path),
                }
            }
        }
        Ok(fields)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether any of the names asks for `name`, so that an expensive default can be left out.
    pub(crate) fn mentions(&self, name: &str) -> bool {
        self.text.contains(name) || self.text.contains('*')
    }

    /// Applies the parameter to a whole answer, which holds everything including what `hidden`
    /// names; hidden paths stay only when asked for.
    pub(crate) fn apply(&self, full: Value, hidden: &[&str]) -> Value {
        let mut value = if let Some(only) = &self.only {
            let mut value = only
                .select(&full)
                .unwrap_or_else(|| Value::Object(Map::new()));
            if let Some(plus) = self.plus.select(&full) {
                merge(&mut value, plus);
            }
            value
        } else if hidden.is_empty() {
            full
        } else {
            let plus = self.plus.select(&full);
            let mut value = full;
            let mut tree = Tree::default();
            for path in hidden {
                tree.insert(path);
            }
            tree.remove_from(&mut value);
            if let Some(plus) = plus {
                merge(&mut value, plus);
            }
            value
        };
        self.minus.remove_from(&mut value);
        value
    }
}

impl Tree {
    fn insert(&mut self, path: &str) {
        let mut node = self;
        for part in path.split('.') {
            node = node.0.entry(part.to_owned()).or_default();
        }
    }

    fn child(&self, key: &str) -> Option<&Self> {
        self.0.get(key).or_else(|| self.0.get("*"))
    }

    /// The parts of `value` that the tree names; arrays are looked through.
    fn select(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Object(object) => {
                let mut selected = Map::new();
                for (key, value) in object {
                    let Some(node) = self.child(key) else {
                        continue;
                    };
                    let part = if node.0.is_empty() {
                        Some(value.clone())
                    } else {
                        node.select(value)
                    };
                    if let Some(part) = part {
                        selected.insert(key.clone(), part);
                    }
                }
                (!selected.is_empty()).then_some(Value::Object(selected))
            }
            Value::Array(items) => Some(Value::Array(
                items
                    .iter()
                    .map(|item| {
                        self.select(item)
                            .unwrap_or_else(|| Value::Object(Map::new()))
                    })
                    .collect(),
            )),
            _ => None,
        }
    }

    fn remove_from(&self, value: &mut Value) {
        match value {
            Value::Object(object) => {
                object.retain(|key, value| match self.child(key) {
                    None => true,
                    Some(node) if node.0.is_empty() => false,
                    Some(node) => {
                        node.remove_from(value);
                        true
                    }
                });
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.remove_from(item)),
            _ => {}
        }
    }
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                if let Some(known) = into.get_mut(&key) {
                    merge(known, value);
                } else {
                    into.insert(key, value);
                }
            }
        }
        (Value::Array(into), Value::Array(from)) => {
            for (into, from) in into.iter_mut().zip(from) {
                merge(into, from);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn apply(fields: &str) -> Value {
        let full = json!({
            "size": 1, "next": "n",
            "values": [{"id": 1, "links": {"self": 1, "html": 2}, "reviewers": [{"a": 1, "b": 2}]}],
        });
        Fields::parse(std::iter::once(fields))
            .unwrap()
            .apply(full, &["values.reviewers"])
    }

    #[test]
    fn a_plain_name_restricts_and_so_drops_next() {
        assert_eq!(apply("values.id"), json!({"values": [{"id": 1}]}));
        assert_eq!(
            apply("next,values.links.*"),
            json!({"next": "n", "values": [{"links": {"self": 1, "html": 2}}]})
        );
    }

    #[test]
    fn plus_adds_what_is_hidden_and_minus_drops() {
        assert_eq!(
            apply("+values.reviewers.a,-values.links"),
            json!({"size": 1, "next": "n", "values": [{"id": 1, "reviewers": [{"a": 1}]}]})
        );
        assert_eq!(apply("-values.id")["values"][0]["reviewers"], Value::Null);
    }

    #[test]
    fn an_empty_name_is_refused() {
        assert!(Fields::parse(std::iter::once("a..b")).is_err());
        assert!(Fields::parse(std::iter::once("+")).is_err());
    }
}
