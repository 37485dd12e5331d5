//! The official OpenAPI document as schemas that a validator understands.

use std::collections::BTreeMap;

use crate::support::shared;
use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, Registry, ValidationError, Validator};
use serde_json::{Value, json};

/// Where the document stands among the schemas.
const BASE: &str = "urn:bitbucket";

/// One of the two documents; absent, with a word, when it is not at hand.
pub(crate) fn document(name: &str) -> Option<Value> {
    let path = shared(&format!("spec/{name}"))?;
    let mut document = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut referred = Vec::new();
    open_parts(&mut document, &mut referred);
    for reference in referred {
        let part = document.pointer_mut(reference.trim_start_matches('#'));
        open(part.unwrap());
    }
    Some(document)
}

/// OpenAPI 3.0 is JSON Schema, draft 4, with a few words of its own. Of those the
/// documents use `discriminator` alone, which adds nothing: it names no types.
///
/// What is left to translate is theirs: a part of `allOf` that allows no other fields
/// would refuse those of its sister parts, and no object of the real API could pass.
fn open_parts(schema: &mut Value, referred: &mut Vec<String>) {
    let is_nullable = schema.get("nullable").is_some_and(Value::is_boolean);
    assert!(!is_nullable, "“nullable” must be translated");
    let parts = schema.get_mut("allOf").and_then(Value::as_array_mut);
    for part in parts.into_iter().flatten() {
        let reference = part.get("$ref").and_then(Value::as_str);
        referred.extend(reference.map(str::to_owned));
        open(part);
    }
    match schema {
        Value::Object(map) => map.values_mut().for_each(|one| open_parts(one, referred)),
        Value::Array(values) => values.iter_mut().for_each(|one| open_parts(one, referred)),
        _ => {}
    }
}

fn open(part: &mut Value) {
    let part = part.as_object_mut().unwrap();
    if part.get("additionalProperties") == Some(&Value::Bool(false)) {
        part.remove("additionalProperties");
    }
}

/// Something in an answer that the document does not allow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fault {
    /// The field, with `*` for a place in a list.
    pub(crate) field: String,
    /// `null`, `unknown`, `missing`, `no uri`, or the validator's words.
    pub(crate) what: String,
}

/// The schemas of a document's answers, each made when it is first needed.
pub(crate) struct Schemas<'a> {
    document: &'a Value,
    registry: Registry<'a>,
    validators: BTreeMap<String, Validator>,
}

impl<'a> Schemas<'a> {
    pub(crate) fn new(document: &'a Value) -> Self {
        let resource = Draft::Draft4.create_resource_ref(document);
        let registry = Registry::new().add(BASE, resource).unwrap();
        Self {
            document,
            registry: registry.prepare().unwrap(),
            validators: BTreeMap::new(),
        }
    }

    /// Whether the document knows that an endpoint may answer so.
    pub(crate) fn knows(&self, template: &str, status: u16) -> bool {
        self.document["paths"][template]["get"]["responses"]
            .get(status.to_string())
            .is_some()
    }

    /// Every place where the body of a 200 is not as its schema says; absent where the
    /// document has no schema.
    pub(crate) fn faults(&mut self, template: &str, body: &Value) -> Option<Vec<Fault>> {
        let template = template.replace('/', "~1");
        let pointer =
            format!("/paths/{template}/get/responses/200/content/application~1json/schema");
        self.document.pointer(&pointer)?;
        Some(self.check(&pointer, body))
    }

    /// The same for an error's body.
    pub(crate) fn faults_of_error(&mut self, body: &Value) -> Vec<Fault> {
        self.check("/components/schemas/error", body)
    }

    fn check(&mut self, pointer: &str, body: &Value) -> Vec<Fault> {
        if !self.validators.contains_key(pointer) {
            let fragment = pointer.replace('{', "%7B").replace('}', "%7D");
            let validator = jsonschema::options()
                .with_draft(Draft::Draft4)
                .with_registry(&self.registry)
                .should_validate_formats(true)
                .build(&json!({"$ref": format!("{BASE}#{fragment}")}))
                .unwrap();
            self.validators.insert(pointer.to_owned(), validator);
        }
        let errors = self.validators[pointer].iter_errors(body);
        errors.flat_map(|error| faults_of(&error)).collect()
    }
}

fn faults_of(error: &ValidationError<'_>) -> Vec<Fault> {
    let place = error.instance_path().as_str().split('/').skip(1);
    let place: Vec<&str> = place
        .map(|part| {
            if part.parse::<usize>().is_ok() {
                "*"
            } else {
                part
            }
        })
        .collect();
    let fault = |name: Option<&str>, what: String| Fault {
        field: [&place, name.as_slice()].concat().join("."),
        what,
    };
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => unexpected
            .iter()
            .map(|name| fault(Some(name), "unknown".to_owned()))
            .collect(),
        ValidationErrorKind::Required { property } => {
            vec![fault(property.as_str(), "missing".to_owned())]
        }
        ValidationErrorKind::Format { format } => vec![fault(None, format!("no {format}"))],
        _ if error.instance().is_null() => vec![fault(None, "null".to_owned())],
        _ => vec![fault(None, error.to_string())],
    }
}
