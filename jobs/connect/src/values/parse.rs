//! Texts of change files as booleans, UUIDs and bytes, in the spellings that Postgres takes.

const UUID_BYTES: usize = 16;

/// `true`, `t`, `yes`, `y`, `on`, `1` and their opposites, in any case.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    let text = text.trim_ascii();
    let is = |word: &&str| text.eq_ignore_ascii_case(word);
    if ["true", "t", "yes", "y", "on", "1"].iter().any(is) {
        return Some(true);
    }
    ["false", "f", "no", "n", "off", "0"].iter().any(is).then_some(false)
}

/// 32 hexadecimal digits in any case, hyphens between groups of four, in braces or not.
pub(crate) fn parse_uuid(text: &str) -> Option<[u8; UUID_BYTES]> {
    let bytes = text.trim_ascii().as_bytes();
    let bytes = match bytes {
        [b'{', inner @ .., b'}'] => inner,
        [..] => bytes,
    };
    let mut uuid = [0; UUID_BYTES];
    let mut rest = bytes;
    for (index, byte) in uuid.iter_mut().enumerate() {
        if let ([b'-', after @ ..], true) = (rest, index > 0 && index % 2 == 0) {
            rest = after;
        }
        let [high, low, after @ ..] = rest else { return None };
        *byte = hexadecimal_digit(*high)? << 4 | hexadecimal_digit(*low)?;
        rest = after;
    }
    rest.is_empty().then_some(uuid)
}

/// The bytes of a `\x…`; none when it isn't one.
pub(crate) fn hexadecimal_bytes(text: &str) -> Option<impl ExactSizeIterator<Item = u8>> {
    let digits = text.as_bytes().strip_prefix(b"\\x")?;
    if !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let byte = |pair: &[u8]| pair.iter().fold(0, |byte, digit| byte << 4 | hexadecimal_digit(*digit).unwrap_or(0));
    Some(digits.chunks_exact(2).map(byte))
}

fn hexadecimal_digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_are_read_in_every_spelling() {
        for text in ["true", "T", "Yes", "y", "ON", " 1 "] {
            assert_eq!(parse_bool(text), Some(true), "{text}");
        }
        for text in ["false", "F", "No", "n", "OFF", "0"] {
            assert_eq!(parse_bool(text), Some(false), "{text}");
        }
        for text in ["", "2", "tru", "yess"] {
            assert_eq!(parse_bool(text), None, "{text}");
        }
    }

    #[test]
    fn uuids_are_read_in_every_spelling() {
        let expected = [0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF];
        for text in [
            "00112233-4455-6677-8899-aabbccddeeff",
            "{00112233-4455-6677-8899-AABBCCDDEEFF}",
            "00112233445566778899aabbccddeeff",
            "0011-2233-4455-6677-8899-aabb-ccdd-eeff",
        ] {
            assert_eq!(parse_uuid(text), Some(expected), "{text}");
        }
        for text in ["", "00112233-4455-6677-8899-aabbccddeef", "001-12233-4455-6677-8899-aabbccddeeff", "é"] {
            assert_eq!(parse_uuid(text), None, "{text}");
        }
        assert_eq!(parse_uuid("-00112233-4455-6677-8899-aabbccddeeff"), None);
        assert_eq!(parse_uuid("00112233-4455-6677-8899-aabbccddeeff-"), None);
    }

    #[test]
    fn bytes_are_read_from_hexadecimal_digits() {
        let bytes = hexadecimal_bytes("\\x00fF10").map(Iterator::collect::<Vec<u8>>);
        assert_eq!(bytes, Some(vec![0x00, 0xFF, 0x10]));
        for text in ["", "00ff", "\\x0", "\\x0g"] {
            assert!(hexadecimal_bytes(text).is_none(), "{text}");
        }
    }
}
