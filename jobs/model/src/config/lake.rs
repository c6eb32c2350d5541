//! The lake: where change files arrive, and where Quarrel keeps its own.
//!
//! # Invariants
//! - A [`LakeUrl`] names a whole folder: its path or prefix is empty or ends with `/`, and has no `.`, `..` or empty step.
//! - Neither area lies inside the other: a reduced file must never be listed as a change file.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fault::Report;
use super::path::Path;

/// A folder of the lake: `s3://bucket/prefix/`, `file:///folder/`, or a path, which is taken from the configuration's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(example = "s3://acme-dms/", example = "file:///var/lib/quarrel/changes/", example = "./changes/")]
pub(crate) struct LakeText(pub(crate) String);

/// The object store: the change files which arrive, and Quarrel's own files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LakeShape {
    /// Where change files arrive, for example the bucket that AWS DMS writes to.
    changes: LakeText,
    /// Where Quarrel keeps batches, reduced files, migrations and the archive. Neither area may lie inside the other.
    work: LakeText,
    /// Settings of an S3-compatible store. Left out, AWS's usual environment decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    s3: Option<S3Shape>,
}

/// Settings of an S3-compatible store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct S3Shape {
    /// The store's address, for example `https://minio.internal:9000`.
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<String>,
    /// The region, for example `eu-central-1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    /// Whether the endpoint may be plain http. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    allow_http: Option<bool>,
    /// Whether the bucket stands in the path rather than in the host's name. Default: true with an endpoint, else false.
    #[serde(skip_serializing_if = "Option::is_none")]
    path_style: Option<bool>,
}

/// The two areas of the object store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lake {
    /// Where change files arrive.
    pub changes: LakeUrl,
    /// Where batches, reduced files, migrations and the archive are kept.
    pub work: LakeUrl,
    /// Settings of an S3-compatible store; none: AWS's usual environment.
    pub s3: Option<S3Settings>,
}

/// Settings of an S3-compatible store. Credentials come from AWS's usual environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Settings {
    pub endpoint: Option<String>,
    pub region: Option<String>,
    pub allow_http: bool,
    pub path_style: bool,
}

/// A folder of the lake. `Display` gives its URL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LakeUrl {
    /// An absolute path that ends with `/`.
    File { path: String },
    /// A prefix that is empty or ends with `/`, without one at the beginning.
    S3 { bucket: String, prefix: String },
}

impl LakeUrl {
    /// Whether `inner` is this folder or lies inside it.
    pub fn contains(&self, inner: &LakeUrl) -> bool {
        match (self, inner) {
            (LakeUrl::File { path }, LakeUrl::File { path: inner }) => inner.starts_with(path),
            (LakeUrl::S3 { bucket, prefix }, LakeUrl::S3 { bucket: other, prefix: inner }) => {
                bucket == other && inner.starts_with(prefix)
            }
            (LakeUrl::File { .. }, LakeUrl::S3 { .. }) | (LakeUrl::S3 { .. }, LakeUrl::File { .. }) => false,
        }
    }
}

impl fmt::Display for LakeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LakeUrl::File { path } => write!(f, "file://{path}"),
            LakeUrl::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

/// Why a text is not a folder of the lake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LakeUrlError {
    #[error("the folder is empty")]
    Empty,
    #[error("only `s3://`, `file://` and paths are known")]
    Scheme,
    #[error("a `file://` URL needs an absolute path: `file:///…`")]
    Relative,
    #[error("this is not the name of a bucket")]
    Bucket,
    #[error("`%`, `?`, `#`, `*`, `\\` and control characters can't be used in a folder of the lake")]
    Character,
    #[error("`.`, `..` and empty steps can't be used in a folder of the lake")]
    Step,
}

/// Reads a folder of the lake; `folder` is the absolute path from which a relative one is taken.
///
/// # Errors
/// When the scheme is not known, the bucket's name is none, or the path has characters or steps that stores treat differently.
pub fn parse_lake_url(text: &str, folder: &str) -> Result<LakeUrl, LakeUrlError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(LakeUrlError::Empty);
    }
    if text.contains(['%', '?', '#', '*', '\\']) || text.contains(char::is_control) {
        return Err(LakeUrlError::Character);
    }
    if let Some(rest) = text.strip_prefix("s3://") {
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if !is_bucket(bucket) {
            return Err(LakeUrlError::Bucket);
        }
        return Ok(LakeUrl::S3 { bucket: bucket.to_owned(), prefix: folder_prefix(prefix)? });
    }
    if let Some(path) = text.strip_prefix("file:") {
        let path = path.strip_prefix("//").ok_or(LakeUrlError::Relative)?;
        let path = path.strip_prefix('/').ok_or(LakeUrlError::Relative)?;
        return Ok(LakeUrl::File { path: format!("/{}", folder_prefix(path)?) });
    }
    if text.contains("://") {
        return Err(LakeUrlError::Scheme);
    }
    let path = resolve_path(folder, text);
    Ok(LakeUrl::File { path: if path.ends_with('/') { path } else { format!("{path}/") } })
}

/// The prefix with one `/` at its end; empty stays empty.
pub(crate) fn folder_prefix(prefix: &str) -> Result<String, LakeUrlError> {
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    if prefix.is_empty() {
        return Ok(String::new());
    }
    if prefix.split('/').any(|step| matches!(step, "" | "." | "..")) {
        return Err(LakeUrlError::Step);
    }
    Ok(format!("{prefix}/"))
}

fn is_bucket(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// The path as seen from `folder`, `.` and `..` worked out. Pure: symbolic links are not followed.
pub(crate) fn resolve_path(folder: &str, path: &str) -> String {
    let joined = if path.starts_with('/') { path.to_owned() } else { format!("{folder}/{path}") };
    let mut steps: Vec<&str> = Vec::new();
    for step in joined.split('/') {
        match step {
            "" | "." => {}
            ".." => {
                steps.pop();
            }
            name => steps.push(name),
        }
    }
    format!("/{}", steps.join("/"))
}

impl LakeShape {
    pub(crate) fn convert(&self, folder: &str, at: &Path, report: &mut Report<'_>) -> Option<Lake> {
        let changes = area(&self.changes, folder, &at.key("changes"), report);
        let work = area(&self.work, folder, &at.key("work"), report);
        let s3 = self.s3.as_ref().map(|s3| s3.convert(&at.key("s3"), report));
        let (changes, work) = (changes?, work?);
        if changes.contains(&work) || work.contains(&changes) {
            report.add_with_hint(
                &at.key("work"),
                "the work area and the changes overlap: Quarrel's own files would be read as change files",
                "give each a folder or a bucket of its own",
            );
        }
        Some(Lake { changes, work, s3 })
    }
}

fn area(text: &LakeText, folder: &str, at: &Path, report: &mut Report<'_>) -> Option<LakeUrl> {
    match parse_lake_url(&text.0, folder) {
        Ok(url) => Some(url),
        Err(error) => {
            report.add_with_hint(at, error.to_string(), "write `s3://bucket/prefix/`, `file:///folder/` or a path");
            None
        }
    }
}

impl S3Shape {
    fn convert(&self, at: &Path, report: &mut Report<'_>) -> S3Settings {
        let allow_http = self.allow_http.unwrap_or(false);
        if let Some(endpoint) = &self.endpoint {
            let at = at.key("endpoint");
            if !is_web_address(endpoint) {
                report.add_with_hint(
                    &at,
                    "this is not the address of a store",
                    "for example `https://s3.example.com:9000`",
                );
            } else if endpoint.starts_with("http://") && !allow_http {
                report.add_with_hint(&at, "the endpoint is plain http", "use https, or add `allow_http: true`");
            }
        }
        if self.region.as_deref().is_some_and(|region| region.trim().is_empty()) {
            report.add(&at.key("region"), "the region is empty");
        }
        S3Settings {
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            allow_http,
            path_style: self.path_style.unwrap_or(self.endpoint.is_some()),
        }
    }
}

/// Whether the text is `http(s)://host[:port]`, without a user, path or parameters.
pub(crate) fn is_web_address(text: &str) -> bool {
    let Some(authority) = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")) else { return false };
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (authority, None),
    };
    let host_is_plausible = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_')),
    };
    host_is_plausible && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> LakeUrl {
        LakeUrl::File { path: path.to_owned() }
    }

    fn s3(bucket: &str, prefix: &str) -> LakeUrl {
        LakeUrl::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() }
    }

    #[test]
    fn folders_end_with_a_slash_and_are_absolute() {
        let cases = [
            ("s3://acme-dms", s3("acme-dms", "")),
            ("s3://acme-dms/", s3("acme-dms", "")),
            ("s3://acme/a/b", s3("acme", "a/b/")),
            ("file:///var/lib/changes", file("/var/lib/changes/")),
            ("file:///", file("/")),
            ("./changes", file("/etc/quarrel/changes/")),
            ("../changes/", file("/etc/changes/")),
            ("changes", file("/etc/quarrel/changes/")),
            ("/srv//a/./b", file("/srv/a/b/")),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_lake_url(text, "/etc/quarrel"), Ok(expected), "{text}");
        }
    }

    #[test]
    fn texts_that_are_no_folders_are_refused() {
        let cases = [
            ("", LakeUrlError::Empty),
            ("gs://bucket/", LakeUrlError::Scheme),
            ("file:./x", LakeUrlError::Relative),
            ("file://host/x", LakeUrlError::Relative),
            ("s3:///x", LakeUrlError::Bucket),
            ("s3://u:pw@b/x", LakeUrlError::Bucket),
            ("s3://b/a//c", LakeUrlError::Step),
            ("s3://b/../c", LakeUrlError::Step),
            ("s3://b/a*", LakeUrlError::Character),
            ("file:///a%20b", LakeUrlError::Character),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_lake_url(text, "/"), Err(expected), "{text}");
        }
    }

    #[test]
    fn a_folder_contains_what_lies_below_it_and_no_namesakes() {
        assert!(s3("b", "").contains(&s3("b", "work/")));
        assert!(!s3("b", "work/").contains(&s3("b", "workshop/")));
        assert!(!s3("b", "").contains(&s3("c", "")));
        assert!(file("/a/").contains(&file("/a/b/")));
        assert!(!file("/a/").contains(&file("/ab/")));
    }

    #[test]
    fn web_addresses_have_a_host_and_nothing_that_could_hide() {
        for address in ["http://127.0.0.1:9000", "https://s3.example.com", "http://[::1]:50050", "http://minio/"] {
            assert!(is_web_address(address), "{address}");
        }
        for text in
            ["127.0.0.1:9000", "http://", "http://h:0", "http://h:x", "http://u:p@h", "http://h/path", "http://h?x"]
        {
            assert!(!is_web_address(text), "{text}");
        }
    }
}
