//! What each table of types says, held against what FACTS of the databases say.

use std::collections::BTreeMap;

use super::{
    ChosenBy, KnownLoss, MappedColumn, MappingError, MappingRules, ReadAs, Relation, Route, TargetEngine, TargetType,
    map_column, relate_types,
};
use crate::source::{
    Builtin, Generated, MySqlType, NumericModifiers, PostgresType, Signedness, SourceColumn, SourceType, TextSize,
};

fn column(source_type: SourceType) -> SourceColumn {
    SourceColumn {
        name: "c".to_owned(),
        source_type,
        spelling: "as spelled".to_owned(),
        nullable: true,
        default: None,
        generated: Generated::No,
        comment: None,
        collation: None,
    }
}

fn rules(engine: TargetEngine, route: Route) -> MappingRules {
    MappingRules { engine, route, overrides: BTreeMap::new(), lob_slices: BTreeMap::new() }
}

fn map_postgres(from: &PostgresType, engine: TargetEngine, route: Route) -> MappedColumn {
    map_column(&column(SourceType::Postgres(from.clone())), &rules(engine, route)).unwrap()
}

fn map_mysql(from: &MySqlType, engine: TargetEngine) -> MappedColumn {
    map_column(&column(SourceType::MySql(from.clone())), &rules(engine, Route::Direct)).unwrap()
}

fn numeric(precision: u16, scale: i16) -> PostgresType {
    PostgresType::Numeric { modifiers: Some(NumericModifiers { precision, scale }) }
}

/// One of each type of Postgres.
fn postgres_types() -> Vec<PostgresType> {
    let name = || "s.t".parse().unwrap();
    let mut types = vec![
        PostgresType::Boolean,
        PostgresType::SmallInt,
        PostgresType::Integer,
        PostgresType::BigInt,
        PostgresType::Real,
        PostgresType::DoublePrecision,
        numeric(18, 4),
        numeric(60, 5),
        PostgresType::Numeric { modifiers: None },
        PostgresType::Money,
        PostgresType::Text,
        PostgresType::Varchar { length: Some(20) },
        PostgresType::Varchar { length: None },
        PostgresType::Char { length: 3 },
        PostgresType::Bytea,
        PostgresType::Uuid,
        PostgresType::Json,
        PostgresType::Jsonb,
        PostgresType::Date,
        PostgresType::Time { precision: Some(3) },
        PostgresType::TimeTz { precision: None },
        PostgresType::Timestamp { precision: Some(0) },
        PostgresType::TimestampTz { precision: None },
        PostgresType::Interval,
        PostgresType::Bit { length: 7 },
        PostgresType::BitVarying { length: None },
        PostgresType::Enum { name: name(), labels: vec!["a".to_owned()] },
        PostgresType::Domain { name: name(), base: Box::new(PostgresType::Integer) },
        PostgresType::Array { element: Box::new(PostgresType::Integer) },
        PostgresType::Composite { name: name() },
        PostgresType::Other { name: name() },
    ];
    types.extend(Builtin::ALL.map(|(builtin, _)| PostgresType::Builtin(builtin)));
    types
}

#[test]
fn postgres_to_redshift_follows_redshifts_rules() {
    let cases = [
        (numeric(18, 4), "numeric(18,4)"),
        (numeric(38, 37), "numeric(38,37)"),
        // Redshift has no more digits, nor more decimals.
        (numeric(39, 0), "character varying(42)"),
        (numeric(38, 38), "character varying(41)"),
        (numeric(3, -2), "numeric(5,0)"),
        (numeric(2, 5), "numeric(5,5)"),
        (PostgresType::Money, "numeric(19,4)"),
        (PostgresType::Varchar { length: Some(20) }, "character varying(80)"),
        (PostgresType::Varchar { length: Some(16_383) }, "character varying(65532)"),
        (PostgresType::Varchar { length: Some(16_384) }, "character varying(65535)"),
        (PostgresType::Text, "character varying(65535)"),
        (PostgresType::Char { length: 3 }, "character varying(12)"),
        (PostgresType::Uuid, "character varying(36)"),
        (PostgresType::Jsonb, "super"),
        (PostgresType::Bytea, "binary varying(1024000)"),
        (PostgresType::Timestamp { precision: Some(3) }, "timestamp without time zone"),
        (PostgresType::TimestampTz { precision: None }, "timestamp with time zone"),
        (PostgresType::Time { precision: None }, "character varying(15)"),
        (PostgresType::Array { element: Box::new(PostgresType::Integer) }, "character varying(65535)"),
    ];
    for (from, expected) in cases {
        let mapped = map_postgres(&from, TargetEngine::Redshift, Route::Direct);
        assert_eq!(mapped.spelling, expected, "{from:?}");
    }
}

#[test]
fn a_varchar_that_fits_loses_nothing_and_one_that_may_not_says_so() {
    let losses = |from: &PostgresType| map_postgres(from, TargetEngine::Redshift, Route::Direct).losses;
    assert_eq!(losses(&PostgresType::Varchar { length: Some(16_383) }), []);
    let bytes = |characters| [KnownLoss::VarcharBytes { characters, bytes: 65_535 }];
    assert_eq!(losses(&PostgresType::Varchar { length: Some(16_384) }), bytes(Some(16_384)));
    assert_eq!(losses(&PostgresType::Text), bytes(None));
}

#[test]
fn a_numeric_without_precision_is_squeezed_by_dms_alone_or_by_redshift() {
    let bare = PostgresType::Numeric { modifiers: None };
    let squeezed = |precision, scale| KnownLoss::NumericWithoutPrecision { precision, scale };
    let by_dms = map_postgres(&bare, TargetEngine::Postgres, Route::Dms);
    assert_eq!((by_dms.spelling.as_str(), by_dms.losses), ("numeric", vec![squeezed(28, 6)]));
    let direct = map_postgres(&bare, TargetEngine::Postgres, Route::Direct);
    assert_eq!((direct.spelling.as_str(), direct.losses), ("numeric", vec![]));
    let redshift = map_postgres(&bare, TargetEngine::Redshift, Route::Dms);
    assert_eq!(redshift.losses, [squeezed(28, 6), KnownLoss::NanRefused]);
    assert_eq!(redshift.spelling, "numeric(28,6)");
    let redshift = map_postgres(&bare, TargetEngine::Redshift, Route::Direct);
    assert_eq!((redshift.spelling.as_str(), &redshift.losses[0]), ("numeric(38,10)", &squeezed(38, 10)));
}

#[test]
fn dms_cuts_lobs_at_the_slice_that_is_configured() {
    let mut rules = rules(TargetEngine::Postgres, Route::Dms);
    let text = column(SourceType::Postgres(PostgresType::Text));
    assert_eq!(map_column(&text, &rules).unwrap().losses, [KnownLoss::LobCut { characters: None }]);
    rules.lob_slices.insert("c".to_owned(), 63_000);
    let cut = KnownLoss::LobCut { characters: Some(63_000) };
    assert_eq!(map_column(&text, &rules).unwrap().losses, std::slice::from_ref(&cut));
    assert!(cut.sentence().contains("63000"), "{cut}");
}

#[test]
fn dms_clips_infinity_and_the_direct_route_does_not() {
    let from = PostgresType::TimestampTz { precision: None };
    assert_eq!(map_postgres(&from, TargetEngine::Postgres, Route::Dms).losses, [KnownLoss::InfinityClipped]);
    assert_eq!(map_postgres(&from, TargetEngine::Postgres, Route::Direct).losses, []);
    // Redshift has none either, so it is told once.
    assert_eq!(map_postgres(&from, TargetEngine::Redshift, Route::Dms).losses, [KnownLoss::InfinityClipped]);
}

#[test]
fn mysql_numbers_keep_every_value_of_their_sign() {
    let unsigned = Signedness::Unsigned;
    let cases = [
        (MySqlType::TinyInt { sign: Signedness::Signed, width: Some(1) }, "smallint", "smallint", "INTEGER"),
        (MySqlType::TinyInt { sign: unsigned, width: None }, "smallint", "smallint", "INTEGER"),
        (MySqlType::SmallInt { sign: unsigned }, "integer", "integer", "INTEGER"),
        (MySqlType::Int { sign: unsigned }, "bigint", "bigint", "INTEGER"),
        (MySqlType::BigInt { sign: unsigned }, "numeric(20,0)", "numeric(20,0)", "TEXT"),
        (
            MySqlType::Decimal { precision: 65, scale: 30, sign: Signedness::Signed },
            "numeric(65,30)",
            "character varying(68)",
            "TEXT",
        ),
        (MySqlType::Bit { length: 1 }, "boolean", "boolean", "BOOLEAN"),
        (MySqlType::Bit { length: 9 }, "bytea", "binary varying(2)", "BLOB"),
        (MySqlType::Year, "smallint", "smallint", "INTEGER"),
        (MySqlType::Text(TextSize::Normal), "text", "character varying(65535)", "TEXT"),
        (MySqlType::VarBinary { length: 0 }, "bytea", "binary varying(1)", "BLOB"),
        (MySqlType::Time { precision: 0 }, "time(0) without time zone", "character varying(17)", "TEXT"),
        (MySqlType::Json, "json", "super", "TEXT"),
        (MySqlType::Char { length: 0 }, "character varying(1)", "character varying(4)", "TEXT"),
    ];
    for (from, postgres, redshift, sqlite) in cases {
        assert_eq!(map_mysql(&from, TargetEngine::Postgres).spelling, postgres, "{from:?}");
        assert_eq!(map_mysql(&from, TargetEngine::Redshift).spelling, redshift, "{from:?}");
        assert_eq!(map_mysql(&from, TargetEngine::Sqlite).spelling, sqlite, "{from:?}");
    }
}

#[test]
fn every_mapped_type_reads_back_as_itself() {
    for engine in [TargetEngine::Postgres, TargetEngine::Redshift, TargetEngine::Sqlite] {
        for route in [Route::Dms, Route::Direct] {
            for from in postgres_types() {
                let mapped = map_postgres(&from, engine, route);
                let parsed = TargetType::parse(engine, &mapped.spelling).expect("we know what we spell");
                let relation = relate_types(&parsed, &mapped.target_type);
                assert_eq!(relation, Relation::Same, "{engine}: {from:?} {}", mapped.spelling);
                assert!(mapped.losses.iter().all(|loss| !loss.sentence().is_empty()), "{:?}", mapped.losses);
            }
        }
    }
}

#[test]
fn every_type_of_mysql_has_a_place_everywhere_and_reads_back_as_itself() {
    let texts = [
        "tinyint(1)",
        "tinyint unsigned",
        "smallint unsigned",
        "mediumint",
        "mediumint unsigned",
        "int",
        "int unsigned",
        "bigint",
        "bigint unsigned",
        "decimal(38,37)",
        "decimal(65,30) unsigned",
        "float",
        "double unsigned",
        "bit(1)",
        "bit(64)",
        "char(255)",
        "varchar(16383)",
        "varchar(16384)",
        "tinytext",
        "text",
        "mediumtext",
        "longtext",
        "binary(255)",
        "varbinary(65535)",
        "tinyblob",
        "blob",
        "longblob",
        "date",
        "time",
        "time(6)",
        "datetime",
        "datetime(6)",
        "timestamp(3)",
        "year",
        "enum('a')",
        "set('a','b')",
        "json",
        "uuid",
        "inet4",
        "inet6",
        "geometry",
    ];
    for engine in [TargetEngine::Postgres, TargetEngine::Redshift, TargetEngine::Sqlite] {
        for text in texts {
            let mapped = map_mysql(&text.parse().unwrap(), engine);
            let parsed = TargetType::parse(engine, &mapped.spelling).expect("we know what we spell");
            let relation = relate_types(&parsed, &mapped.target_type);
            assert_eq!(relation, Relation::Same, "{engine}: {text} {}", mapped.spelling);
            assert!(mapped.losses.iter().all(|loss| !loss.sentence().is_empty()), "{:?}", mapped.losses);
        }
    }
}

#[test]
fn what_changes_its_type_on_the_way_is_cast_at_the_source() {
    let name = || "s.t".parse().unwrap();
    let array = |element| PostgresType::Array { element: Box::new(element) };
    let domain = PostgresType::Domain { name: name(), base: Box::new(PostgresType::Integer) };
    let integers = || TargetType::Array { element: Box::new(TargetType::Integer) };
    let cases = [
        (PostgresType::Integer, ReadAs::Value),
        (domain.clone(), ReadAs::Value),
        (array(PostgresType::Integer), ReadAs::Value),
        (array(domain), ReadAs::Cast(integers())),
        (PostgresType::Enum { name: name(), labels: Vec::new() }, ReadAs::Cast(TargetType::Text)),
        (PostgresType::Composite { name: name() }, ReadAs::Cast(TargetType::Text)),
    ];
    for (from, expected) in cases {
        assert_eq!(map_postgres(&from, TargetEngine::Postgres, Route::Direct).read_as, expected, "{from:?}");
    }
}

#[test]
fn a_configured_type_takes_the_mappings_place_and_says_when_it_holds_less() {
    let mut rules = rules(TargetEngine::Postgres, Route::Direct);
    let text = column(SourceType::Postgres(PostgresType::Varchar { length: Some(20) }));
    let mut choose = |chosen: &str| {
        rules.overrides.insert("c".to_owned(), chosen.to_owned());
        map_column(&text, &rules)
    };
    let wider = choose("varchar(64)").unwrap();
    assert_eq!((wider.spelling.as_str(), wider.chosen_by), ("character varying(64)", ChosenBy::Configuration));
    assert_eq!(wider.losses, []);
    let narrower = choose("varchar(8)").unwrap();
    assert_eq!(narrower.losses, [KnownLoss::ChosenType { mapping: "character varying(20)".to_owned() }]);
    assert_eq!(choose("public.\"Mood\"").unwrap().spelling, "public.\"Mood\"");
    for wrong in ["varchar(0)", "varchar(x)", "numeric(2000)", "integer(3)", "varchar(64); DROP TABLE t", "text --", ""]
    {
        let error = choose(wrong).unwrap_err();
        assert!(matches!(error, MappingError::Override { .. }), "{wrong}: {error}");
    }
}

#[test]
fn a_type_nobody_knows_wants_a_configured_one() {
    let vector = column(SourceType::MySql(MySqlType::Other { spelling: "vector(3)".to_owned() }));
    let mut rules = rules(TargetEngine::Redshift, Route::Direct);
    assert!(matches!(map_column(&vector, &rules), Err(MappingError::NoType { .. })));
    rules.overrides.insert("c".to_owned(), "varchar(100)".to_owned());
    assert_eq!(map_column(&vector, &rules).unwrap().spelling, "character varying(100)");
    // No uuid, json, array, bytea, money there.
    for missing in ["uuid", "jsonb", "integer[]", "bytea", "money", "numeric(39,0)", "varchar(65536)"] {
        assert_eq!(TargetType::parse(TargetEngine::Redshift, missing), None, "{missing}");
    }
}

#[test]
fn spellings_of_people_and_catalogs_mean_the_same_type() {
    let same = [
        ("int", "integer"),
        ("INT8", "bigint"),
        ("varchar(20)", "character varying(20)"),
        ("decimal(18, 2)", "numeric(18,2)"),
        ("numeric(5)", "numeric(5,0)"),
        ("timestamptz(3)", "timestamp(3) with time zone"),
        ("timestamp", "timestamp(6) without time zone"),
        ("float8", "double precision"),
        ("char", "character(1)"),
        ("varbit(3)", "bit varying(3)"),
        ("text[][]", "text[]"),
    ];
    for (ours, theirs) in same {
        let parse = |text| TargetType::parse(TargetEngine::Postgres, text).unwrap();
        assert_eq!(parse(ours), parse(theirs), "{ours}");
    }
}

#[test]
fn types_widen_only_into_what_holds_all_their_values() {
    let relate = |from: &str, to: &str| {
        let parse = |text| TargetType::parse(TargetEngine::Postgres, text).unwrap();
        relate_types(&parse(from), &parse(to))
    };
    let widens = [
        ("smallint", "bigint"),
        ("integer", "numeric(10,0)"),
        ("bigint", "numeric"),
        ("numeric(10,2)", "numeric(12,4)"),
        ("numeric(10,2)", "numeric"),
        ("varchar(10)", "varchar(11)"),
        ("varchar(10)", "text"),
        ("real", "double precision"),
        ("timestamp(3)", "timestamp"),
        ("char(3)", "char(4)"),
        ("integer[]", "bigint[]"),
    ];
    for (from, to) in widens {
        assert_eq!((relate(from, to), relate(to, from)), (Relation::Widens, Relation::Narrows), "{from} → {to}");
    }
    let differs = [
        ("integer", "numeric(9,0)"),
        ("numeric(10,2)", "numeric(10,4)"),
        ("date", "timestamp"),
        ("timestamp", "timestamptz"),
        ("text", "jsonb"),
        ("char(3)", "varchar(9)"),
        ("bit(3)", "bit(4)"),
        ("boolean", "integer"),
        ("integer", "real"),
    ];
    for (from, to) in differs {
        assert_eq!((relate(from, to), relate(to, from)), (Relation::Differs, Relation::Differs), "{from} → {to}");
    }
    assert_eq!(relate("varchar", "text"), Relation::Same);
    assert_eq!(relate("public.mood", "mood"), Relation::Same);
    assert_eq!(relate("a.mood", "b.mood"), Relation::Differs);
}
