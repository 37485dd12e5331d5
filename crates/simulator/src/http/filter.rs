//! The filter language of `q`, and the order of JSON values that `sort` uses.

use super::reply::ApiError;
use serde_json::Value;
use std::cmp::Ordering;

/// A parsed `q`.
#[derive(Debug)]
pub(crate) enum Expression {
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    Compare {
        path: String,
        operator: Operator,
        operand: Value,
    },
    In {
        path: String,
        negated: bool,
        operands: Vec<Value>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Contains,
    NotContains,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Operator(Operator),
    Open,
    Close,
    Comma,
}

/// Parentheses nest this deep at most; the parser recurses.
const MAX_DEPTH: usize = 32;

impl Expression {
    pub(crate) fn parse(q: &str) -> Result<Self, ApiError> {
        let invalid = |detail: String| ApiError::bad_request(format!("Invalid query: {detail}"));
        let tokens = tokens(q).map_err(invalid)?;
        let mut parser = Parser {
            tokens,
            position: 0,
            depth: 0,
        };
        let expression = parser.any().map_err(invalid)?;
        match parser.next() {
            None => Ok(expression),
            Some(token) => Err(invalid(format!("unexpected {token:?}"))),
        }
    }

    pub(crate) fn matches(&self, field: &dyn Fn(&str) -> Value) -> bool {
        match self {
            Self::And(left, right) => left.matches(field) && right.matches(field),
            Self::Or(left, right) => left.matches(field) || right.matches(field),
            Self::Compare {
                path,
                operator,
                operand,
            } => holds(&field(path), *operator, operand),
            Self::In {
                path,
                negated,
                operands,
            } => {
                let value = field(path);
                let found = operands
                    .iter()
                    .any(|operand| holds(&value, Operator::Equal, operand));
                found != *negated
            }
        }
    }
}

fn holds(value: &Value, operator: Operator, operand: &Value) -> bool {
    if let Value::Array(items) = value {
        return items.iter().any(|item| holds(item, operator, operand));
    }
    let contains = || match (value, operand) {
        (Value::String(text), Value::String(part)) => {
            text.to_lowercase().contains(&part.to_lowercase())
        }
        _ => false,
    };
    let equal = || value.is_null() == operand.is_null() && compare(value, operand).is_eq();
    let ordered = |wanted: &[Ordering]| {
        !value.is_null() && !operand.is_null() && wanted.contains(&compare(value, operand))
    };
    match operator {
        Operator::Equal => equal(),
        Operator::NotEqual => !equal(),
        Operator::Contains => contains(),
        Operator::NotContains => !contains(),
        Operator::Greater => ordered(&[Ordering::Greater]),
        Operator::GreaterOrEqual => ordered(&[Ordering::Greater, Ordering::Equal]),
        Operator::Less => ordered(&[Ordering::Less]),
        Operator::LessOrEqual => ordered(&[Ordering::Less, Ordering::Equal]),
    }
}

/// Numbers by value, times by instant, text by characters; null before everything.
pub(crate) fn compare(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => match (left.as_i64(), right.as_i64()) {
            (Some(left), Some(right)) => left.cmp(&right),
            _ => left
                .as_f64()
                .partial_cmp(&right.as_f64())
                .unwrap_or(Ordering::Equal),
        },
        (Value::String(left), Value::String(right)) => match (instant(left), instant(right)) {
            (Some(left), Some(right)) => left.cmp(&right),
            _ => left.cmp(right),
        },
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (left, right) => left.to_string().cmp(&right.to_string()),
    }
}

/// The same order with less work per comparison: times become numbers.
pub(crate) fn sort_key(value: Value) -> Value {
    match value.as_str().and_then(instant) {
        Some(instant) => Value::from(instant.timestamp_micros()),
        None => value,
    }
}

/// An ISO 8601 date or time; without an offset it is UTC.
fn instant(text: &str) -> Option<chrono::DateTime<chrono::Utc>> {
    let bytes = text.as_bytes();
    if bytes.len() < 10 || bytes[4] != b'-' || !bytes[0].is_ascii_digit() {
        return None;
    }
    if let Ok(time) = chrono::DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    if let Ok(time) = text.parse::<chrono::NaiveDateTime>() {
        return Some(time.and_utc());
    }
    Some(
        text.parse::<chrono::NaiveDate>()
            .ok()?
            .and_hms_opt(0, 0, 0)?
            .and_utc(),
    )
}

/// Follows a dotted path; through arrays it gives the array of what it finds.
pub(crate) fn find(value: &Value, path: &str) -> Option<Value> {
    let Some((head, rest)) = path.split_once('.') else {
        return match value {
            Value::Array(items) => Some(Value::Array(
                items.iter().filter_map(|item| find(item, path)).collect(),
            )),
            _ => value.get(path).cloned(),
        };
    };
    match value {
        Value::Array(items) => Some(Value::Array(
            items.iter().filter_map(|item| find(item, path)).collect(),
        )),
        _ => find(value.get(head)?, rest),
    }
}

pub(crate) fn lookup(value: &Value, path: &str) -> Value {
    find(value, path).unwrap_or(Value::Null)
}

fn tokens(q: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = q.chars().peekable();
    while let Some(character) = rest.next() {
        let followed_by_equals = rest.peek() == Some(&'=');
        let token = match character {
            space if space.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            '=' => Token::Operator(Operator::Equal),
            '~' => Token::Operator(Operator::Contains),
            '>' | '<' | '!' => {
                let operator = match (character, rest.peek()) {
                    ('!', Some('=')) => Operator::NotEqual,
                    ('!', Some('~')) => Operator::NotContains,
                    ('>', Some('=')) => Operator::GreaterOrEqual,
                    ('<', Some('=')) => Operator::LessOrEqual,
                    ('>', _) => Operator::Greater,
                    ('<', _) => Operator::Less,
                    _ => return Err("a lone !".to_owned()),
                };
                if character == '!' || followed_by_equals {
                    rest.next();
                }
                Token::Operator(operator)
            }
            '"' => {
                let mut text = String::new();
                loop {
                    match rest.next() {
                        None => return Err("a string without its closing quote".to_owned()),
                        Some('"') => break,
                        Some('\\') => text.extend(rest.next()),
                        Some(character) => text.push(character),
                    }
                }
                Token::Text(text)
            }
            word if is_word(word) => {
                let mut text = String::from(word);
                while let Some(next) = rest.next_if(|next| is_word(*next)) {
                    text.push(next);
                }
                Token::Word(text)
            }
            other => return Err(format!("unexpected character {other:?}")),
        };
        tokens.push(token);
    }
    Ok(tokens)
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '.' | '-' | ':' | '+')
}

struct Parser {
    tokens: Vec<Token>,
    position: usize,
    depth: usize,
}

impl Parser {
    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.position).cloned();
        self.position += 1;
        token
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.tokens.get(self.position),
            Some(Token::Word(text)) if text.eq_ignore_ascii_case(word));
        self.position += usize::from(found);
        found
    }

    fn any(&mut self) -> Result<Expression, String> {
        let mut left = self.all()?;
        while self.take_word("OR") {
            left = Expression::Or(Box::new(left), Box::new(self.all()?));
        }
        Ok(left)
    }

    fn all(&mut self) -> Result<Expression, String> {
        let mut left = self.term()?;
        while self.take_word("AND") {
            left = Expression::And(Box::new(left), Box::new(self.term()?));
        }
        Ok(left)
    }

    fn term(&mut self) -> Result<Expression, String> {
        let path = match self.next() {
            Some(Token::Open) => {
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return Err("too many parentheses".to_owned());
                }
                let inner = self.any()?;
                self.depth -= 1;
                return match self.next() {
                    Some(Token::Close) => Ok(inner),
                    _ => Err("a ( without its )".to_owned()),
                };
            }
            Some(Token::Word(path)) if is_path(&path) => path,
            other => return Err(format!("a field name was expected, not {other:?}")),
        };
        let negated = self.take_word("NOT");
        if self.take_word("IN") {
            return self.operands().map(|operands| Expression::In {
                path,
                negated,
                operands,
            });
        }
        match self.next() {
            Some(Token::Operator(operator)) if !negated => {
                let operand = self.operand()?;
                let text_only = matches!(operator, Operator::Contains | Operator::NotContains);
                if text_only && !operand.is_string() {
                    return Err("~ takes a quoted string".to_owned());
                }
                Ok(Expression::Compare {
                    path,
                    operator,
                    operand,
                })
            }
            other => Err(format!(
                "an operator was expected after {path}, not {other:?}"
            )),
        }
    }

    fn operands(&mut self) -> Result<Vec<Value>, String> {
        if self.next() != Some(Token::Open) {
            return Err("IN takes a list in parentheses".to_owned());
        }
        let mut operands = vec![self.operand()?];
        loop {
            match self.next() {
                Some(Token::Comma) => operands.push(self.operand()?),
                Some(Token::Close) => return Ok(operands),
                _ => return Err("a list without its )".to_owned()),
            }
        }
    }

    fn operand(&mut self) -> Result<Value, String> {
        match self.next() {
            Some(Token::Text(text)) => Ok(Value::String(text)),
            Some(Token::Word(word)) => match word.to_ascii_lowercase().as_str() {
                "null" => Ok(Value::Null),
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                _ => {
                    if let Ok(number) = word.parse::<i64>() {
                        Ok(Value::from(number))
                    } else if instant(&word).is_some() {
                        Ok(Value::String(word))
                    } else {
                        Err(format!(
                            "{word} is no number, date, true, false or null: quote it"
                        ))
                    }
                }
            },
            other => Err(format!("a value was expected, not {other:?}")),
        }
    }
}

fn is_path(word: &str) -> bool {
    word.split('.').all(|part| {
        part.starts_with(|first: char| first.is_ascii_alphabetic())
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn matches(q: &str) -> bool {
        let object = json!({
            "id": 7, "title": "Fix the Größe", "deleted": false, "parent": null,
            "author": {"nickname": "ada"}, "updated_on": "2026-11-01T12:00:00.500000+00:00",
            "reviewers": [{"nickname": "bob"}, {"nickname": "eve"}],
        });
        Expression::parse(q)
            .unwrap()
            .matches(&|path| lookup(&object, path))
    }

    #[test]
    fn operators_do_what_bitbucket_documents() {
        for q in [
            "id = 7",
            "id != 8",
            "id > 6 AND id <= 7",
            "id IN (1, 7)",
            "id NOT IN (1, 2)",
            "title ~ \"größe\"",
            "title !~ \"nothing\"",
            "deleted=false",
            "parent = null",
            "author.nickname = \"ada\"",
            "reviewers.nickname = \"eve\"",
            "updated_on >= 2026-11-01T00:00:00Z",
            "updated_on < 2026-11-02",
            "(id = 1 OR id = 7) AND deleted = false",
            "id = 7 or id = 1 and id = 2",
            "updated_on >= 2026-11-01T14:00:00.4+02:00",
        ] {
            assert!(matches(q), "{q}");
        }
        for q in [
            "id = 8",
            "parent != null",
            "updated_on > 2026-11-02",
            "title = \"fix\"",
        ] {
            assert!(!matches(q), "{q}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for q in [
            "id",
            "id =",
            "= 7",
            "id = 7 AND",
            "(id = 7",
            "id = seven",
            "id ~ 7",
            "title = \"x",
            "id = 7 id = 8",
            "id IN 7",
            "NOT",
            "id ! 7",
            "a..b = 1",
            "id = 7;",
        ] {
            assert!(Expression::parse(q).is_err(), "{q}");
        }
        assert!(Expression::parse(&"(".repeat(10_000)).is_err());
    }
}
