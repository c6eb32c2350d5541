//! The members of one object of the variable, taken one by one: what nobody took was not recognised.

use super::spelling::{Spellings, folded};
use crate::config::document::Node;
use crate::config::fault::Report;
use crate::config::path::{Path, shown};
use crate::config::suggest::did_you_mean;

/// A value, and where in the variable it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given<T> {
    pub(super) value: T,
    pub(super) at: Path,
}

/// The members of one object.
#[derive(Debug)]
pub(super) struct Fields<'n> {
    pub(super) at: Path,
    members: Vec<Member<'n>>,
}

#[derive(Debug)]
struct Member<'n> {
    key: &'n str,
    folded: String,
    node: &'n Node,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Left,
    Taken,
}

/// A key that was not recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unknown {
    pub(super) at: Path,
    /// "did you mean …?"
    pub(super) hint: Option<String>,
}

impl<'n> Fields<'n> {
    /// The members of the object at this place; anything else is reported.
    pub(super) fn open(node: &'n Node, at: &Path, report: &mut Report<'_>) -> Option<Fields<'n>> {
        let Node::Map(members) = node else {
            report.add(at, format!("an object is expected here, not {}", in_words(node)));
            return None;
        };
        let members = members.iter().map(|(key, node)| Member { key, folded: folded(key), node, state: State::Left });
        Some(Fields { at: at.clone(), members: members.collect() })
    }

    /// The value of a setting under any of its spellings; `null` counts as left out. One given twice is reported.
    pub(super) fn take(&mut self, spellings: Spellings, report: &mut Report<'_>) -> Option<Given<&'n Node>> {
        self.take_prefixed("", spellings, report)
    }

    /// The same with `prefix` before each spelling.
    pub(super) fn take_prefixed(
        &mut self,
        prefix: &str,
        spellings: Spellings,
        report: &mut Report<'_>,
    ) -> Option<Given<&'n Node>> {
        let mut found: Option<Given<&'n Node>> = None;
        for member in &mut self.members {
            let word = member.folded.strip_prefix(prefix);
            if !word.is_some_and(|word| spellings.contains(&word)) {
                continue;
            }
            member.state = State::Taken;
            let at = self.at.key(member.key);
            match &found {
                _ if *member.node == Node::Null => {}
                Some(first) => report.add(&at, format!("this is said already, by {}", shown(&first.at.to_string()))),
                None => found = Some(Given { value: member.node, at }),
            }
        }
        found
    }

    /// Whether any member is one of a place with this prefix.
    pub(super) fn has_prefix(&self, prefix: &str, settings: &[Spellings]) -> bool {
        self.members.iter().filter(|member| *member.node != Node::Null).any(|member| {
            let word = member.folded.strip_prefix(prefix);
            word.is_some_and(|word| settings.iter().any(|spellings| spellings.contains(&word)))
        })
    }

    /// The keys that nobody took; `known` are those that somebody would have taken.
    pub(super) fn unknown(&self, known: &[String]) -> Vec<Unknown> {
        let left = self.members.iter().filter(|member| member.state == State::Left);
        left.map(|member| {
            let hint = if known.contains(&member.folded) {
                Some("the same is given in another form beside it".to_owned())
            } else {
                let near = did_you_mean(member.key, known.iter().map(String::as_str));
                near.filter(|hint| hint.starts_with("did"))
            };
            Unknown { at: self.at.key(member.key), hint }
        })
        .collect()
    }
}

/// What a node is, as a user says it.
pub(super) fn in_words(node: &Node) -> &'static str {
    match node {
        Node::Null => "null",
        Node::Bool(_) => "a truth value",
        Node::Integer(_) | Node::Float(_) => "a number",
        Node::Text(_) => "text",
        Node::List(_) => "a list",
        Node::Map(_) => "an object",
    }
}
