//! Arrow arrays as the encoder reads them: resolved once a batch, then one plain value at a time.
//!
//! # Invariants
//! - Reading a value allocates nothing and casts nothing: units and scales travel with it.

use arrow::array::{
    Array, AsArray, BinaryArray, BinaryViewArray, BooleanArray, FixedSizeBinaryArray, LargeBinaryArray,
    LargeStringArray, StringArray, StringViewArray,
};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType,
    TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type, i256,
};

const MILLISECONDS_PER_DAY: i64 = 86_400_000;

/// What a count since 1970-01-01 means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clock {
    pub(crate) unit: TimeUnit,
    /// An instant, counted in UTC, rather than a wall-clock reading.
    pub(crate) zoned: bool,
}

/// One value that is not NULL.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Bool(bool),
    Int(i64),
    Unsigned(u64),
    Float4(f32),
    Float8(f64),
    /// The unscaled value and its scale.
    Decimal(i128, i8),
    Wide(&'a i256, i8),
    Text(&'a str),
    Bytes(&'a [u8]),
    /// Days since 1970-01-01.
    Date(i64),
    /// Since midnight.
    Time(i64, TimeUnit),
    /// Since 1970-01-01.
    Timestamp(i64, Clock),
}

/// The values of a column of one batch.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cells<'a> {
    Null,
    Bool(&'a BooleanArray),
    Int8(&'a [i8]),
    Int16(&'a [i16]),
    Int32(&'a [i32]),
    Int64(&'a [i64]),
    UInt8(&'a [u8]),
    UInt16(&'a [u16]),
    UInt32(&'a [u32]),
    UInt64(&'a [u64]),
    Float32(&'a [f32]),
    Float64(&'a [f64]),
    Decimal128(&'a [i128], i8),
    Decimal256(&'a [i256], i8),
    Utf8(&'a StringArray),
    LargeUtf8(&'a LargeStringArray),
    Utf8View(&'a StringViewArray),
    Binary(&'a BinaryArray),
    LargeBinary(&'a LargeBinaryArray),
    BinaryView(&'a BinaryViewArray),
    FixedSizeBinary(&'a FixedSizeBinaryArray),
    Date32(&'a [i32]),
    Date64(&'a [i64]),
    Time32(&'a [i32], TimeUnit),
    Time64(&'a [i64], TimeUnit),
    Timestamp(&'a [i64], Clock),
}

impl<'a> Cells<'a> {
    /// None for a type that [`Family::of`] does not know.
    pub(crate) fn of(array: &'a dyn Array) -> Option<Cells<'a>> {
        let cells = match array.data_type() {
            DataType::Null => Cells::Null,
            DataType::Boolean => Cells::Bool(array.as_boolean()),
            DataType::Int8 => Cells::Int8(array.as_primitive::<Int8Type>().values()),
            DataType::Int16 => Cells::Int16(array.as_primitive::<Int16Type>().values()),
            DataType::Int32 => Cells::Int32(array.as_primitive::<Int32Type>().values()),
            DataType::Int64 => Cells::Int64(array.as_primitive::<Int64Type>().values()),
            DataType::UInt8 => Cells::UInt8(array.as_primitive::<UInt8Type>().values()),
            DataType::UInt16 => Cells::UInt16(array.as_primitive::<UInt16Type>().values()),
            DataType::UInt32 => Cells::UInt32(array.as_primitive::<UInt32Type>().values()),
            DataType::UInt64 => Cells::UInt64(array.as_primitive::<UInt64Type>().values()),
            DataType::Float32 => Cells::Float32(array.as_primitive::<Float32Type>().values()),
            DataType::Float64 => Cells::Float64(array.as_primitive::<Float64Type>().values()),
            DataType::Decimal128(_, scale) => {
                Cells::Decimal128(array.as_primitive::<Decimal128Type>().values(), *scale)
            }
            DataType::Decimal256(_, scale) => {
                Cells::Decimal256(array.as_primitive::<Decimal256Type>().values(), *scale)
            }
            DataType::Utf8 => Cells::Utf8(array.as_string::<i32>()),
            DataType::LargeUtf8 => Cells::LargeUtf8(array.as_string::<i64>()),
            DataType::Utf8View => Cells::Utf8View(array.as_string_view()),
            DataType::Binary => Cells::Binary(array.as_binary::<i32>()),
            DataType::LargeBinary => Cells::LargeBinary(array.as_binary::<i64>()),
            DataType::BinaryView => Cells::BinaryView(array.as_binary_view()),
            DataType::FixedSizeBinary(_) => Cells::FixedSizeBinary(array.as_fixed_size_binary()),
            DataType::Date32 => Cells::Date32(array.as_primitive::<Date32Type>().values()),
            DataType::Date64 => Cells::Date64(array.as_primitive::<Date64Type>().values()),
            DataType::Time32(unit) => Cells::Time32(time32(array, *unit)?, *unit),
            DataType::Time64(unit) => Cells::Time64(time64(array, *unit)?, *unit),
            DataType::Timestamp(unit, zone) => {
                Cells::Timestamp(timestamps(array, *unit), Clock { unit: *unit, zoned: zone.is_some() })
            }
            _ => return None,
        };
        Some(cells)
    }

    /// The value of a row that is not NULL; None of a column without values.
    #[inline]
    pub(crate) fn value(&self, row: usize) -> Option<Value<'a>> {
        Some(match self {
            Cells::Null => return None,
            Cells::Bool(array) => Value::Bool(array.value(row)),
            Cells::Int8(values) => Value::Int(values[row].into()),
            Cells::Int16(values) => Value::Int(values[row].into()),
            Cells::Int32(values) => Value::Int(values[row].into()),
            Cells::Int64(values) => Value::Int(values[row]),
            Cells::UInt8(values) => Value::Int(values[row].into()),
            Cells::UInt16(values) => Value::Int(values[row].into()),
            Cells::UInt32(values) => Value::Int(values[row].into()),
            Cells::UInt64(values) => Value::Unsigned(values[row]),
            Cells::Float32(values) => Value::Float4(values[row]),
            Cells::Float64(values) => Value::Float8(values[row]),
            Cells::Decimal128(values, scale) => Value::Decimal(values[row], *scale),
            Cells::Decimal256(values, scale) => Value::Wide(&values[row], *scale),
            Cells::Utf8(array) => Value::Text(array.value(row)),
            Cells::LargeUtf8(array) => Value::Text(array.value(row)),
            Cells::Utf8View(array) => Value::Text(array.value(row)),
            Cells::Binary(array) => Value::Bytes(array.value(row)),
            Cells::LargeBinary(array) => Value::Bytes(array.value(row)),
            Cells::BinaryView(array) => Value::Bytes(array.value(row)),
            Cells::FixedSizeBinary(array) => Value::Bytes(array.value(row)),
            Cells::Date32(values) => Value::Date(values[row].into()),
            Cells::Date64(values) => Value::Date(values[row].div_euclid(MILLISECONDS_PER_DAY)),
            Cells::Time32(values, unit) => Value::Time(values[row].into(), *unit),
            Cells::Time64(values, unit) => Value::Time(values[row], *unit),
            Cells::Timestamp(values, clock) => Value::Timestamp(values[row], *clock),
        })
    }

    /// Whether the whole column is known to hold no NUL: one pass over its bytes, much quicker than one a value.
    pub(crate) fn is_free_of_nul(&self) -> bool {
        match self {
            Cells::Utf8(array) => {
                let offsets = array.value_offsets();
                is_free_of_nul(&array.values()[offsets[0] as usize..offsets[array.len()] as usize])
            }
            Cells::LargeUtf8(array) => {
                let offsets = array.value_offsets();
                is_free_of_nul(&array.values()[offsets[0] as usize..offsets[array.len()] as usize])
            }
            // Short values lie in views of their own, padded with zeros: each is looked at when it is written.
            Cells::Utf8View(_) | Cells::Null | Cells::Bool(_) | Cells::Int8(_) | Cells::Int16(_) => false,
            Cells::Int32(_) | Cells::Int64(_) | Cells::UInt8(_) | Cells::UInt16(_) | Cells::UInt32(_) => false,
            Cells::UInt64(_) | Cells::Float32(_) | Cells::Float64(_) => false,
            Cells::Decimal128(_, _) | Cells::Decimal256(_, _) | Cells::Date32(_) | Cells::Date64(_) => false,
            Cells::Binary(_) | Cells::LargeBinary(_) | Cells::BinaryView(_) | Cells::FixedSizeBinary(_) => false,
            Cells::Time32(_, _) | Cells::Time64(_, _) | Cells::Timestamp(_, _) => false,
        }
    }

    /// Bytes that the values of this column take in COPY, about; enough to reserve room by.
    pub(crate) fn bytes_estimate(&self, rows: usize) -> usize {
        /// A length and a value of eight bytes or a usual numeric.
        const FIXED: usize = 4 + 16;
        let variable = match self {
            // Of a slice, its own bytes alone.
            Cells::Utf8(array) => array.offsets().lengths().sum(),
            Cells::LargeUtf8(array) => array.offsets().lengths().sum(),
            Cells::Binary(array) => array.offsets().lengths().sum(),
            Cells::LargeBinary(array) => array.offsets().lengths().sum(),
            Cells::Utf8View(array) => array.total_buffer_bytes_used(),
            Cells::BinaryView(array) => array.total_buffer_bytes_used(),
            Cells::FixedSizeBinary(array) => array.value_length().unsigned_abs() as usize * rows,
            Cells::Null | Cells::Bool(_) | Cells::Int8(_) | Cells::Int16(_) | Cells::Int32(_) => 0,
            Cells::Int64(_) | Cells::UInt8(_) | Cells::UInt16(_) | Cells::UInt32(_) | Cells::UInt64(_) => 0,
            Cells::Float32(_) | Cells::Float64(_) | Cells::Decimal128(_, _) | Cells::Decimal256(_, _) => 0,
            Cells::Date32(_) | Cells::Date64(_) | Cells::Time32(_, _) | Cells::Time64(_, _) => 0,
            Cells::Timestamp(_, _) => 0,
        };
        rows * FIXED + variable
    }
}

/// No early return inside a block, so that the compiler compares many bytes at once.
fn is_free_of_nul(bytes: &[u8]) -> bool {
    const BLOCK: usize = 4096;
    bytes.chunks(BLOCK).all(|block| !block.iter().fold(false, |found, byte| found | (*byte == 0)))
}

fn time32(array: &dyn Array, unit: TimeUnit) -> Option<&[i32]> {
    match unit {
        TimeUnit::Second => Some(array.as_primitive::<Time32SecondType>().values()),
        TimeUnit::Millisecond => Some(array.as_primitive::<Time32MillisecondType>().values()),
        TimeUnit::Microsecond | TimeUnit::Nanosecond => None,
    }
}

fn time64(array: &dyn Array, unit: TimeUnit) -> Option<&[i64]> {
    match unit {
        TimeUnit::Microsecond => Some(array.as_primitive::<Time64MicrosecondType>().values()),
        TimeUnit::Nanosecond => Some(array.as_primitive::<Time64NanosecondType>().values()),
        TimeUnit::Second | TimeUnit::Millisecond => None,
    }
}

fn timestamps(array: &dyn Array, unit: TimeUnit) -> &[i64] {
    match unit {
        TimeUnit::Second => array.as_primitive::<TimestampSecondType>().values(),
        TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().values(),
        TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().values(),
        TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().values(),
    }
}

/// Arrow types that convert alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Null,
    Bool,
    Int,
    Float,
    Decimal,
    Text,
    Bytes,
    Date,
    Time,
    Timestamp,
}

impl Family {
    /// None for a type that change files don't have.
    pub(crate) fn of(data_type: &DataType) -> Option<Family> {
        Some(match data_type {
            DataType::Null => Family::Null,
            DataType::Boolean => Family::Bool,
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => Family::Int,
            DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => Family::Int,
            DataType::Float32 | DataType::Float64 => Family::Float,
            DataType::Decimal128(_, _) | DataType::Decimal256(_, _) => Family::Decimal,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Family::Text,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Family::Bytes,
            DataType::FixedSizeBinary(_) => Family::Bytes,
            DataType::Date32 | DataType::Date64 => Family::Date,
            DataType::Time32(_) | DataType::Time64(_) => Family::Time,
            DataType::Timestamp(_, _) => Family::Timestamp,
            _ => return None,
        })
    }
}
