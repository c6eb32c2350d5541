//! The machine and the versions a benchmark ran on, so that no figure is printed without them.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use serde::Serialize;

/// What a reader needs to judge figures by.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    pub processor: String,
    pub cores: usize,
    pub memory_bytes: u64,
    pub kernel: String,
    pub system: String,
    /// Name and version of each program that took part.
    pub versions: Vec<(String, String)>,
}

impl Machine {
    /// Reads what Linux says about this machine; what it does not say is "unknown".
    pub fn read() -> Self {
        let unknown = || "unknown".to_owned();
        let field = |path: &str, name: &str, separator: char| {
            let text = fs::read_to_string(path).ok()?;
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(separator)?.1.trim().trim_matches('"').to_owned())
        };
        let memory = field("/proc/meminfo", "MemTotal", ':');
        let kilobytes: u64 = memory.and_then(|text| text.split(' ').next()?.parse().ok()).unwrap_or(0);
        Self {
            processor: field("/proc/cpuinfo", "model name", ':').unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_bytes: kilobytes * 1024,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .map_or_else(|_| unknown(), |text| text.trim().to_owned()),
            system: field("/etc/os-release", "PRETTY_NAME", '=').unwrap_or_else(unknown),
            versions: Vec::new(),
        }
    }

    /// Adds the first line of `program --version`.
    pub fn add_version_of(&mut self, name: &str, program: &std::path::Path) {
        let output = Command::new(program).arg("--version").output();
        let text = output.map_or_else(
            |_| "unknown".to_owned(),
            |output| String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or("unknown").to_owned(),
        );
        self.add_version(name, text);
    }

    pub fn add_version(&mut self, name: &str, version: String) {
        if !self.versions.iter().any(|(known, _)| known == name) {
            self.versions.push((name.to_owned(), version));
        }
    }

    pub fn to_markdown(&self) -> String {
        let mut text = format!(
            "{} × {}, {:.1} GB of memory, {}, Linux {}\n",
            self.cores,
            self.processor,
            self.memory_bytes as f64 / 1e9,
            self.system,
            self.kernel
        );
        for (name, version) in &self.versions {
            let _ = writeln!(text, "- {name}: {version}");
        }
        text
    }
}
