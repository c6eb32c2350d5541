//! Holds a document against the JSON Schema of the shapes, and reports every difference.
//!
//! serde stops at its first error; this walk does not. It knows the part of JSON Schema that the shapes produce: types,
//! properties, required and unknown keys, words, ranges. What it lets through, the shapes deserialise.

use std::collections::BTreeMap;

use serde_json::Value;

use super::document::Node;
use super::fault::Report;
use super::path::{Path, shown};
use super::suggest::{did_you_mean, quoted_list};

/// The places of the document that do not fit their schema. Unknown and repeated keys are not among them: they are taken out
/// of the document, so that the rest around them can still be checked. Nor are empty lists: what holds them can be read.
pub(crate) fn check_shape(root: &mut Node, schema: &Value, report: &mut Report<'_>) -> Vec<Path> {
    let mut walk = Walk { schema, report, damaged: Vec::new() };
    walk.node(root, schema, &Path::root());
    walk.damaged
}

struct Walk<'s, 'r, 'l> {
    schema: &'s Value,
    report: &'r mut Report<'l>,
    damaged: Vec<Path>,
}

impl<'s> Walk<'s, '_, '_> {
    fn node(&mut self, node: &mut Node, schema: &'s Value, at: &Path) {
        let mut branches = Vec::new();
        self.collect_branches(schema, &mut branches);
        let fitting: Vec<&'s Value> = branches.iter().copied().filter(|branch| accepts(branch, node)).collect();
        let Some(first) = fitting.first() else {
            return self.wrong_kind(node, &branches, at);
        };
        match node {
            Node::Map(entries) => self.map(entries, first, at),
            Node::List(items) => {
                if items.is_empty() && first.get("minItems").is_some() {
                    self.report.add(at, "the list is empty");
                }
                if let Some(schema) = first.get("items") {
                    for (index, item) in items.iter_mut().enumerate() {
                        self.node(item, schema, &at.index(index));
                    }
                }
            }
            Node::Text(text) => self.word(text, &fitting, at),
            Node::Integer(number) => self.range(*number, first, at),
            Node::Null | Node::Bool(_) | Node::Float(_) => {}
        }
    }

    /// The alternatives of a schema, references followed.
    fn collect_branches(&self, schema: &'s Value, branches: &mut Vec<&'s Value>) {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let target =
                self.schema.pointer(reference.trim_start_matches('#')).expect("schemars defines what it refers to");
            return self.collect_branches(target, branches);
        }
        let alternatives = ["oneOf", "anyOf", "allOf"].into_iter().find_map(|word| schema.get(word)?.as_array());
        match alternatives {
            Some(alternatives) => {
                for alternative in alternatives {
                    self.collect_branches(alternative, branches);
                }
            }
            None => branches.push(schema),
        }
    }

    fn wrong_kind(&mut self, node: &Node, branches: &[&Value], at: &Path) {
        let mut expected: Vec<&str> = Vec::new();
        for kind in branches.iter().flat_map(|branch| kinds(branch)).filter_map(kind_in_words) {
            if !expected.contains(&kind) {
                expected.push(kind);
            }
        }
        let message = format!("{} is expected here, not {}", expected.join(" or "), found_in_words(node));
        let example = branches.iter().find_map(|branch| branch.get("examples")?.as_array()?.first()?.as_str());
        match (example, node) {
            (Some(example), _) => self.report.add_with_hint(at, message, format!("for example `{example}`")),
            (None, Node::Integer(_) | Node::Float(_) | Node::Bool(_)) if expected == ["text"] => {
                self.report.add_with_hint(at, message, "put it in quotes");
            }
            (None, _) => self.report.add(at, message),
        }
        self.damaged.push(at.clone());
    }

    fn map(&mut self, entries: &mut Vec<(String, Node)>, schema: &'s Value, at: &Path) {
        let properties = schema.get("properties").and_then(Value::as_object);
        let others = schema.get("additionalProperties").filter(|others| others.is_object());
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        entries.retain_mut(|(key, node)| {
            let here = at.key(key);
            let occurrence = seen.entry(key.clone()).and_modify(|count| *count += 1).or_insert(0);
            if *occurrence > 0 {
                self.report.add_at_occurrence(&here, *occurrence, "the key stands here a second time");
                return false;
            }
            match properties.and_then(|known| known.get(key)).or(others) {
                Some(schema) => {
                    self.node(node, schema, &here);
                    true
                }
                None => {
                    let known = properties.into_iter().flat_map(|known| known.keys().map(String::as_str));
                    let message = format!("unknown key {}", shown(key));
                    match did_you_mean(key, known) {
                        Some(hint) => self.report.add_with_hint(&here, message, hint),
                        None => self.report.add(&here, message),
                    }
                    false
                }
            }
        });
        for missing in strings(schema.get("required")).filter(|key| !seen.contains_key(*key)) {
            self.report.add(&at.key(missing), "is missing");
            self.damaged.push(at.clone());
        }
    }

    fn word(&mut self, text: &str, fitting: &[&Value], at: &Path) {
        let mut words: Vec<&str> = Vec::new();
        for branch in fitting {
            let before = words.len();
            words.extend(strings(branch.get("enum")).chain(branch.get("const").and_then(Value::as_str)));
            if words.len() == before {
                return; // any text will do
            }
        }
        if !words.contains(&text) {
            let message = format!("{} is not one of {}", shown(text), quoted_list(&words));
            match did_you_mean(text, words.iter().copied()).filter(|hint| hint.starts_with("did")) {
                Some(hint) => self.report.add_with_hint(at, message, hint),
                None => self.report.add(at, message),
            }
            self.damaged.push(at.clone());
        }
    }

    fn range(&mut self, number: i128, schema: &Value, at: &Path) {
        let bound = |word: &str| schema.get(word).and_then(Value::as_number).and_then(serde_json::Number::as_i128);
        let (least, most) = (bound("minimum").unwrap_or(i128::MIN), bound("maximum").unwrap_or(u64::MAX.into()));
        if !(least..=most).contains(&number) {
            self.report.add(at, format!("{number} is outside of {least} to {most}"));
            self.damaged.push(at.clone());
        }
    }
}

fn strings(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// The JSON types that a schema without alternatives allows.
fn kinds(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(kind)) => vec![kind],
        several => strings(several).collect(),
    }
}

fn accepts(schema: &Value, node: &Node) -> bool {
    let kind = match node {
        Node::Null => "null",
        Node::Bool(_) => "boolean",
        Node::Integer(_) => "integer",
        Node::Float(_) => "number",
        Node::Text(_) => "string",
        Node::List(_) => "array",
        Node::Map(_) => "object",
    };
    kinds(schema).contains(&kind)
}

/// JSON's name of a type as a user says it. An empty value stands for a left-out one, and is never asked for.
fn kind_in_words(kind: &str) -> Option<&'static str> {
    match kind {
        "boolean" => Some("`true` or `false`"),
        "integer" => Some("a whole number"),
        "string" => Some("text"),
        "array" => Some("a list"),
        "object" => Some("a mapping"),
        _ => None,
    }
}

fn found_in_words(node: &Node) -> &'static str {
    match node {
        Node::Null => "nothing",
        Node::Bool(_) => "a truth value",
        Node::Integer(_) | Node::Float(_) => "a number",
        Node::Text(_) => "text",
        Node::List(_) => "a list",
        Node::Map(_) => "a mapping",
    }
}
