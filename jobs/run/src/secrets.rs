//! Resolves references to secrets where they are used.
//!
//! # Invariants
//! - A resolved secret is in no error and no log: errors name the reference.

use quarrel_model::config::Reference;

/// Bytes of a secret file that are read at most: a URL or a token is far shorter.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// Why a reference gives nothing.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("environment variable {name} is not set, or not text")]
    Variable { name: String },
    #[error("failed to read the secret in file {path}")]
    File { path: String, source: std::io::Error },
    #[error("file {path} is too large for a secret")]
    TooLarge { path: String },
    #[error("{reference} can't be resolved: this build reads secrets from `env:` and `file:` only")]
    Unsupported { reference: String },
}

/// The text that a reference stands for, without white space around it.
///
/// # Errors
/// The variable or file is missing, or the reference is to a service that this build can't ask.
pub fn resolve(reference: &Reference) -> Result<String, SecretError> {
    match reference {
        Reference::Plain(text) => Ok(text.clone()),
        Reference::Env(name) => std::env::var(name)
            .map(|value| value.trim().to_owned())
            .ok()
            .filter(|value| !value.is_empty())
            .ok_or_else(|| SecretError::Variable { name: name.clone() }),
        Reference::File(path) => {
            let failed = |source| SecretError::File { path: path.clone(), source };
            if std::fs::metadata(path).map_err(failed)?.len() > SECRET_BYTES_MAX {
                return Err(SecretError::TooLarge { path: path.clone() });
            }
            std::fs::read_to_string(path).map(|text| text.trim().to_owned()).map_err(failed)
        }
        Reference::SecretsManager(_) | Reference::Ssm(_) => {
            Err(SecretError::Unsupported { reference: reference.to_string() })
        }
    }
}
