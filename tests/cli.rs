//! The command line as a user meets it: the real binary, its exit codes, and what it prints where.

#[path = "cli/project.rs"]
mod project;

#[path = "cli/configuration.rs"]
mod configuration;
#[path = "cli/demo.rs"]
mod demo;
#[path = "cli/import.rs"]
mod import;
#[path = "cli/secrets.rs"]
mod secrets;
#[path = "cli/servers.rs"]
mod servers;
