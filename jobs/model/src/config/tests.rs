//! What the shapes promise: written out, they read back the same; and the schema knows all that serde knows.

use super::document::{Node, read_document};
use super::shape::ConfigShape;
use super::*;

const FULL: &str = include_str!("../../tests/config/full.yaml");
const FOLDER: &str = "/etc/quarrel";

#[test]
fn a_shape_reads_back_from_what_it_writes() {
    let cluster = "cluster: {scheduler: 'http://10.0.1.5:50050', tls: {ca: a, cert: b, key: c}}";
    let text = FULL
        .replace("cluster: embedded", cluster)
        .replace("      - {connection: dwh, table: replica.transactions}\n", "");
    let shape: ConfigShape = serde_yaml::from_str(&text).unwrap();
    let written = serde_yaml::to_string(&shape).unwrap();
    assert_eq!(serde_yaml::from_str::<ConfigShape>(&written).unwrap(), shape);
    let config = parse(&text, FOLDER).unwrap();
    assert_eq!(parse(&written, FOLDER).unwrap(), config);
    assert!(matches!(config.cluster, ClusterConfig::Remote { tls: Some(_), .. }));
}

/// Each text is wrong in shape: serde must refuse it, and the check must have a fault with a place for it.
#[test]
fn the_check_refuses_whatever_serde_refuses() {
    let slips = [
        ("version: 1", "version: -1"),
        ("version: 1", "version: 1.5"),
        ("version: 1", "version: 99999999999999999999999"),
        ("version: 1", "version: one"),
        ("cluster: embedded", "cluster: [embedded]"),
        ("cluster: embedded", "cluster: {}"),
        ("cluster: embedded", "cluster: {scheduler: 1}"),
        ("max_connections: 4}", "max_connections: 5000000000}"),
        ("max_connections: 4}", "max_connections: many}"),
        ("lob_slice: 63000", "lob_slice: 4294967296"),
        ("lob_slice: 63000", "lob_slice: 63k"),
        ("key: [id]", "key: {id: 1}"),
        ("key: [id]", "key: [[id]]"),
        ("{after: cdc}", "cdc"),
        ("alerts:\n", "alerts: []\nx:\n"),
    ];
    for (old, new) in slips {
        let text = FULL.replacen(old, new, 1);
        assert_ne!(text, FULL, "{old}");
        let root = read_document(&text).unwrap().root;
        assert!(serde_yaml::from_value::<ConfigShape>(root.into_value()).is_err(), "{new}");
        let faults = parse(&text, FOLDER).unwrap_err();
        assert!(faults.0.iter().all(|fault| !fault.path.is_empty() && fault.line.is_some()), "{new}: {faults}");
    }
}

/// The example has no fault: nothing which is left out may add one.
#[test]
fn empty_values_stand_for_left_out_ones() {
    for key in ["cluster", "state", "alerts", "defaults", "reduce"] {
        let mut value: serde_yaml::Value = serde_yaml::from_str(FULL).unwrap();
        value[key] = serde_yaml::Value::Null;
        let parsed = parse(&serde_yaml::to_string(&value).unwrap(), FOLDER);
        assert!(parsed.is_ok(), "{key}: {}", parsed.unwrap_err());
    }
}

/// Puts `other` in place of the tree's node with this number, counted depth first; false when there are fewer nodes.
fn replace_node(node: &mut Node, number: &mut usize, other: &Node) -> bool {
    if *number == 0 {
        *node = other.clone();
        return true;
    }
    *number -= 1;
    match node {
        Node::List(items) => items.iter_mut().any(|item| replace_node(item, number, other)),
        Node::Map(entries) => entries.iter_mut().any(|(_, value)| replace_node(value, number, other)),
        Node::Null | Node::Bool(_) | Node::Integer(_) | Node::Float(_) | Node::Text(_) => false,
    }
}

#[test]
fn any_node_in_any_place_is_accepted_or_reported_by_the_check() {
    let root = read_document(FULL).unwrap().root;
    let others = [
        Node::Null,
        Node::Bool(true),
        Node::Integer(-1),
        Node::Integer(u64::MAX.into()),
        Node::Float(1.5),
        Node::Text(String::new()),
        Node::Text("x".to_owned()),
        Node::List(Vec::new()),
        Node::List(vec![Node::Null]),
        Node::Map(Vec::new()),
        Node::Map(vec![("x".to_owned(), Node::Null)]),
    ];
    let mut replaced = 0;
    for other in others {
        for number in 0.. {
            let mut changed = root.clone();
            if !replace_node(&mut changed, &mut number.clone(), &other) {
                break;
            }
            replaced += 1;
            let text = serde_yaml::to_string(&changed.into_value()).unwrap();
            if let Err(faults) = parse(&text, FOLDER) {
                assert!(!faults.0.is_empty(), "{text}");
                assert!(!faults.to_string().contains("not a configuration"), "{text}\n{faults}");
            }
        }
    }
    assert!(replaced > 11 * 70, "{replaced}");
}
