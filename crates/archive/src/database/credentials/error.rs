//! What can go wrong with credentials that are kept.

use bucketload_auth::{OpenError, SealError};
use bucketload_model::CredentialId;

use crate::DatabaseError;

/// A credential cannot be kept or used.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// There is none of that id.
    #[error("there is no such credential")]
    Unknown,
    /// The owner has another of that label.
    #[error("there is a credential “{label}” already")]
    LabelTaken {
        /// The label.
        label: String,
    },
    /// It is of no more use.
    #[error("the sign-in “{label}” has ended: {reason}")]
    Dead {
        /// Its label.
        label: String,
        /// Why.
        reason: String,
    },
    /// A grant works with its own OAuth consumer only.
    #[error("the sign-in “{label}” belongs to the OAuth consumer {consumer}")]
    OtherConsumer {
        /// Its label.
        label: String,
        /// The key of its consumer.
        consumer: String,
    },
    /// Its secret stays shut.
    #[error("the secret of the credential {id} cannot be opened")]
    Sealed {
        /// The credential.
        id: CredentialId,
        /// Why.
        #[source]
        source: OpenError,
    },
    /// It cannot be sealed.
    #[error("the secret cannot be sealed")]
    Seal(#[from] SealError),
    /// It opens, and what is in it makes no sense.
    #[error("the sealed secret holds something that this program never wrote")]
    Content,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}
