//! What a person sees when the dashboard cannot be served.

use bucketload_server::{CodeError, ServerError};

use super::Problem;

impl From<ServerError> for Problem {
    fn from(error: ServerError) -> Self {
        let remedy = match &error {
            ServerError::Listen { .. } => {
                "stop what listens there, or give another address with --listen"
            }
            ServerError::PublicUrl { .. } => {
                "set BUCKETLOAD_PUBLIC_URL to an address such as https://loads.example.org"
            }
            ServerError::Consumer(_) => {
                "copy key and secret from the OAuth consumer's page in Bitbucket, whole and alone"
            }
            ServerError::Http(_) => "check the certificates and proxies of this machine",
            ServerError::Queue(_) => {
                "look whether the database answers, and whether its user may make tables \
                 (docs/QUEUE.md)"
            }
            ServerError::Serve(_) => "start it again; if it stays, please report it",
        };
        let problem = Self::from_error(&error).remedy(remedy);
        match error {
            ServerError::PublicUrl { .. } | ServerError::Consumer(_) => problem.with_usage_exit(),
            _ => problem,
        }
    }
}

impl From<CodeError> for Problem {
    fn from(error: CodeError) -> Self {
        match error {
            CodeError::Database(error) => error.into(),
            CodeError::NoRandom(_) => Self::from_error(&error),
            CodeError::NoAdministrator(_) => Self::from_error(&error)
                .remedy("leave the id out for whoever became administrator first")
                .with_usage_exit(),
        }
    }
}
