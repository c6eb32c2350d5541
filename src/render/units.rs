//! Numbers with their units, as people read them.

/// `12345` as `12,345`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size in the unit that fits it: `1.2 MB`.
pub(super) fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KB", "MB", "GB", "TB"];
    let mut size = number as f64;
    let mut unit = 0;
    while size >= 1_000.0 && unit + 1 < UNITS.len() {
        size /= 1_000.0;
        unit += 1;
    }
    if unit == 0 { format!("{number} B") } else { format!("{size:.1} {}", UNITS[unit]) }
}

/// Seconds with two places.
pub(super) fn seconds(seconds: f64) -> String {
    format!("{seconds:.2}")
}

/// An RFC 3339 instant of UTC to the second, or a dash.
pub(super) fn instant(stored: Option<&str>) -> String {
    match stored {
        Some(stored) => stored.get(..19).unwrap_or(stored).replacen('T', " ", 1),
        None => "-".to_owned(),
    }
}

/// `1 file`, `2 files`.
pub(super) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_sizes_have_units() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0, 999, 1_220_000, 3_000_000_000].map(bytes), ["0 B", "999 B", "1.2 MB", "3.0 GB"]);
        assert_eq!(instant(Some("2026-11-22T10:00:00.000123Z")), "2026-11-22 10:00:00");
        assert_eq!(counted(1, "file"), "1 file");
    }
}
