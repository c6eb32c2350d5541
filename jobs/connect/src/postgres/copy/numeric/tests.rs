//! Decimals to base-10,000 digits, with the bytes stated.

use bytes::BytesMut;

use super::*;

const UNLIMITED: NumericCheck = NumericCheck { limit: None, step: 1, end: u128::MAX };

/// The field of a numeric, assembled from its parts.
fn field(weight: i16, sign: u16, display_scale: u16, digits: &[i16]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend((8 + 2 * digits.len() as i32).to_be_bytes());
    bytes.extend((digits.len() as i16).to_be_bytes());
    bytes.extend(weight.to_be_bytes());
    bytes.extend(sign.to_be_bytes());
    bytes.extend(display_scale.to_be_bytes());
    bytes.extend(digits.iter().flat_map(|digit| digit.to_be_bytes()));
    bytes
}

fn scaled(value: i128, scale: u8, check: &NumericCheck, fit: Fit) -> Result<Vec<u8>, Misfit> {
    let mut out = BytesMut::new();
    put_scaled(value < 0, value.unsigned_abs(), scale, check, fit, &mut out)?;
    Ok(out.to_vec())
}

fn text(text: &str, check: &NumericCheck, fit: Fit) -> Result<Vec<u8>, Misfit> {
    let mut out = BytesMut::new();
    put_text(text, check, fit, &mut out)?;
    Ok(out.to_vec())
}

#[test]
fn unscaled_values_become_groups_of_four_digits_around_the_point() {
    let nines = 10i128.pow(38) - 1;
    let cases = [
        (0, 0, field(0, 0, 0, &[])),
        (0, 2, field(0, 0, 2, &[])),
        (7, 0, field(0, 0, 0, &[7])),
        (9_999, 0, field(0, 0, 0, &[9_999])),
        (10_000, 0, field(1, 0, 0, &[1])),
        (10_001, 0, field(1, 0, 0, &[1, 1])),
        (12_345_678, 3, field(1, 0, 3, &[1, 2_345, 6_780])),
        (-12_345_678, 3, field(1, 0x4000, 3, &[1, 2_345, 6_780])),
        (5, 1, field(-1, 0, 1, &[5_000])),
        (5, 4, field(-1, 0, 4, &[5])),
        (5, 5, field(-2, 0, 5, &[5_000])),
        (-1, 28, field(-7, 0x4000, 28, &[1])),
        (1, 38, field(-10, 0, 38, &[100])),
        (100_000_000, 4, field(1, 0, 4, &[1])),
        (nines, 0, field(9, 0, 0, &[99, 9_999, 9_999, 9_999, 9_999, 9_999, 9_999, 9_999, 9_999, 9_999])),
        (nines, 1, field(9, 0, 1, &[9, 9_999, 9_999, 9_999, 9_999, 9_999, 9_999, 9_999, 9_999, 9_999, 9_000])),
        (nines, 38, field(-1, 0, 38, &[9_999, 9_999, 9_999, 9_999, 9_999, 9_999, 9_999, 9_999, 9_999, 9_900])),
        (i128::MIN, 0, field(9, 0x4000, 0, &[170, 1_411, 8_346, 469, 2_317, 3_168, 7_303, 7_158, 8_410, 5_728])),
    ];
    for (value, scale, expected) in cases {
        assert_eq!(scaled(value, scale, &UNLIMITED, Fit::Exact), Ok(expected), "{value} of scale {scale}");
    }
}

#[test]
fn texts_become_groups_of_four_digits_around_the_point() {
    let cases = [
        ("0", field(0, 0, 0, &[])),
        ("-0.00", field(0, 0, 2, &[])),
        ("12345.678", field(1, 0, 3, &[1, 2_345, 6_780])),
        (" +00012345.6780 ", field(1, 0, 4, &[1, 2_345, 6_780])),
        (".5", field(-1, 0, 1, &[5_000])),
        ("5.", field(0, 0, 0, &[5])),
        ("1.5e3", field(0, 0, 0, &[1_500])),
        ("1e8", field(2, 0, 0, &[1])),
        ("-1E-28", field(-7, 0x4000, 28, &[1])),
        ("NaN", field(0, 0xC000, 0, &[])),
        ("infinity", field(0, 0xD000, 0, &[])),
        ("-Inf", field(0, 0xF000, 0, &[])),
    ];
    for (written, expected) in cases {
        assert_eq!(text(written, &UNLIMITED, Fit::Exact), Ok(expected), "{written}");
    }
    for written in ["", "-", ".", "1.2.3", "1e", "e5", "0x10", "1_000", "--1", "1 2", "+NaN", "１"] {
        assert_eq!(text(written, &UNLIMITED, Fit::Exact), Err(Misfit::Malformed { what: "a number" }), "{written}");
    }
}

#[test]
fn numbers_past_every_limit_of_postgres_are_refused() {
    let long = "9".repeat(131_073);
    assert_eq!(text(&long, &UNLIMITED, Fit::Exact), Err(Misfit::OutOfRange { of: "numeric" }));
    assert!(text(&long[1..], &UNLIMITED, Fit::Exact).is_ok());
    assert_eq!(text("1e131072", &UNLIMITED, Fit::Exact), Err(Misfit::OutOfRange { of: "numeric" }));
    assert_eq!(text("1e99999999999999999999", &UNLIMITED, Fit::Exact), Err(Misfit::OutOfRange { of: "numeric" }));
    assert_eq!(text("1e-16384", &UNLIMITED, Fit::Exact), Err(Misfit::TooFine { digits: 16_383 }));
    assert_eq!(text("1e-99999999999999999999", &UNLIMITED, Fit::Nearest), Ok(field(0, 0, 16_383, &[])));
}

#[test]
fn a_value_that_the_column_would_round_is_refused() {
    let money = NumericCheck::new(Some(5), Some(2), 4);
    assert_eq!(
        scaled(12_345_600, 4, &NumericCheck::new(Some(6), Some(2), 4), Fit::Exact),
        scaled(12_345_600, 4, &UNLIMITED, Fit::Exact)
    );
    assert_eq!(scaled(1_234_567, 4, &money, Fit::Exact), Err(Misfit::TooFine { digits: 2 }));
    // Half away from zero: 123.455 is 123.46, and -123.455 is -123.46.
    assert_eq!(scaled(1_234_550, 4, &money, Fit::Nearest), Ok(field(0, 0, 4, &[123, 4_600])));
    assert_eq!(scaled(-1_234_550, 4, &money, Fit::Nearest), Ok(field(0, 0x4000, 4, &[123, 4_600])));
    assert_eq!(scaled(1_234_549, 4, &money, Fit::Nearest), Ok(field(0, 0, 4, &[123, 4_500])));
    let money = NumericCheck::new(Some(5), Some(2), 0);
    assert_eq!(text("123.450000", &money, Fit::Exact), Ok(field(0, 0, 6, &[123, 4_500])));
    assert_eq!(text("123.455", &money, Fit::Exact), Err(Misfit::TooFine { digits: 2 }));
    assert_eq!(text("-123.455", &money, Fit::Nearest), Ok(field(0, 0x4000, 2, &[123, 4_600])));
    assert_eq!(text("99.995", &money, Fit::Nearest), Ok(field(0, 0, 2, &[100])));
    assert_eq!(text("0.004", &money, Fit::Nearest), Ok(field(0, 0, 2, &[])));
    assert_eq!(text("0.005", &money, Fit::Nearest), Ok(field(-1, 0, 2, &[100])));
    assert_eq!(text("0.0005", &money, Fit::Nearest), Ok(field(0, 0, 2, &[])));
}

#[test]
fn a_value_with_too_many_digits_is_refused_or_becomes_the_limit() {
    let too_large = Err(Misfit::TooLarge { precision: 5, scale: 2 });
    let largest = |sign| Ok(field(0, sign, 2, &[999, 9_900]));
    for (value, scale) in [(1_000, 0), (100_000, 2), (10i128.pow(37), 28)] {
        let check = NumericCheck::new(Some(5), Some(2), scale as i8);
        assert_eq!(scaled(value, scale, &check, Fit::Exact), too_large, "{value} of scale {scale}");
        assert_eq!(scaled(-value, scale, &check, Fit::Nearest), largest(0x4000), "{value} of scale {scale}");
    }
    let check = NumericCheck::new(Some(5), Some(2), 0);
    assert_eq!(scaled(999, 0, &check, Fit::Exact), Ok(field(0, 0, 0, &[999])));
    for written in ["1000", "1e3", "infinity", "99999999999999999999999999999999999999999999"] {
        assert_eq!(text(written, &check, Fit::Exact), too_large, "{written}");
        assert_eq!(text(written, &check, Fit::Nearest), largest(0), "{written}");
    }
    assert_eq!(text("999.995", &check, Fit::Nearest), largest(0), "rounding makes it too large");
    assert_eq!(text("NaN", &check, Fit::Exact), Ok(field(0, 0xC000, 0, &[])));
}

#[test]
fn limits_hold_for_negative_scales_and_for_scales_past_the_precision() {
    let hundreds = NumericCheck::new(Some(3), Some(-2), 0);
    assert_eq!(scaled(99_900, 0, &hundreds, Fit::Exact), Ok(field(1, 0, 0, &[9, 9_900])));
    assert_eq!(scaled(99_950, 0, &hundreds, Fit::Exact), Err(Misfit::TooFine { digits: -2 }));
    assert_eq!(scaled(100_000, 0, &hundreds, Fit::Exact), Err(Misfit::TooLarge { precision: 3, scale: -2 }));
    assert_eq!(text("1250", &hundreds, Fit::Nearest), Ok(field(0, 0, 0, &[1_300])));
    let tiny = NumericCheck::new(Some(2), Some(4), 4);
    assert_eq!(scaled(99, 4, &tiny, Fit::Exact), Ok(field(-1, 0, 4, &[99])));
    assert_eq!(scaled(100, 4, &tiny, Fit::Exact), Err(Misfit::TooLarge { precision: 2, scale: 4 }));
    let whole = NumericCheck::new(Some(38), Some(-2), 38);
    assert_eq!(scaled(1, 38, &whole, Fit::Exact), Err(Misfit::TooFine { digits: -2 }));
    assert_eq!(scaled(i128::MAX, 38, &whole, Fit::Nearest), Ok(field(0, 0, 38, &[])));
}
