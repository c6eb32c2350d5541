//! References to secrets: what the configuration holds in place of a password.
//!
//! # Invariants
//! - A [`Reference::Plain`] that came out of [`FromStr`] carries no password.
//! - Neither `Debug`, `Display` nor an error shows more of a plain URL than its scheme.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fault::Report;
use super::lake::resolve_path;
use super::path::Path;

/// Where a URL or a token comes from: `env:NAME`, `file:PATH`, `secretsmanager:NAME` or `ssm:NAME`; a URL may also stand here
/// itself as long as it carries no password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(example = "env:LIVE_URL", example = "file:/run/secrets/live-url")]
pub(crate) struct ReferenceText(pub(crate) String);

/// The text of a reference may turn out to be a secret by mistake.
impl fmt::Debug for ReferenceText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReferenceText(…)")
    }
}

/// Where a secret is found when it is needed. Resolving it is the work of the crate that uses it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// An environment variable.
    Env(String),
    /// A file whose content, without the white space around it, is the secret. The path is absolute.
    File(String),
    /// A secret of AWS Secrets Manager, by name or ARN.
    SecretsManager(String),
    /// A parameter of the AWS Systems Manager, by name.
    Ssm(String),
    /// A URL without a password.
    Plain(String),
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reference::Env(name) => write!(f, "env:{name}"),
            Reference::File(path) => write!(f, "file:{path}"),
            Reference::SecretsManager(name) => write!(f, "secretsmanager:{name}"),
            Reference::Ssm(name) => write!(f, "ssm:{name}"),
            Reference::Plain(url) => write!(f, "{}:…", scheme(url)),
        }
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reference({self})")
    }
}

/// Why a text is not a reference. No variant holds the text: it may be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    #[error("a password stands here in plain text")]
    Password,
    #[error("this is neither a reference nor a URL")]
    Unknown,
    #[error("`env:` must be followed by the name of an environment variable")]
    VariableName,
    #[error("`file:` must be followed by a path")]
    FilePath,
    #[error("the reference names nothing")]
    Empty,
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Reference, ReferenceError> {
        let text = text.trim();
        if let Some(name) = text.strip_prefix("env:") {
            return if is_variable(name) {
                Ok(Reference::Env(name.to_owned()))
            } else {
                Err(ReferenceError::VariableName)
            };
        }
        if let Some(path) = text.strip_prefix("file:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() { Err(ReferenceError::FilePath) } else { Ok(Reference::File(path.to_owned())) };
        }
        if let Some(name) = text.strip_prefix("secretsmanager:") {
            return named(name).map(Reference::SecretsManager);
        }
        if let Some(name) = text.strip_prefix("ssm:") {
            return named(name).map(Reference::Ssm);
        }
        if !(text.contains("://") || text.starts_with("sqlite:")) {
            return Err(ReferenceError::Unknown);
        }
        if carries_password(text) { Err(ReferenceError::Password) } else { Ok(Reference::Plain(text.to_owned())) }
    }
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn named(name: &str) -> Result<String, ReferenceError> {
    let empty = name.is_empty() || name.contains(char::is_whitespace);
    if empty { Err(ReferenceError::Empty) } else { Ok(name.to_owned()) }
}

/// The part before the first colon.
pub(crate) fn scheme(url: &str) -> &str {
    url.split(':').next().unwrap_or_default()
}

/// Whether a URL has a password, in its authority or as a parameter. Errs on the side of yes: a password with an unescaped
/// `/` or `@` in it is still found.
fn carries_password(url: &str) -> bool {
    let (address, parameters) = url.split_once('?').unwrap_or((url, ""));
    let user = match address.split_once("://") {
        Some(("sqlite", _)) | None => None,
        Some((_, rest)) => rest.rsplit_once('@').map(|(user, _)| user),
    };
    let unescaped_question_mark = parameters.contains('@');
    user.is_some_and(|user| user.contains(':'))
        || unescaped_question_mark
        || parameters.split(['&', ';']).any(|parameter| {
            let name = parameter.split('=').next().unwrap_or_default().to_ascii_lowercase();
            ["pass", "pwd", "secret", "token"].iter().any(|word| name.contains(word))
        })
}

/// Turns the text into a reference, relative file paths being resolved against the configuration's folder.
pub(crate) fn reference_setting(
    text: &ReferenceText,
    folder: &str,
    at: &Path,
    report: &mut Report<'_>,
) -> Option<Reference> {
    match text.0.parse() {
        Ok(Reference::File(path)) => Some(Reference::File(resolve_path(folder, &path))),
        Ok(
            reference @ (Reference::Env(_) | Reference::SecretsManager(_) | Reference::Ssm(_) | Reference::Plain(_)),
        ) => Some(reference),
        Err(error) => {
            report.add_with_hint(at, error.to_string(), hint(error));
            None
        }
    }
}

fn hint(error: ReferenceError) -> &'static str {
    match error {
        ReferenceError::Password => {
            "put it into an environment variable or a file, and write `env:NAME`, `file:PATH`, `secretsmanager:NAME` or `ssm:NAME`"
        }
        ReferenceError::Unknown | ReferenceError::Empty | ReferenceError::FilePath => {
            "write `env:NAME`, `file:PATH`, `secretsmanager:NAME` or `ssm:NAME`"
        }
        ReferenceError::VariableName => "for example `env:LIVE_URL`",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_read_as_they_are_written() {
        let cases = [
            ("env:LIVE_URL", Reference::Env("LIVE_URL".to_owned())),
            ("file:/run/secrets/url", Reference::File("/run/secrets/url".to_owned())),
            ("file:///run/secrets/url", Reference::File("/run/secrets/url".to_owned())),
            ("secretsmanager:prod/live", Reference::SecretsManager("prod/live".to_owned())),
            ("ssm:/prod/live", Reference::Ssm("/prod/live".to_owned())),
            ("sqlite:///a:b@c.db", Reference::Plain("sqlite:///a:b@c.db".to_owned())),
            ("postgres://quarrel@host/db", Reference::Plain("postgres://quarrel@host/db".to_owned())),
            ("postgres://host:5432/db", Reference::Plain("postgres://host:5432/db".to_owned())),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn every_way_to_write_a_password_is_found() {
        for url in [
            "postgres://u:pw@host/db",
            "postgres://u:p/w@host/db",
            "postgres://u:p@w@host/db",
            "postgres://u:p?w@host/db",
            "postgres://:pw@host/db",
            "postgres://host/db?user=u&password=pw",
            "postgres://host/db?sslmode=require&sslPassword=pw",
            "clickhouse://host/db?auth_token=pw",
        ] {
            assert_eq!(url.parse::<Reference>(), Err(ReferenceError::Password), "{url}");
        }
    }

    #[test]
    fn plain_secrets_and_empty_references_are_refused() {
        let cases = [
            ("xoxb-123", ReferenceError::Unknown),
            ("host=h password=pw", ReferenceError::Unknown),
            ("", ReferenceError::Unknown),
            ("env:", ReferenceError::VariableName),
            ("env:p@ss", ReferenceError::VariableName),
            ("env:1A", ReferenceError::VariableName),
            ("file:", ReferenceError::FilePath),
            ("ssm:", ReferenceError::Empty),
            ("secretsmanager:a b", ReferenceError::Empty),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Reference>(), Err(expected), "{text}");
        }
    }

    #[test]
    fn a_plain_url_is_not_shown() {
        let plain: Reference = "postgres://quarrel@host/db".parse().unwrap();
        assert_eq!(plain.to_string(), "postgres:…");
        assert_eq!(format!("{plain:?}"), "Reference(postgres:…)");
    }
}
