//! One million changes: a cluster of processes, an embedded one and none at all give the oracle's rows.

use crate::harness::long_history::LongHistory;
use crate::nodes::start_cluster;
use crate::scene::Lake;

const MILLION: LongHistory = LongHistory { files: 40, changes_per_file: 25_000, keys: 120_000, seed: 1 };

#[test]
fn million_changes_give_the_same_rows_on_a_cluster_embedded_and_in_one_process() {
    let lake = Lake::with(MILLION);
    let (scheduler, executors) = start_cluster();
    let remote = format!("{{scheduler: '{}'}}", scheduler.url());
    for (name, cluster) in [("remote", remote.as_str()), ("embedded", "embedded"), ("in_process", "in_process")] {
        let copy = lake.copy(cluster, "{deadline: 200s}", name);
        let summary = copy.project.run_cdc().expect(0, name).summary();
        assert_eq!(summary["changes"], 1_000_000, "{name}");
        assert_eq!(summary["files"], 40, "{name}");
        assert_eq!(summary["kept"], 120_000, "{name}: one row a key, deletes as tombstones");
        copy.assert_holds(&lake.expected, name);
    }
    drop((executors, scheduler));
}
