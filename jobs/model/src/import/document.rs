//! The variable as JSON: its entries, and the line of each of their parts.
//!
//! serde_json alone decides what the text means; the walk over the text that follows finds lines, and can rely on it being JSON.

use crate::config::document::{Lines, Node, Open, TEXT_BYTES_MAX, step};
use crate::config::fault::{ConfigFault, ConfigFaults};
use crate::config::path::Path;
use crate::config::suggest::did_you_mean;

/// The variable's name in Airflow.
pub(super) const VARIABLE: &str = "replication_tables";

/// The list that the variable holds.
#[derive(Debug)]
pub(super) struct Variable {
    /// Not empty.
    pub(super) entries: Vec<Node>,
    /// Where the list stands in the file: at its root, or at `replication_tables` of an export.
    pub(super) at: Path,
    pub(super) lines: Lines,
    /// How many other variables the export holds. What they are is nobody's business here.
    pub(super) others: usize,
}

/// Reads the variable, in any of the forms that Airflow writes it in.
///
/// # Errors
/// One fault: a text without the list has nothing in which to look for more.
pub(super) fn read_variable(text: &str) -> Result<Variable, ConfigFaults> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.len() > TEXT_BYTES_MAX {
        return Err(fault(None, None, format!("the file is larger than {} MiB", TEXT_BYTES_MAX >> 20), None));
    }
    let root: Node = serde_json::from_str(text).map_err(|error| not_json(&error))?;
    let mut variable = Variable { entries: Vec::new(), at: Path::root(), lines: read_lines(text), others: 0 };
    match root {
        Node::Map(members) => {
            let count = members.len();
            match members.iter().position(|(name, _)| name == VARIABLE) {
                Some(place) => {
                    variable.others = count - 1;
                    variable.at = Path::root().key(VARIABLE);
                    let (_, value) = members.into_iter().nth(place).expect("the position is of this list");
                    take_value(value, &mut variable)?;
                }
                None => return Err(no_variable(&members)),
            }
        }
        root => take_value(root, &mut variable)?,
    }
    Ok(variable)
}

/// The value of the variable: the list, its text, or, as exports have it when there is a description, `{"value": …}`.
fn take_value(value: Node, variable: &mut Variable) -> Result<(), ConfigFaults> {
    let value = match value {
        Node::Map(members) => match members.into_iter().find(|(name, _)| name == "value") {
            Some((_, value)) => {
                variable.at = variable.at.key("value");
                value
            }
            None => return Err(no_list(variable)),
        },
        value => value,
    };
    let list = match value {
        Node::Text(text) => parse_inner(&text, variable)?,
        value => value,
    };
    match list {
        Node::List(entries) if entries.is_empty() => {
            Err(at_variable(variable, "the list is empty: there is nothing to import", None))
        }
        Node::List(entries) => {
            variable.entries = entries;
            Ok(())
        }
        Node::Null | Node::Bool(_) | Node::Integer(_) | Node::Float(_) | Node::Text(_) | Node::Map(_) => {
            Err(no_list(variable))
        }
    }
}

/// A list that was stored as text. Its parts have no lines of their own in the file: they all get that of the text.
fn parse_inner(text: &str, variable: &Variable) -> Result<Node, ConfigFaults> {
    serde_json::from_str(text).map_err(|error| {
        let message =
            format!("the text is not JSON (its line {}, column {}): {}", error.line(), error.column(), reason(&error));
        at_variable(variable, &message, None)
    })
}

fn not_json(error: &serde_json::Error) -> ConfigFaults {
    let message = format!("column {}: not JSON: {}", error.column(), reason(error));
    let hint = "`airflow variables get replication_tables` prints it, `airflow variables export` writes it";
    fault(None, Some(error.line()), message, Some(hint.to_owned()))
}

/// What serde_json says, without the place.
fn reason(error: &serde_json::Error) -> String {
    let said = error.to_string();
    said.split(" at line ").next().unwrap_or_default().to_owned()
}

fn no_variable(members: &[(String, Node)]) -> ConfigFaults {
    let mut names = members.iter().map(|(name, _)| name.as_str());
    // Of all variables of an export only one that is nearly this one is named.
    let near = names.find(|name| did_you_mean(name, [VARIABLE]).is_some_and(|hint| hint.starts_with("did")));
    let hint = near.and_then(|name| did_you_mean(VARIABLE, [name])).map(|hint| format!("`{VARIABLE}` is read; {hint}"));
    let message = format!("a list of tables is expected, or an export of variables with `{VARIABLE}` among them");
    fault(None, Some(1), message, hint)
}

fn no_list(variable: &Variable) -> ConfigFaults {
    at_variable(variable, "a list is expected here, one object a table", None)
}

fn at_variable(variable: &Variable, message: &str, hint: Option<String>) -> ConfigFaults {
    fault(Some(&variable.at), variable.lines.nearest(&variable.at), message.to_owned(), hint)
}

fn fault(at: Option<&Path>, line: Option<usize>, message: String, hint: Option<String>) -> ConfigFaults {
    let path = at.map(Path::to_string).unwrap_or_default();
    ConfigFaults(vec![ConfigFault { path, line, message, hint }])
}

/// The lines of the nodes of a text that is JSON.
fn read_lines(text: &str) -> Lines {
    let mut lines = Lines::default();
    lines.record(Path::root(), 1);
    let (mut open, mut line, mut rest) = (Vec::new(), 1, text);
    while let Some(first) = rest.chars().next() {
        let mut taken = first.len_utf8();
        match first {
            '\n' => line += 1,
            '{' => {
                if let Some(at) = step(&mut open, None, line, &mut lines) {
                    open.push(Open::Map { at, key: None });
                }
            }
            '[' => {
                if let Some(at) = step(&mut open, None, line, &mut lines) {
                    open.push(Open::List { at, next: 0 });
                }
            }
            '}' | ']' => {
                open.pop();
            }
            '"' => {
                taken = string_bytes(rest);
                let word: String = serde_json::from_str(&rest[..taken]).unwrap_or_default();
                step(&mut open, Some(&word), line, &mut lines);
            }
            ',' | ':' | ' ' | '\t' | '\r' => {}
            _ => {
                let ends = |c: char| matches!(c, ',' | '}' | ']') || c.is_ascii_whitespace();
                taken = rest.find(ends).unwrap_or(rest.len());
                step(&mut open, Some(""), line, &mut lines);
            }
        }
        rest = &rest[taken..];
    }
    lines
}

/// The length of the string, quotes included, with which the text begins.
fn string_bytes(text: &str) -> usize {
    let mut escaped = false;
    for (place, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            b'"' if !escaped => return place + 1,
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        read_variable(text).unwrap_err().0.iter().map(ConfigFault::to_string).collect()
    }

    #[test]
    fn every_form_that_airflow_writes_gives_the_same_entries() {
        let list = r#"[{"a": 1}, {"b": "x\"y"}]"#;
        let text = serde_json::to_string(list).unwrap();
        let cases = [
            (list.to_owned(), "[1]", 0),
            (format!("\u{feff}{list}"), "[1]", 0),
            (text.clone(), "[1]", 0),
            (format!(r#"{{"replication_tables": {list}}}"#), "replication_tables[1]", 0),
            (format!(r#"{{"other": "s3cret", "replication_tables": {text}}}"#), "replication_tables[1]", 1),
            (
                format!(r#"{{"replication_tables": {{"description": "d", "value": {text}}}}}"#),
                "replication_tables.value[1]",
                0,
            ),
        ];
        for (text, second, others) in cases {
            let variable = read_variable(&text).unwrap();
            let expected = [("a", Node::Integer(1)), ("b", Node::Text("x\"y".to_owned()))]
                .map(|(key, value)| Node::Map(vec![(key.to_owned(), value)]));
            assert_eq!(variable.entries, expected, "{text}");
            assert_eq!(variable.at.index(1).to_string(), second);
            assert_eq!(variable.others, others, "{text}");
        }
    }

    #[test]
    fn lines_are_known_in_any_layout() {
        let text = "[\r\n\t{\"a\": [1,\r\n\t\t{\"b\\\"]\": true}],\n\n\"c\":\n\tnull}\n,-1.5e3]";
        let variable = read_variable(text).unwrap();
        let (first, line) = (Path::root().index(0), |path: &Path| variable.lines.nearest(path));
        assert_eq!(line(&first), Some(2));
        assert_eq!(line(&first.key("a").index(0)), Some(2));
        assert_eq!(line(&first.key("a").index(1).key("b\"]")), Some(3));
        assert_eq!(line(&first.key("c")), Some(5));
        assert_eq!(line(&Path::root().index(1)), Some(7));
    }

    #[test]
    fn text_that_is_no_json_is_one_fault_with_line_and_column() {
        let cases = [
            ("[\n  {\"a\": 1,}\n]", "line 2: column 11: not JSON: trailing comma"),
            ("[{'a': 1}]", "line 1: column 3: not JSON: key must be a string"),
            ("", "line 1: column 0: not JSON: EOF while parsing a value"),
        ];
        for (text, expected) in cases {
            let found = faults(text);
            assert_eq!(found.len(), 1);
            assert!(found[0].starts_with(expected), "{found:?}");
        }
        assert_eq!(read_variable(&"[".repeat(100_000)).unwrap_err().0.len(), 1);
        let inner = "{\n\"replication_tables\":\n \"[{}\\n,{]\"}";
        assert_eq!(
            faults(inner),
            [r#"line 2: replication_tables: the text is not JSON (its line 2, column 3): key must be a string"#]
        );
    }

    #[test]
    fn a_file_without_the_list_is_told_what_is_missing() {
        let cases = [
            (r#"{"replication_table": []}"#, "did you mean `replication_table`?"),
            (r#"{"smtp_password": "x"}"#, "a list of tables is expected"),
            (r#"{"replication_tables": 5}"#, "one object a table"),
            (r#"{"replication_tables": {"valu": []}}"#, "one object a table"),
            ("[]", "there is nothing to import"),
            ("null", "one object a table"),
        ];
        for (text, expected) in cases {
            let found = faults(text).join("\n");
            assert!(found.contains(expected), "{text}: {found}");
            assert!(!found.contains("smtp"), "{found}");
        }
    }
}
