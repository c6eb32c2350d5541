//! Values that are written as text: instants, spans, sizes, addresses.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use quarrel_model::config::{parse_bytes, parse_duration};

/// Reads an instant: RFC 3339, a shorter form of it, or a date. Without a zone it is UTC.
pub(super) fn parse_instant(text: &str) -> Result<DateTime<Utc>, String> {
    let text = text.trim();
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Ok(instant.to_utc());
    }
    let zoned = ["%Y-%m-%dT%H:%M%#z", "%Y-%m-%d %H:%M%#z"];
    if let Some(instant) = zoned.iter().find_map(|format| DateTime::parse_from_str(&offset_of(text), format).ok()) {
        return Ok(instant.to_utc());
    }
    let plain = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    if let Some(instant) = plain.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok()) {
        return Ok(instant.and_utc());
    }
    let midnight = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().and_then(|date| date.and_hms_opt(0, 0, 0));
    midnight.map(|instant| instant.and_utc()).ok_or_else(|| {
        "write an instant as `2026-11-22T10:00:00+01:00`, `2026-11-22T10:00Z` or `2026-11-22`".to_owned()
    })
}

fn offset_of(text: &str) -> String {
    match text.strip_suffix('Z') {
        Some(local) => format!("{local}+00:00"),
        None => text.to_owned(),
    }
}

/// Reads a length of time, as `30d`.
pub(super) fn parse_span(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

/// Reads a size, as `1GB`.
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    parse_bytes(text).map_err(|error| format!("{error}: write `512MB`, `1GB` or `1GiB`"))
}

/// Reads the address of a scheduler: `host:port`, or a URL.
pub(super) fn parse_scheduler(text: &str) -> Result<String, String> {
    let text = text.trim().trim_end_matches('/');
    let address = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")).unwrap_or(text);
    let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port);
    match port.map(str::parse::<u16>) {
        Some(Ok(_)) if text.contains("://") => Ok(text.to_owned()),
        Some(Ok(_)) => Ok(format!("http://{text}")),
        Some(Err(_)) | None => Err("write the scheduler's address as `host:port`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_in_all_their_forms() {
        let cases = [
            ("2026-11-22T10:00:00Z", 10 * 3600),
            ("2026-11-22T10:00:00+01:00", 9 * 3600),
            ("2026-11-22T10:00Z", 10 * 3600),
            ("2026-11-22T10:00+01:00", 9 * 3600),
            ("2026-11-22T10:00", 10 * 3600),
            ("2026-11-22 10:00:30", 10 * 3600 + 30),
            ("2026-11-22", 0),
        ];
        // 2026-11-22T00:00:00Z is 20,779 days after the epoch.
        let midnight = 20_779 * 86_400;
        for (text, seconds) in cases {
            assert_eq!(parse_instant(text).map(|instant| instant.timestamp()), Ok(midnight + seconds), "{text}");
        }
        for text in ["", "yesterday", "2026-13-01", "10:00"] {
            assert!(parse_instant(text).is_err(), "{text}");
        }
    }

    #[test]
    fn schedulers_are_addressed_by_host_and_port() {
        assert_eq!(parse_scheduler("10.0.1.5:50050").as_deref(), Ok("http://10.0.1.5:50050"));
        assert_eq!(parse_scheduler("http://s:1/").as_deref(), Ok("http://s:1"));
        for text in ["", "host", ":50050", "host:port", "host:70000"] {
            assert!(parse_scheduler(text).is_err(), "{text}");
        }
    }
}
