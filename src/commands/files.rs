//! Commands that print or write a text: the first configuration, its schema, completion scripts.

use std::io::{ErrorKind, Write as _};

use clap::CommandFactory as _;
use quarrel_model::config::json_schema;

use crate::cli::{Cli, ConfigArgs};
use crate::exit::{Exit, Failure};
use crate::output::{Output, print};

/// The configuration that `init` writes.
const FIRST_CONFIG: &str = include_str!("first_config.yaml");

/// Writes the first configuration; one that is there stays as it is.
pub fn init(args: &ConfigArgs, output: Output) -> Result<Exit, Failure> {
    let file = args.config.display().to_string();
    let opened = std::fs::OpenOptions::new().write(true).create_new(true).open(&args.config);
    let written = opened.and_then(|mut opened| opened.write_all(FIRST_CONFIG.as_bytes()));
    written.map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => Failure::internal(&format!("{file} is there already, and stays as it is"))
            .with_hint("`--config FILE` writes another one"),
        _ => Failure::internal(&format!("failed to write {file}: {source}")),
    })?;
    let next = format!("wrote {file}\nnext: fill it in, then `quarrel validate --config {file}`");
    output.result(&serde_json::json!({ "written": file }), |_| next)?;
    Ok(Exit::Success)
}

/// Prints the JSON Schema of the configuration.
pub fn schema() -> Result<Exit, Failure> {
    let schema = serde_json::to_string_pretty(&json_schema());
    print(&schema.map_err(|source| Failure::internal(&format!("failed to write JSON: {source}")))?)?;
    Ok(Exit::Success)
}

/// Prints a completion script.
pub fn completions(shell: clap_complete::Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "quarrel", &mut script);
    print(String::from_utf8_lossy(&script).trim_end())?;
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests {
    use quarrel_model::config::parse;

    use super::*;

    #[test]
    fn first_configuration_is_valid() {
        let config = parse(FIRST_CONFIG, "/etc/quarrel").unwrap();
        assert_eq!(config.tables.len(), 1);
    }

    #[test]
    fn what_is_commented_out_in_the_first_configuration_is_valid_too() {
        let uncommented = |line: &str| line.replacen("#| ", "", 1);
        let text: Vec<String> = FIRST_CONFIG.lines().map(uncommented).collect();
        let faults = parse(&text.join("\n"), "/etc/quarrel").err().map(|faults| faults.to_string());
        assert_eq!(faults, None);
    }
}
