//! What a Redshift target needs of the rest of the configuration: it is copied from the lake by Redshift itself.

use std::collections::BTreeSet;

use super::Table;
use super::connection::{Connections, Engine};
use super::fault::Report;
use super::lake::{Lake, LakeUrl};
use super::path::Path;

/// Reports Redshift connections that some table writes to and that lack a role, and a work area that Redshift can't read.
pub(crate) fn check_redshift(
    tables: &[Table],
    connections: &Connections,
    lake: Option<&Lake>,
    report: &mut Report<'_>,
) {
    let used: BTreeSet<_> = tables.iter().flat_map(|table| &table.targets).map(|target| &target.connection).collect();
    let targets = used.into_iter().filter_map(|name| Some((name, connections.valid.get(name)?)));
    let mut targets = targets.filter(|(_, connection)| connection.engine == Engine::Redshift).peekable();
    if targets.peek().is_some()
        && let Some(LakeUrl::File { .. }) = lake.map(|lake| &lake.work)
    {
        let message = "Redshift copies rows from the work area, and reads no folder of this machine";
        report.add_with_hint(&Path::root().key("lake").key("work"), message, "use `s3://…`");
    }
    for (name, _) in targets.filter(|(_, connection)| connection.iam_role.is_none()) {
        let at = Path::root().key("connections").key(&name.0);
        let message = "a Redshift target needs `iam_role`, the role with which COPY reads the work area";
        report.add_with_hint(&at, message, "`iam_role: \"arn:aws:iam::123456789012:role/copy\"`");
    }
}
