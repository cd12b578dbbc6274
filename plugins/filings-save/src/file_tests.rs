use std::fs::{self, File};
use std::io::Cursor;

use parquet::basic::{LogicalType, Repetition, Type};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use proptest::prelude::*;

use super::*;
use crate::columns::{GROUP_ROWS_MAX, GROUP_TEXT_BYTES_MAX};

const REVENUE: &str = r#"{"kind":"numeric","concept":"us-gaap:Revenues","value":81797000000,"text":"81,797","unit":"USD","period_start":"2023-04-02","period_end":"2023-07-01","instant":null,"dimensions":{"srt:ProductOrServiceAxis":"us-gaap:ProductMember","a:Axis":"a:Member"},"context":"c-1","scale":6,"decimals":"-6"}"#;
const NAME: &str = r#"{"kind":"text","concept":"dei:EntityRegistrantName","value":null,"text":"Apple Inc.","unit":null,"period_start":null,"period_end":null,"instant":"2023-07-21","dimensions":null,"context":"c-2","scale":null,"decimals":null}"#;

fn save_to(directory: &Path, facts: &str) -> Result<Saved, SaveError> {
    let ticker = Ticker::parse("AAPL").unwrap();
    let accession = Accession::parse("0000320193-23-000077").unwrap();
    save(directory, &ticker, accession, Cursor::new(facts))
}

fn open(path: &Path) -> SerializedFileReader<File> {
    SerializedFileReader::new(File::open(path).unwrap()).unwrap()
}

fn rows(path: &Path) -> Vec<Row> {
    let reader = open(path);
    reader.get_row_iter(None).unwrap().map(Result::unwrap).collect()
}

fn field<'a>(row: &'a Row, name: &str) -> &'a Field {
    let mut columns = row.get_column_iter();
    columns.find(|(column, _)| *column == name).unwrap().1
}

fn text(text: &str) -> Field {
    Field::Str(text.to_owned())
}

#[test]
fn a_saved_fact_is_read_back_as_it_was() {
    let out = tempfile::tempdir().unwrap();
    let saved = save_to(out.path(), &format!("{REVENUE}\n{NAME}\n")).unwrap();
    assert_eq!(saved.path, out.path().join("AAPL.parquet"));
    assert_eq!(saved.rows, 2);
    assert_eq!(saved.size_bytes, fs::metadata(&saved.path).unwrap().len());

    let rows = rows(&saved.path);
    let sorted = r#"{"a:Axis":"a:Member","srt:ProductOrServiceAxis":"us-gaap:ProductMember"}"#;
    for (name, expected) in [
        ("ticker", text("AAPL")),
        ("accession", text("0000320193-23-000077")),
        ("kind", text("numeric")),
        ("concept", text("us-gaap:Revenues")),
        ("value", Field::Double(81_797_000_000.0)),
        ("text", text("81,797")),
        ("unit", text("USD")),
        ("period_start", Field::Date(19_449)),
        ("period_end", Field::Date(19_539)),
        ("instant", Field::Null),
        ("dimensions", text(sorted)),
        ("context", text("c-1")),
        ("scale", Field::Int(6)),
        ("decimals", text("-6")),
    ] {
        assert_eq!(*field(&rows[0], name), expected, "{name}");
    }
    for (name, expected) in [
        ("kind", text("text")),
        ("value", Field::Null),
        ("unit", Field::Null),
        ("period_start", Field::Null),
        ("instant", Field::Date(19_559)),
        ("dimensions", text("{}")),
        ("scale", Field::Null),
        ("decimals", Field::Null),
    ] {
        assert_eq!(*field(&rows[1], name), expected, "{name}");
    }
}

#[test]
fn the_columns_have_the_promised_names_types_and_order() {
    let out = tempfile::tempdir().unwrap();
    let saved = save_to(out.path(), REVENUE).unwrap();
    let reader = open(&saved.path);
    let schema = reader.metadata().file_metadata().schema_descr();
    let columns: Vec<_> = schema
        .columns()
        .iter()
        .map(|column| {
            let info = column.self_type().get_basic_info();
            (
                column.name(),
                column.physical_type(),
                column.logical_type_ref().cloned(),
                info.repetition() == Repetition::OPTIONAL,
            )
        })
        .collect();
    let string = Some(LogicalType::String);
    let date = Some(LogicalType::Date);
    assert_eq!(
        columns,
        [
            ("ticker", Type::BYTE_ARRAY, string.clone(), false),
            ("accession", Type::BYTE_ARRAY, string.clone(), false),
            ("kind", Type::BYTE_ARRAY, string.clone(), false),
            ("concept", Type::BYTE_ARRAY, string.clone(), false),
            ("value", Type::DOUBLE, None, true),
            ("text", Type::BYTE_ARRAY, string.clone(), false),
            ("unit", Type::BYTE_ARRAY, string.clone(), true),
            ("period_start", Type::INT32, date.clone(), true),
            ("period_end", Type::INT32, date.clone(), true),
            ("instant", Type::INT32, date, true),
            ("dimensions", Type::BYTE_ARRAY, string.clone(), false),
            ("context", Type::BYTE_ARRAY, string.clone(), true),
            ("scale", Type::INT32, None, true),
            ("decimals", Type::BYTE_ARRAY, string, true),
        ]
    );
}

#[test]
fn the_same_facts_give_the_same_bytes() {
    let facts: String = (0..5_000).map(|n| REVENUE.replace("81,797", &format!("{n}")) + "\n").collect();
    let files = [(); 2].map(|()| {
        let out = tempfile::tempdir().unwrap();
        let saved = save_to(out.path(), &facts).unwrap();
        fs::read(saved.path).unwrap()
    });
    assert!(files[0] == files[1]);
}

#[test]
fn saving_again_replaces_the_file_and_leaves_nothing_else() {
    let out = tempfile::tempdir().unwrap();
    save_to(out.path(), REVENUE).unwrap();
    let saved = save_to(out.path(), NAME).unwrap();
    assert_eq!(*field(&rows(&saved.path)[0], "kind"), text("text"));
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 1);
}

#[test]
fn a_wrong_fact_leaves_the_old_file_untouched() {
    let out = tempfile::tempdir().unwrap();
    let saved = save_to(out.path(), REVENUE).unwrap();
    let before = fs::read(&saved.path).unwrap();
    let message = save_to(out.path(), &format!("{NAME}\n{{}}\n")).unwrap_err().to_string();
    assert!(message.contains("AAPL.parquet: line 2 of the facts"), "{message}");
    assert_eq!(fs::read(&saved.path).unwrap(), before);
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 1);
}

#[test]
fn a_filing_without_facts_gives_a_file_without_rows() {
    let out = tempfile::tempdir().unwrap();
    let saved = save_to(out.path(), "").unwrap();
    assert_eq!(saved.rows, 0);
    assert_eq!(rows(&saved.path).len(), 0);
}

#[test]
fn a_missing_grant_is_named() {
    let error = save_to(Path::new("/no/such/mount"), REVENUE).unwrap_err();
    assert!(error.to_string().contains("grant one under this name"));
}

#[test]
fn many_rows_and_long_texts_each_close_a_row_group() {
    let out = tempfile::tempdir().unwrap();
    let many = format!("{NAME}\n").repeat(GROUP_ROWS_MAX + 1);
    let saved = save_to(out.path(), &many).unwrap();
    let groups = open(&saved.path);
    let counts = groups.metadata().row_groups().iter().map(|g| g.num_rows());
    assert_eq!(counts.collect::<Vec<_>>(), [GROUP_ROWS_MAX as i64, 1]);

    let long = NAME.replace("Apple Inc.", &"x".repeat(GROUP_TEXT_BYTES_MAX / 2)) + "\n";
    let saved = save_to(out.path(), &long.repeat(3)).unwrap();
    let groups = open(&saved.path);
    let counts = groups.metadata().row_groups().iter().map(|g| g.num_rows());
    assert_eq!(counts.collect::<Vec<_>>(), [2, 1]);
}

proptest! {
    #[test]
    fn any_texts_values_and_gaps_come_back(
        facts in prop::collection::vec((any::<String>(), prop::option::of(any::<f64>()), prop::option::of(any::<i32>())), 0..40)
    ) {
        let finite = |value: &Option<f64>| value.filter(|v| v.is_finite());
        let mut lines = String::new();
        for (text, value, scale) in &facts {
            let fact = serde_json::json!({
                "kind": "row", "concept": text, "text": text, "value": finite(value), "scale": scale
            });
            lines += &format!("{fact}\n");
        }
        let out = tempfile::tempdir().unwrap();
        let saved = save_to(out.path(), &lines).unwrap();
        let rows = rows(&saved.path);
        prop_assert_eq!(rows.len(), facts.len());
        for (row, (shown, value, scale)) in rows.iter().zip(&facts) {
            prop_assert_eq!(field(row, "text"), &text(shown));
            prop_assert_eq!(field(row, "value"), &finite(value).map_or(Field::Null, Field::Double));
            prop_assert_eq!(field(row, "scale"), &scale.map_or(Field::Null, Field::Int));
        }
    }
}
