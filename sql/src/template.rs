//! Statements with placeholders.
//!
//! `{{name}}` stands for one fragment. `{{name|pattern|separator}}` repeats `pattern` for each item of a list, with `{0}`,
//! `{1}` … for the item's fragments. So the shape of a statement stays in its file, and lists of columns can be filled in:
//! `{{key|target.{0} = staged.{0}| AND }}`.

use std::collections::BTreeMap;

use quarrel_model::mapping::TargetEngine;

use crate::fragment::Sql;

/// The text of a statement, compiled in from its file.
#[derive(Debug, Clone, Copy)]
pub struct Template {
    file: &'static str,
    text: &'static str,
}

/// What fills a placeholder.
#[derive(Debug, Clone)]
pub enum Value {
    One(Sql),
    /// Items, each of one or more fragments.
    List(Vec<Vec<Sql>>),
}

impl From<Sql> for Value {
    fn from(sql: Sql) -> Self {
        Value::One(sql)
    }
}

impl Value {
    /// A list of quoted names.
    pub fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Value::List(names.into_iter().map(|name| vec![Sql::name(name)]).collect())
    }
}

/// A template and its values do not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    #[error("{file}: placeholder `{name}` has no value")]
    Missing { file: &'static str, name: String },
    #[error("{file}: no placeholder takes value `{name}`")]
    Unused { file: &'static str, name: String },
    #[error("{file}: a placeholder is not closed")]
    Unclosed { file: &'static str },
    #[error("{file}: placeholder `{name}` wants {wanted}")]
    Kind { file: &'static str, name: String, wanted: &'static str },
    #[error("{engine} has no statement for {what}")]
    Impossible { what: &'static str, engine: TargetEngine },
}

impl Template {
    pub(crate) const fn new(file: &'static str, text: &'static str) -> Self {
        Template { file, text }
    }

    /// The statement without placeholders, as it stands in its file (comments included).
    pub fn text(&self) -> &'static str {
        self.text
    }

    /// Fills the placeholders. Comment lines are left out.
    ///
    /// # Errors
    /// A placeholder without a value, a value without a placeholder, or a list where one fragment is wanted.
    pub fn render<'a>(&self, values: impl IntoIterator<Item = (&'a str, Value)>) -> Result<Sql, RenderError> {
        let values: BTreeMap<&str, Value> = values.into_iter().collect();
        let mut used = std::collections::BTreeSet::new();
        let body = self.body();
        let mut out = String::with_capacity(body.len() * 2);
        let mut rest = body.as_str();
        while let Some((before, after)) = rest.split_once("{{") {
            out.push_str(before);
            let (placeholder, after) = after.split_once("}}").ok_or(RenderError::Unclosed { file: self.file })?;
            rest = after;
            let mut parts = placeholder.splitn(3, '|');
            let name = parts.next().unwrap_or("").trim();
            let repetition = parts.next().map(|pattern| (pattern, parts.next().unwrap_or(", ")));
            let (key, value) = values
                .get_key_value(name)
                .ok_or_else(|| RenderError::Missing { file: self.file, name: name.to_owned() })?;
            used.insert(*key);
            match (value, repetition) {
                (Value::One(sql), None) => out.push_str(sql.as_str()),
                (Value::List(items), Some((pattern, separator))) => out.push_str(&repeat(items, pattern, separator)),
                (Value::One(_), Some(_)) => return Err(self.kind(name, "a list")),
                (Value::List(_), None) => return Err(self.kind(name, "one fragment")),
            }
        }
        out.push_str(rest);
        match values.keys().find(|name| !used.contains(*name)) {
            Some(name) => Err(RenderError::Unused { file: self.file, name: (*name).to_owned() }),
            None => Ok(Sql::rendered(out.trim().to_owned())),
        }
    }

    fn body(&self) -> String {
        let lines = self.text.lines().filter(|line| !line.trim_start().starts_with("--"));
        lines.collect::<Vec<_>>().join("\n")
    }

    fn kind(&self, name: &str, wanted: &'static str) -> RenderError {
        RenderError::Kind { file: self.file, name: name.to_owned(), wanted }
    }
}

/// Fills the pattern once an item. Fragments are put in one pass, so a name that looks like `{1}` is not filled again.
fn repeat(items: &[Vec<Sql>], pattern: &str, separator: &str) -> String {
    let fill = |item: &Vec<Sql>| {
        let mut out = String::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let filled = after.split_once('}').and_then(|(index, after)| {
                let index: usize = index.parse().ok()?;
                Some((item.get(index)?, after))
            });
            match filled {
                Some((sql, after)) => {
                    out.push_str(sql.as_str());
                    rest = after;
                }
                None => {
                    out.push('{');
                    rest = after;
                }
            }
        }
        out.push_str(rest);
        out
    };
    items.iter().map(fill).collect::<Vec<_>>().join(separator)
}

/// Compiles a statement's file in.
macro_rules! template {
    ($file:literal) => {
        $crate::template::Template::new($file, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $file)))
    };
}
pub(crate) use template;

#[cfg(test)]
mod tests {
    use super::*;

    const UPSERT: Template = Template::new(
        "upsert.sql",
        "-- Comment with {{nothing}}.\nUPDATE {{table}} SET {{columns|{0} = s.{0}|, }} WHERE {{key|t.{0} = s.{0}| AND }}",
    );

    fn value(names: &[&str]) -> Value {
        Value::names(names.iter().copied())
    }

    #[test]
    fn lists_are_repeated_with_their_separator() {
        let values = [("table", Sql::name("t").into()), ("columns", value(&["a", "{0}"])), ("key", value(&["k", "l"]))];
        assert_eq!(
            UPSERT.render(values).unwrap().as_str(),
            "UPDATE \"t\" SET \"a\" = s.\"a\", \"{0}\" = s.\"{0}\" WHERE t.\"k\" = s.\"k\" AND t.\"l\" = s.\"l\""
        );
    }

    #[test]
    fn half_filled_statements_are_refused() {
        let missing = UPSERT.render([("table", Sql::name("t").into())]);
        assert_eq!(missing, Err(RenderError::Missing { file: "upsert.sql", name: "columns".to_owned() }));
        let unused = Template::new("one.sql", "SELECT 1").render([("x", Sql::integer(1).into())]);
        assert_eq!(unused, Err(RenderError::Unused { file: "one.sql", name: "x".to_owned() }));
        let kind = Template::new("one.sql", "SELECT {{x}}").render([("x", value(&["a"]))]);
        assert_eq!(kind, Err(RenderError::Kind { file: "one.sql", name: "x".to_owned(), wanted: "one fragment" }));
    }
}
