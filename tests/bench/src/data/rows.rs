//! The values of the changes: fifteen columns of mixed types, as AWS DMS would write a table of transactions.
//!
//! A delete carries its key and nothing else.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Decimal128Builder, Float64Builder, Int32Builder, Int64Builder, RecordBatch,
    StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::DataSpec;
use super::plan::Op;

const STATUSES: [&str; 6] = ["new", "authorised", "captured", "settled", "refunded", "charged_back"];
const CITIES: [&str; 16] = [
    "Lisbon", "Porto", "Madrid", "Sevilla", "Lyon", "Nantes", "Gent", "Utrecht", "Bremen", "Graz", "Brno", "Gdynia",
    "Tartu", "Malmö", "Bergen", "Tampere",
];
const FIRST_NAMES: [&str; 20] = [
    "Ana", "Bruno", "Carla", "Duarte", "Elsa", "Filip", "Greta", "Hugo", "Ines", "Jonas", "Karin", "Lukas", "Marta",
    "Nils", "Olga", "Pavel", "Rita", "Sven", "Tereza", "Uwe",
];
const LAST_NAMES: [&str; 20] = [
    "Almeida", "Berg", "Costa", "Dvorak", "Eriksen", "Ferreira", "Graf", "Horvat", "Ivanova", "Jansen", "Kowalska",
    "Lund", "Moreau", "Novak", "Oliveira", "Petrov", "Rossi", "Santos", "Tamm", "Virtanen",
];
/// 2024-01-01T00:00:00Z in microseconds since the epoch.
const YEAR_START_MICROS: i64 = 1_704_067_200_000_000;
/// Microseconds between two changes: 25,000 changes take the 30 s between two files.
const CHANGE_MICROS: i64 = 1_200;

/// The schema of a change file.
pub fn schema() -> SchemaRef {
    let timestamp = DataType::Timestamp(TimeUnit::Microsecond, None);
    Arc::new(Schema::new(vec![
        Field::new("Op", DataType::Utf8, true),
        Field::new("id", DataType::Int64, true),
        Field::new("customer_id", DataType::Int64, true),
        Field::new("status", DataType::Utf8, true),
        Field::new("store_id", DataType::Int32, true),
        Field::new("amount", DataType::Decimal128(18, 2), true),
        Field::new("rate", DataType::Float64, true),
        Field::new("created_at", timestamp.clone(), true),
        Field::new("updated_at", timestamp, true),
        Field::new("name", DataType::Utf8, true),
        Field::new("email", DataType::Utf8, true),
        Field::new("city", DataType::Utf8, true),
        Field::new("token", DataType::Utf8, true),
        Field::new("active", DataType::Boolean, true),
        Field::new("score", DataType::Int32, true),
    ]))
}

/// Draws the values of one file.
#[derive(Debug)]
pub struct Values {
    random: SmallRng,
}

impl Values {
    pub fn new(spec: DataSpec, file: u32) -> Self {
        // Another stream than the planner's, one a file.
        let seed = spec.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (u64::from(file) + 1);
        Self { random: SmallRng::seed_from_u64(seed) }
    }

    /// The rows of consecutive changes, the first of which is `first_change` in the whole history.
    pub fn batch(&mut self, first_change: u64, changes: &[(i64, Op)]) -> Result<RecordBatch, ArrowError> {
        let mut columns = Columns::default();
        for (offset, (id, op)) in changes.iter().enumerate() {
            columns.op.append_value(op.letter());
            columns.id.append_value(*id);
            match op {
                Op::Insert | Op::Update => columns.append_row(&mut self.random, *id, first_change + offset as u64),
                Op::Delete => columns.append_nulls(),
            }
        }
        RecordBatch::try_new(schema(), columns.finish()?)
    }
}

#[derive(Default)]
struct Columns {
    op: StringBuilder,
    id: Int64Builder,
    customer_id: Int64Builder,
    status: StringBuilder,
    store_id: Int32Builder,
    amount: Decimal128Builder,
    rate: Float64Builder,
    created_at: TimestampMicrosecondBuilder,
    updated_at: TimestampMicrosecondBuilder,
    name: StringBuilder,
    email: StringBuilder,
    city: StringBuilder,
    token: StringBuilder,
    active: BooleanBuilder,
    score: Int32Builder,
}

impl Columns {
    fn append_row(&mut self, random: &mut SmallRng, id: i64, change: u64) {
        let first = FIRST_NAMES[random.random_range(0..FIRST_NAMES.len())];
        let last = LAST_NAMES[random.random_range(0..LAST_NAMES.len())];
        let city = CITIES[random.random_range(0..CITIES.len())];
        self.customer_id.append_value(random.random_range(1..=8_000));
        self.status.append_value(STATUSES[random.random_range(0..STATUSES.len())]);
        self.store_id.append_value(random.random_range(1..=500));
        self.amount.append_value(random.random_range(1..10_000_000));
        self.rate.append_value(f64::from(random.random_range(1..8_000_u32)) / 1_000.0);
        // A key keeps the time it was created at, to the second.
        self.created_at.append_value(YEAR_START_MICROS - 86_400_000_000 + id % 86_400 * 1_000_000);
        // Two changes a transaction: commit times tie, as they do in life.
        self.updated_at.append_value(YEAR_START_MICROS + (change / 2 * 2) as i64 * CHANGE_MICROS);
        self.name.append_value(format!("{first} {last}"));
        self.email.append_value(format!("{first}.{last}@example.com"));
        self.city.append_value(city);
        let token: u64 = random.random();
        self.token.append_value(format!("{:08x}-{:04x}-{:04x}", token >> 32, token >> 16 & 0xffff, token & 0xffff));
        self.active.append_value(!token.is_multiple_of(10));
        self.score.append_value(random.random_range(0..=100));
    }

    fn append_nulls(&mut self) {
        self.customer_id.append_null();
        self.status.append_null();
        self.store_id.append_null();
        self.amount.append_null();
        self.rate.append_null();
        self.created_at.append_null();
        self.updated_at.append_null();
        self.name.append_null();
        self.email.append_null();
        self.city.append_null();
        self.token.append_null();
        self.active.append_null();
        self.score.append_null();
    }

    fn finish(mut self) -> Result<Vec<ArrayRef>, ArrowError> {
        Ok(vec![
            Arc::new(self.op.finish()),
            Arc::new(self.id.finish()),
            Arc::new(self.customer_id.finish()),
            Arc::new(self.status.finish()),
            Arc::new(self.store_id.finish()),
            Arc::new(self.amount.finish().with_precision_and_scale(18, 2)?),
            Arc::new(self.rate.finish()),
            Arc::new(self.created_at.finish()),
            Arc::new(self.updated_at.finish()),
            Arc::new(self.name.finish()),
            Arc::new(self.email.finish()),
            Arc::new(self.city.finish()),
            Arc::new(self.token.finish()),
            Arc::new(self.active.finish()),
            Arc::new(self.score.finish()),
        ])
    }
}
