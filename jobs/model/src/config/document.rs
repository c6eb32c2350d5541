//! The document as it was written: its nodes as `yaml_serde` reads them, and the line of each.
//!
//! `yaml_serde` alone decides what a node is; the second reader, `saphyr-parser`, is asked for lines only. Should the two ever
//! disagree, a fault has a vaguer line, or none, and still the right path and message.
//! Repeated keys are kept here, so that they can be reported beside the other faults.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::fault::{ConfigFault, ConfigFaults};
use super::path::Path;

/// Room for some ten thousand tables; more is a wrong file, and would be read whole into memory.
pub(crate) const TEXT_BYTES_MAX: usize = 4 << 20;

/// A node of the document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The node as the value that the shapes are deserialised from. Of a repeated key the first stays.
    pub(crate) fn into_value(self) -> serde_yaml::Value {
        match self {
            Node::Null => serde_yaml::Value::Null,
            Node::Bool(value) => serde_yaml::Value::Bool(value),
            Node::Integer(value) => integer_value(value),
            Node::Float(value) => serde_yaml::Value::Number(value.into()),
            Node::Text(text) => serde_yaml::Value::String(text),
            Node::List(items) => serde_yaml::Value::Sequence(items.into_iter().map(Node::into_value).collect()),
            Node::Map(entries) => {
                let mut mapping = serde_yaml::Mapping::new();
                for (key, node) in entries {
                    let key = serde_yaml::Value::String(key);
                    if !mapping.contains_key(&key) {
                        mapping.insert(key, node.into_value());
                    }
                }
                serde_yaml::Value::Mapping(mapping)
            }
        }
    }
}

/// Whole numbers beyond 64 bits fit no setting; as a float they are refused by the shape.
fn integer_value(value: i128) -> serde_yaml::Value {
    let number = match (i64::try_from(value), u64::try_from(value)) {
        (Ok(signed), _) => signed.into(),
        (Err(_), Ok(unsigned)) => unsigned.into(),
        (Err(_), Err(_)) => (value as f64).into(),
    };
    serde_yaml::Value::Number(number)
}

/// The lines of the document's nodes; of a mapping's value the line of its key.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    of: BTreeMap<Path, Vec<usize>>,
    /// Values with nothing written, which YAML takes for `null`.
    blank: BTreeSet<Path>,
}

impl Lines {
    /// The line of the node, or of the nearest one around it.
    pub(crate) fn nearest(&self, at: &Path) -> Option<usize> {
        let mut place = Some(at.clone());
        while let Some(path) = place {
            if let Some(line) = self.of.get(&path).and_then(|lines| lines.first()) {
                return Some(*line);
            }
            place = path.parent();
        }
        None
    }

    /// The line of a repeated key's occurrence, counted from 0.
    pub(crate) fn occurrence(&self, at: &Path, occurrence: usize) -> Option<usize> {
        self.of.get(at).and_then(|lines| lines.get(occurrence)).copied().or_else(|| self.nearest(at))
    }

    /// Whether nothing is written where the value should be, as after `key:`.
    pub(crate) fn is_blank(&self, at: &Path) -> bool {
        self.blank.contains(at)
    }

    pub(crate) fn record(&mut self, at: Path, line: usize) {
        self.of.entry(at).or_default().push(line);
    }
}

/// A document that is YAML, whatever it says.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) root: Node,
    pub(crate) lines: Lines,
}

/// Reads the text as YAML.
///
/// # Errors
/// One fault: a text which is not YAML has no nodes in which to look for more.
pub(crate) fn read_document(text: &str) -> Result<Document, ConfigFaults> {
    let unreadable = |line: Option<usize>, message: String| {
        ConfigFaults(vec![ConfigFault { path: String::new(), line, message, hint: None }])
    };
    if text.len() > TEXT_BYTES_MAX {
        return Err(unreadable(None, format!("the file is larger than {} MiB", TEXT_BYTES_MAX >> 20)));
    }
    let root: Node = serde_yaml::from_str(text).map_err(|error| {
        // At the end of the text the reader stands behind the last line.
        let line = error.location().map(|location| location.line().min(text.lines().count()));
        let said = error.to_string();
        let reason = said.split(" at line ").next().unwrap_or_default();
        // The reader names the path in some messages; a key of it could be a pasted URL.
        let message = if reason.contains("://") { "not YAML".to_owned() } else { format!("not YAML: {reason}") };
        unreadable(line, message)
    })?;
    Ok(Document { root, lines: read_lines(text) })
}

/// A mapping or list that is still open while its text goes by.
pub(crate) enum Open {
    Map { at: Path, key: Option<String> },
    List { at: Path, next: usize },
}

fn read_lines(text: &str) -> Lines {
    let mut lines = Lines::default();
    lines.record(Path::root(), 1);
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        let Ok((event, span)) = event else { break };
        let line = span.start.line();
        match event {
            Event::Scalar(value, style, ..) => {
                let at = step(&mut open, Some(&value), line, &mut lines);
                let is_blank = value.is_empty() && style == ScalarStyle::Plain;
                lines.blank.extend(at.filter(|_| is_blank));
            }
            Event::Alias(_) => {
                step(&mut open, None, line, &mut lines);
            }
            Event::SequenceStart(..) => match step(&mut open, None, line, &mut lines) {
                Some(at) => open.push(Open::List { at, next: 0 }),
                None => break,
            },
            Event::MappingStart(..) => match step(&mut open, None, line, &mut lines) {
                Some(at) => open.push(Open::Map { at, key: None }),
                None => break,
            },
            Event::SequenceEnd | Event::MappingEnd => {
                open.pop();
            }
            Event::DocumentEnd => break,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => {}
        }
    }
    lines
}

/// Takes the next node of the innermost open mapping or list: the path of a value, none for a mapping's key.
pub(crate) fn step(open: &mut [Open], scalar: Option<&str>, line: usize, lines: &mut Lines) -> Option<Path> {
    match open.last_mut() {
        None => Some(Path::root()),
        Some(Open::List { at, next }) => {
            let item = at.index(*next);
            *next += 1;
            lines.record(item.clone(), line);
            Some(item)
        }
        Some(Open::Map { at, key }) => match key.take() {
            Some(key) => Some(at.key(&key)),
            None => {
                let word = scalar.unwrap_or_default();
                lines.record(at.key(word), line);
                *key = Some(word.to_owned());
                None
            }
        },
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("plain YAML without tags")
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Integer(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Integer(value.into()))
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Node, E> {
        Ok(Node::Integer(value))
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Node, E> {
        Ok(i128::try_from(value).map_or(Node::Float(value as f64), Node::Integer))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry::<String, Node>()? {
            map.push(entry);
        }
        Ok(Node::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_node_knows_its_line() {
        let text =
            "# head\nversion: 1\ntables:\n  - name: a\n    key: [id,\n          no]\n  -\n    name: b\nversion: 2\n";
        let document = read_document(text).unwrap();
        let tables = Path::root().key("tables");
        let cases = [
            (Path::root(), 1),
            (Path::root().key("version"), 2),
            (tables.clone(), 3),
            (tables.index(0), 4),
            (tables.index(0).key("key").index(1), 6),
            (tables.index(0).key("missing"), 4),
            (tables.index(1).key("name"), 8),
        ];
        for (path, line) in cases {
            assert_eq!(document.lines.nearest(&path), Some(line), "{path}");
        }
        assert_eq!(document.lines.occurrence(&Path::root().key("version"), 1), Some(9));
    }

    #[test]
    fn nothing_is_told_from_null() {
        let document = read_document("a:\nb: null\nc: ''\nd: ~\n").unwrap();
        let blank = ["a", "b", "c", "d"].map(|key| document.lines.is_blank(&Path::root().key(key)));
        assert_eq!(blank, [true, false, false, false]);
    }

    #[test]
    fn aliases_cannot_make_a_small_text_huge() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let below = format!("*a{}", level - 1);
            text.push_str(&format!("a{level}: &a{level} [{}]\n", vec![below; 10].join(", ")));
        }
        assert_eq!(read_document(&text).unwrap_err().0.len(), 1);
        assert_eq!(read_document(&format!("a: {}", "[".repeat(10_000))).unwrap_err().0.len(), 1);
    }

    #[test]
    fn words_that_older_yaml_took_for_booleans_stay_words() {
        let document = read_document("{a: no, b: off, c: 'true', d: true, e: 0x10, f: 1.5, g: ~}").unwrap();
        let Node::Map(entries) = document.root else { panic!("a mapping") };
        let nodes: Vec<Node> = entries.into_iter().map(|(_, node)| node).collect();
        let text = |word: &str| Node::Text(word.to_owned());
        let expected =
            [text("no"), text("off"), text("true"), Node::Bool(true), Node::Integer(16), Node::Float(1.5), Node::Null];
        assert_eq!(nodes, expected);
    }

    #[test]
    fn a_broken_text_is_one_fault_with_its_line() {
        for (text, line) in [("a: [1\nb: 2\n", 2), ("a: b\n c: d\n", 2), ("a: !secret x\n", 1)] {
            let faults = read_document(text).unwrap_err().0;
            assert_eq!(faults.len(), 1, "{text}");
            assert_eq!(faults[0].line, Some(line), "{text}: {}", faults[0].message);
        }
    }
}
