//! Where something stands in the document: `tables[0].targets[1].connection`.

use std::fmt;

/// The longest key that is shown in a path. Longer ones are not words, and might be anything.
const SHOWN_KEY_CHARS_MAX: usize = 64;

/// One step down from a mapping or a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

/// The way from the document's root to one of its nodes; the empty path is the root.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Path(Vec<Step>);

impl Path {
    pub(crate) fn root() -> Path {
        Path::default()
    }

    pub(crate) fn key(&self, key: &str) -> Path {
        self.step(Step::Key(key.to_owned()))
    }

    pub(crate) fn index(&self, index: usize) -> Path {
        self.step(Step::Index(index))
    }

    fn step(&self, step: Step) -> Path {
        let mut steps = self.0.clone();
        steps.push(step);
        Path(steps)
    }

    /// The path of the mapping or list around this one; none for the root.
    pub(crate) fn parent(&self) -> Option<Path> {
        let (_, around) = self.0.split_last()?;
        Some(Path(around.to_vec()))
    }

    /// Whether this is `outer` or lies inside it.
    pub(crate) fn is_within(&self, outer: &Path) -> bool {
        self.0.starts_with(&outer.0)
    }
}

/// Whether messages may repeat a text of the document: words, yes; what might be a URL with a password, no.
pub(crate) fn is_harmless(text: &str) -> bool {
    text.chars().count() <= SHOWN_KEY_CHARS_MAX
        && !text.contains("://")
        && !text.chars().any(|c| c == '@' || c == '=' || c.is_control())
}

/// A text of the document as messages show it: as it is, or as `…`.
pub(crate) fn shown(text: &str) -> String {
    if is_harmless(text) { format!("`{text}`") } else { "`…`".to_owned() }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) if is_word(key) => {
                    let separator = if position == 0 { "" } else { "." };
                    write!(f, "{separator}{key}")?;
                }
                Step::Key(key) => write!(f, "[\"{}\"]", shown(key).trim_matches('`'))?,
            }
        }
        Ok(())
    }
}

fn is_word(key: &str) -> bool {
    (1..=SHOWN_KEY_CHARS_MAX).contains(&key.len())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_as_a_user_would_write_them() {
        let target = Path::root().key("tables").index(0).key("targets").index(1).key("connection");
        assert_eq!(target.to_string(), "tables[0].targets[1].connection");
        assert_eq!(
            Path::root().key("connections").key("my live").key("url").to_string(),
            "connections[\"my live\"].url"
        );
        assert_eq!(Path::root().to_string(), "");
    }

    #[test]
    fn keys_that_may_hold_a_password_are_not_shown() {
        assert_eq!(Path::root().key("connections").key("postgres://u:pw@h/d").to_string(), "connections[\"…\"]");
        assert_eq!(shown("password=pw"), "`…`");
        assert_eq!(shown("*/20 * * * *"), "`*/20 * * * *`");
    }
}
