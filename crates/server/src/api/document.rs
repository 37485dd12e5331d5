//! The OpenAPI document (version 3.1), from the list of routes and the types of what goes
//! in and out: what is not in the code cannot be in it.

use std::sync::LazyLock;

use axum::http::HeaderMap;
use axum::response::Response;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::etag::tagged;
use super::problem::{Problem, ProblemDetails};
use crate::routes::{Route, Who};

/// Where schemas stand in a document.
const SCHEMAS: &str = "/components/schemas";

type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

fn schema_of<T: JsonSchema>() -> SchemaOf {
    |generator| generator.subschema_for::<T>()
}

/// What a route of the API does, for whoever calls it.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    id: &'static str,
    summary: &'static str,
    parameters: Vec<Parameter>,
    body: Option<SchemaOf>,
    status: u16,
    answer: SchemaOf,
    is_tagged: bool,
}

#[derive(Debug, Clone)]
struct Parameter {
    place: &'static str,
    name: &'static str,
    about: &'static str,
    schema: SchemaOf,
}

impl Operation {
    /// One that answers 200 with a document of this type.
    pub(crate) fn answers<T: JsonSchema>(id: &'static str, summary: &'static str) -> Self {
        Self {
            id,
            summary,
            parameters: Vec::new(),
            body: None,
            status: 200,
            answer: schema_of::<T>(),
            is_tagged: false,
        }
    }

    /// Another status of success.
    #[must_use]
    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The answer has an `ETag`, and is not sent to whoever has it.
    #[must_use]
    pub(crate) fn tagged(mut self) -> Self {
        self.is_tagged = true;
        self
    }

    /// What is sent.
    #[must_use]
    pub(crate) fn takes<T: JsonSchema>(mut self) -> Self {
        self.body = Some(schema_of::<T>());
        self
    }

    /// A part of the path.
    #[must_use]
    pub(crate) fn path<T: JsonSchema>(self, name: &'static str, about: &'static str) -> Self {
        self.parameter::<T>("path", name, about)
    }

    /// A part of the query; a list may stand there several times.
    #[must_use]
    pub(crate) fn query<T: JsonSchema>(self, name: &'static str, about: &'static str) -> Self {
        self.parameter::<T>("query", name, about)
    }

    fn parameter<T: JsonSchema>(
        mut self,
        place: &'static str,
        name: &'static str,
        about: &'static str,
    ) -> Self {
        self.parameters.push(Parameter {
            place,
            name,
            about,
            schema: schema_of::<T>(),
        });
        self
    }
}

/// Schemas of both directions: what must be sent differs from what is always answered.
struct Schemas {
    sent: SchemaGenerator,
    answered: SchemaGenerator,
}

impl Schemas {
    fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = SCHEMAS.into();
            settings.meta_schema = None;
        });
        Self {
            sent: settings.clone().for_deserialize().into_generator(),
            answered: settings.for_serialize().into_generator(),
        }
    }

    /// All that were asked for, by name.
    fn take(mut self) -> Map<String, Value> {
        let mut all = self.sent.take_definitions(true);
        all.extend(self.answered.take_definitions(true));
        all
    }
}

/// The document of these routes.
pub(super) fn document(routes: &[Route]) -> Value {
    let mut schemas = Schemas::new();
    let problem = schemas.answered.subschema_for::<ProblemDetails>();
    let mut paths = Map::new();
    for route in routes {
        let methods = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(operation) = &route.operation {
            let method = route.method.as_str().to_ascii_lowercase();
            methods[method] = described(operation, route.who, &mut schemas);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "bucketload",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Imports of Bitbucket Cloud repositories, and what the archive holds.",
            "license": { "name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE") },
        },
        // Relative to this document, so that it is right behind every proxy.
        "servers": [{ "url": "." }],
        "paths": paths,
        "components": {
            "schemas": schemas.take(),
            "responses": {
                "Problem": {
                    "description": "Why there is no answer (RFC 9457)",
                    "content": { "application/problem+json": { "schema": problem } },
                },
            },
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A service token, from the account page.",
                },
            },
        },
    })
}

fn described(operation: &Operation, who: Who, schemas: &mut Schemas) -> Value {
    let answer = (operation.answer)(&mut schemas.answered);
    let mut responses = json!({
        operation.status.to_string(): {
            "description": "As asked",
            "content": { "application/json": { "schema": answer } },
        },
        "default": { "$ref": "#/components/responses/Problem" },
    });
    if operation.is_tagged {
        responses["304"] = json!({
            "description": "What the tag in If-None-Match stands for is still so",
        });
    }
    let parameters = operation.parameters.iter();
    let parameters = parameters.map(|parameter| {
        json!({
            "name": parameter.name,
            "in": parameter.place,
            "required": parameter.place == "path",
            "description": parameter.about,
            "schema": (parameter.schema)(&mut schemas.sent),
        })
    });
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "parameters": parameters.collect::<Value>(),
        "responses": responses,
    });
    if let Some(body) = operation.body {
        described["requestBody"] = json!({
            "required": true,
            "content": { "application/json": { "schema": body(&mut schemas.sent) } },
        });
    }
    if let Who::Token(scope) = who {
        described["security"] = json!([{ "token": scope.into_iter().collect::<Vec<_>>() }]);
    }
    described
}

/// The document of this service.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| document(&super::routes()));

/// `GET /api/v1/openapi.json`: no secret, so that tools can read it without a token.
pub(super) async fn show(headers: HeaderMap) -> Result<Response, Problem> {
    tagged(&headers, &*DOCUMENT)
}
