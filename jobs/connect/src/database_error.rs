//! Reads the errors of drivers: what may be tried again, and what the operator can do about the rest.
//!
//! Postgres names a condition by five characters (SQLSTATE), SQLite by a number whose low byte is the primary code; neither
//! can be taken for the other.

use crate::target::Retry;

/// SQLSTATE of a statement that took longer than it may.
const QUERY_CANCELED: &str = "57014";
/// What Redshift says of two transactions that can't be put into an order, under a SQLSTATE that says nothing.
const SERIALIZABLE_VIOLATION: &str = "1023";
/// SQLSTATE of a lock that was not had within `lock_timeout`, or at once.
const LOCK_NOT_AVAILABLE: &str = "55P03";
/// SQLSTATE of a column that is added twice.
const DUPLICATE_COLUMN: &str = "42701";
/// SQLSTATEs of DDL that comes too late: duplicate table, schema and object; undefined table and column.
const ALTERED_MEANWHILE: [&str; 5] = ["42P07", "42P06", "42710", "42P01", "42703"];
/// SQLite's primary codes for a database that another connection writes to.
const SQLITE_BUSY: u32 = 5;
const SQLITE_LOCKED: u32 = 6;

/// The code the database gave, if it was the database that failed.
pub(crate) fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

/// Whether the failure is that a lock was not had in time.
pub(crate) fn is_lock_timeout(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| code == LOCK_NOT_AVAILABLE)
}

/// Whether the failure is that a statement was not done in time.
pub(crate) fn is_statement_timeout(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| code == QUERY_CANCELED)
}

/// Whether Redshift gave a transaction up for the sake of another.
fn is_serializable_violation(error: &dyn sqlx::error::DatabaseError) -> bool {
    error.message().starts_with(SERIALIZABLE_VIOLATION)
}

/// Whether SQLite found the file locked by another connection.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    let primary = code(error).and_then(|code| sqlite_primary(&code));
    matches!(primary, Some(SQLITE_BUSY | SQLITE_LOCKED))
}

/// Whether a column could not be added because it is there by now.
pub(crate) fn is_column_there(error: &sqlx::Error) -> bool {
    let told = |error: &dyn sqlx::error::DatabaseError| error.message().starts_with("duplicate column name");
    code(error).is_some_and(|code| code == DUPLICATE_COLUMN) || error.as_database_error().is_some_and(told)
}

/// Whether DDL found a table or a column there, or gone, that was not so when it was planned.
pub(crate) fn is_altered_meanwhile(error: &sqlx::Error) -> bool {
    let told = |error: &dyn sqlx::error::DatabaseError| {
        let message = error.message();
        message.ends_with("already exists") || message.starts_with("no such column")
    };
    let named = code(error).is_some_and(|code| ALTERED_MEANWHILE.contains(&code.as_str()));
    named || is_column_there(error) || error.as_database_error().is_some_and(told)
}

/// Whether the statement failed on a value: class 22 (data exception), or 23514, which domains raise.
pub(crate) fn is_bad_value(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| code.len() == 5 && (code.starts_with("22") || code == "23514"))
}

/// What can be done about a driver's error.
pub(crate) fn retry_of(error: &sqlx::Error) -> Retry {
    match error {
        sqlx::Error::Database(database) if is_serializable_violation(database.as_ref()) => Retry::Again,
        sqlx::Error::Database(database) => {
            database.code().map_or(Retry::Never { hint: None }, |code| retry_of_code(&code))
        }
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed | sqlx::Error::Protocol(_) => {
            Retry::Again
        }
        sqlx::Error::Tls(_) => Retry::Never { hint: Some("check `sslmode` and `sslrootcert` in the connection's URL") },
        // The driver's list may grow; what is not known to pass by itself is not tried again.
        _ => Retry::Never { hint: None },
    }
}

fn sqlite_primary(code: &str) -> Option<u32> {
    if code.len() >= 5 { None } else { Some(code.parse::<u32>().ok()? & 0xff) }
}

fn retry_of_code(code: &str) -> Retry {
    match sqlite_primary(code) {
        Some(primary) => retry_of_sqlite(primary),
        None => retry_of_sqlstate(code),
    }
}

fn retry_of_sqlstate(code: &str) -> Retry {
    let never = |hint| Retry::Never { hint: Some(hint) };
    match code {
        // Serialisation failure, deadlock, lock timeout; the server is shutting down, has crashed, or can't connect now.
        "40001" | "40P01" | LOCK_NOT_AVAILABLE | "57P01" | "57P02" | "57P03" => Retry::Again,
        "53300" => Retry::Again,
        "53100" => never("the database's disk is full: free space or extend it"),
        "53200" => never("the database is out of memory: lower `work_mem` or give it more"),
        QUERY_CANCELED => never("the statement was cancelled: check `statement_timeout` of the role and the database"),
        "42501" => never("the account lacks a privilege: `quarrel validate --connect` lists what it needs"),
        "42P01" | "42703" => never("the table was changed while it was loaded: run again, and check who alters it"),
        "21000" => never(
            "two keys that differ in the files are equal in the target: compare the key columns' collation and types",
        ),
        "23502" => never("the files have NULL in a column that takes none: drop NOT NULL, or set `on_bad_value`"),
        "23503" => never("a foreign key of the target refuses the rows: targets of replication should have none"),
        "23505" => never("a unique index other than the key's refuses the rows: drop it in the target"),
        "28000" | "28P01" => never("the user name or password is wrong"),
        "3D000" => never("the database does not exist"),
        _ if code.starts_with("08") => Retry::Again,
        _ if code.starts_with("22") => never("a value does not fit its column: set the column's `on_bad_value`"),
        _ if code.starts_with("23") => never("a constraint of the target refuses the rows"),
        _ => Retry::Never { hint: None },
    }
}

fn retry_of_sqlite(primary: u32) -> Retry {
    let never = |hint| Retry::Never { hint: Some(hint) };
    match primary {
        SQLITE_BUSY | SQLITE_LOCKED => Retry::Again,
        8 => never("the file is read-only"),
        11 | 26 => never("the file is damaged, or no SQLite database"),
        13 => never("the disk is full"),
        14 => never("the file can't be opened: check that its folder exists and may be written"),
        19 => never("a constraint of the target refuses the rows"),
        _ => Retry::Never { hint: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_that_pass_are_tried_again_and_others_never() {
        for code in ["40001", "40P01", "55P03", "57P01", "57P02", "57P03", "08000", "08006", "5", "261", "517", "6"] {
            assert_eq!(retry_of_code(code), Retry::Again, "{code}");
        }
        for code in ["53100", "22001", "22P02", "23505", "23514", "42703", "42501", "13", "1299", "1555", "8"] {
            assert!(matches!(retry_of_code(code), Retry::Never { hint: Some(_) }), "{code}");
        }
        for code in ["XX000", "0A000", "1"] {
            assert_eq!(retry_of_code(code), Retry::Never { hint: None }, "{code}");
        }
    }

    #[test]
    fn lost_connections_are_tried_again() {
        let lost = sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into());
        assert_eq!(retry_of(&lost), Retry::Again);
        assert_eq!(retry_of(&sqlx::Error::PoolTimedOut), Retry::Again);
        assert_eq!(retry_of(&sqlx::Error::RowNotFound), Retry::Never { hint: None });
    }
}
