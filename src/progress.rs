//! Spinners: one a table in work, on stderr, only when that is a terminal.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use quarrel_model::names::TableName;
use quarrel_run::context::{Progress, Silent};

/// How often a spinner turns.
const TICK: Duration = Duration::from_millis(120);

/// The spinners of the process.
#[derive(Debug, Clone)]
pub struct Bars {
    all: MultiProgress,
    by_table: Arc<Mutex<BTreeMap<TableName, ProgressBar>>>,
}

impl Bars {
    pub fn new() -> Self {
        Bars { all: MultiProgress::new(), by_table: Arc::default() }
    }

    /// Told by the jobs what they are at; silent when nobody watches.
    pub fn progress(&self) -> Arc<dyn Progress> {
        if std::io::stderr().is_terminal() { Arc::new(self.clone()) } else { Arc::new(Silent) }
    }

    /// Does something to the terminal while no spinner is drawn.
    pub fn suspend<T>(&self, action: impl FnOnce() -> T) -> T {
        self.all.suspend(action)
    }

    fn bar_of(&self, table: &TableName) -> ProgressBar {
        let mut bars = self.by_table.lock().expect("nobody panics while holding this lock");
        let bar = bars.entry(table.clone()).or_insert_with(|| {
            let bar = self.all.add(ProgressBar::new_spinner());
            let style = ProgressStyle::with_template("{spinner} {prefix}  {msg}  {elapsed}");
            bar.set_style(style.expect("the template is well formed"));
            bar.set_prefix(table.to_string());
            bar.enable_steady_tick(TICK);
            bar
        });
        bar.clone()
    }
}

impl Progress for Bars {
    fn step(&self, table: &TableName, step: &'static str, detail: &str) {
        self.bar_of(table).set_message(format!("{step} {detail}"));
    }

    fn done(&self, table: &TableName) {
        let bar = self.by_table.lock().expect("nobody panics while holding this lock").remove(table);
        if let Some(bar) = bar {
            bar.finish_and_clear();
            self.all.remove(&bar);
        }
    }
}
