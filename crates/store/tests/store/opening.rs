//! Which databases open, and what is found in them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::Arc,
};

use fulmar_domain::{
    Office,
    office::{Mode, Networks, OfficeIntent, Ports},
    presence::Availability,
};
use fulmar_store::{OfficeChange, Store, StoreError};
use rusqlite::Connection;

use crate::support::{Bench, NOON, office};

fn raw(dir: &Path) -> Connection {
    Connection::open(dir.join("fulmar.db")).unwrap()
}

#[tokio::test]
async fn a_database_of_a_later_release_is_refused_in_plain_words() {
    let dir = tempfile::tempdir().unwrap();
    drop(Store::open(dir.path()).unwrap());
    let current: u32 = raw(dir.path()).pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    let later = current + 1;
    raw(dir.path()).pragma_update(None, "user_version", later).unwrap();
    let error = Store::open(dir.path()).err().unwrap();
    let refused =
        matches!(error, StoreError::Newer { found, known, .. } if (found, known) == (later, current));
    assert!(refused, "{error:?}");
    assert!(error.to_string().contains("start the release that wrote it"), "{error}");
}

#[tokio::test]
async fn a_database_of_another_program_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    raw(dir.path()).execute_batch("CREATE TABLE theirs (x)").unwrap();
    assert!(matches!(Store::open(dir.path()), Err(StoreError::Foreign { .. })));
    let tables: i64 =
        raw(dir.path()).query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 1);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("fulmar.db"), "x".repeat(4096)).unwrap();
    assert!(matches!(Store::open(dir.path()), Err(StoreError::Open { .. })));
}

#[tokio::test]
async fn every_table_is_strict_and_commits_reach_the_disk() {
    let bench = Bench::new().await;
    let sql = raw(bench.dir.path());
    let loose: i64 = sql
        .query_row(
            "SELECT count(*) FROM pragma_table_list WHERE strict = 0 AND schema = 'main' AND name NOT LIKE 'sqlite%'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(loose, 0);
    let mode: String = sql.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
}

#[tokio::test]
async fn what_was_committed_is_there_after_opening_again() {
    let Bench { store, dir } = Bench::new().await;
    let before = store.office().await.unwrap();
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(store.office().await.unwrap(), before);
    assert_eq!(store.accounts().await.unwrap().len(), 3);
    assert_eq!(*store.zone_generation().borrow(), 1);
}

/// One file of SQL for each released schema; the newest has a row or more in every table.
#[tokio::test]
async fn every_released_schema_is_brought_up_to_date_with_its_rows() {
    let mut schemas: Vec<_> =
        fs::read_dir("tests/schemas").unwrap().map(|entry| entry.unwrap().path()).collect();
    schemas.sort();
    assert!(!schemas.is_empty());
    for schema in schemas {
        let dir = tempfile::tempdir().unwrap();
        raw(dir.path()).execute_batch(&fs::read_to_string(&schema).unwrap()).unwrap();
        let values = count(&dir);
        let store = Store::open(dir.path()).unwrap();
        let people = store.accounts().await.unwrap();
        assert_eq!(people[0].uri.address(), "anna@office.test", "{}", schema.display());
        assert!(store.office().await.unwrap().is_some(), "{}", schema.display());
        assert_eq!(store.sessions().await.unwrap()[0].device_name, "phone", "{}", schema.display());
        let kept = count(&dir);
        for (column, values) in values {
            assert!(kept[&column] >= values, "{} loses values of {column}", schema.display());
        }
        let current = dump(&Bench::new().await.dir);
        assert_eq!(
            dump(&dir),
            current,
            "{} does not arrive at the schema of a new database",
            schema.display()
        );
    }
}

#[tokio::test]
async fn the_newest_fixture_has_a_row_in_every_table() {
    let newest = fs::read_dir("tests/schemas").unwrap().map(|entry| entry.unwrap().path()).max().unwrap();
    let dir = tempfile::tempdir().unwrap();
    raw(dir.path()).execute_batch(&fs::read_to_string(newest).unwrap()).unwrap();
    let values = count(&dir);
    let table = |column: &String| column.split('.').next().unwrap().to_owned();
    let tables: BTreeSet<_> = values.keys().map(table).collect();
    let filled: BTreeSet<_> = values.iter().filter(|(_, count)| **count > 0).map(|(c, _)| table(c)).collect();
    assert_eq!(filled, tables);
}

/// How many values every column has; each row has one in a column that can not be null.
fn count(dir: &tempfile::TempDir) -> BTreeMap<String, u32> {
    let sql = raw(dir.path());
    let columns =
        "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'";
    let mut select = sql.prepare(columns).unwrap();
    let columns = select.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)));
    let columns = columns.unwrap().map(Result::unwrap);
    columns
        .map(|(table, column)| {
            let count = format!("SELECT count({column}) FROM {table}");
            (format!("{table}.{column}"), sql.query_row(&count, [], |row| row.get(0)).unwrap())
        })
        .collect()
}

fn dump(dir: &tempfile::TempDir) -> Vec<String> {
    let sql = raw(dir.path());
    let mut select =
        sql.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").unwrap();
    let rows = select.query_map([], |row| row.get::<_, String>(0)).unwrap();
    rows.map(|row| row.unwrap().split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[tokio::test]
async fn only_the_owner_may_read_the_key_file() {
    let bench = Bench::new().await;
    let mode = fs::metadata(bench.dir.path().join("seal.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_change_of_the_office_raises_its_generation_once() {
    let bench = Bench::new().await;
    let mut generation = bench.store.zone_generation();
    generation.mark_unchanged();
    let done = bench.store.set_office(office(&["office.test", "second.test"])).await.unwrap();
    assert!(matches!(done, OfficeChange::Done(g) if g.0 == 2), "{done:?}");
    assert!(generation.has_changed().unwrap());
    assert_eq!(*generation.borrow_and_update(), 2);
    let (office, _) = bench.store.office().await.unwrap().unwrap();
    assert_eq!(office.domains().len(), 2);
    assert_eq!(office.set_up_at(), NOON);
}

#[tokio::test]
async fn an_office_comes_back_as_it_was_set() {
    let bench = Bench::new().await;
    let address = |text: &str| BTreeSet::from([text.parse().unwrap()]);
    let intent = OfficeIntent {
        outside: address("203.0.113.7"),
        mode: Mode::RecordsAtProvider,
        web_host: "mobile".parse().unwrap(),
        networks: ["198.51.100.0/24", "2001:db8::/32"].iter().map(|n| n.parse().unwrap()).collect(),
        resolvers: ["192.0.2.9:53", "[2001:db8::9]:5353", "192.0.2.1:53"].map(|r| r.parse().unwrap()).into(),
        ports: Ports { https: 8443, sip: 5062 },
        ..OfficeIntent::office_only(vec!["office.test".parse().unwrap()], address("198.51.100.2"))
    };
    let asked = Office::new(intent, NOON).unwrap();
    bench.store.set_office(asked.clone()).await.unwrap();
    let (office, _) = bench.store.office().await.unwrap().unwrap();
    assert_eq!(office, asked);
    bench.store.set_office(crate::support::office(&["office.test"])).await.unwrap();
    let (office, _) = bench.store.office().await.unwrap().unwrap();
    assert_eq!(office, crate::support::office(&["office.test"]));
}

#[tokio::test]
async fn an_office_of_the_first_schema_goes_on_as_it_was_answered() {
    let dir = tempfile::tempdir().unwrap();
    let first = fs::read_to_string("tests/schemas/0001.sql").unwrap();
    raw(dir.path()).execute_batch(&first).unwrap();
    raw(dir.path()).execute_batch("DELETE FROM office_address WHERE side = 'outside'").unwrap();
    let intent = |store: Store| async move { store.office().await.unwrap().unwrap().0.intent().clone() };
    let alone = intent(Store::open(dir.path()).unwrap()).await;
    assert_eq!((alone.mode, &alone.networks), (Mode::OfficeOnly, &Networks::default()));
    let dir = tempfile::tempdir().unwrap();
    raw(dir.path()).execute_batch(&first).unwrap();
    let insert = "INSERT OR IGNORE INTO office_address VALUES ('outside', '203.0.113.7')";
    raw(dir.path()).execute_batch(insert).unwrap();
    assert_eq!(intent(Store::open(dir.path()).unwrap()).await.mode, Mode::Delegated);
}

#[tokio::test]
async fn a_domain_with_people_in_it_stays() {
    let bench = Bench::new().await;
    let refused = bench.store.set_office(office(&["other.test"])).await.unwrap();
    assert_eq!(refused, OfficeChange::PeopleInDomain("office.test".parse().unwrap()));
    let (office, generation) = bench.store.office().await.unwrap().unwrap();
    assert_eq!((office.domains()[0].as_str(), generation.0), ("office.test", 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_wait_together_are_all_done_once() {
    let bench = Arc::new(Bench::new().await);
    let mut tasks = tokio::task::JoinSet::new();
    for i in 0..300 {
        let bench = Arc::clone(&bench);
        tasks.spawn(async move {
            // Every address is asked for twice: one of the two is refused, the rest of the group is not hurt.
            let uri = format!("p{}@office.test", i / 2).parse().unwrap();
            bench.store.create_account(uri, "P".parse().unwrap(), "h".into(), NOON).await.unwrap()
        });
    }
    let made = tasks.join_all().await;
    let refused = made.iter().filter(|m| **m == fulmar_store::NewAccount::AddressTaken).count();
    assert_eq!(refused, 150);
    assert_eq!(bench.store.accounts().await.unwrap().len(), 153);
}

#[tokio::test]
async fn what_a_device_published_is_now_the_choice_of_its_person() {
    let dir = tempfile::tempdir().unwrap();
    raw(dir.path()).execute_batch(&fs::read_to_string("tests/schemas/0009.sql").unwrap()).unwrap();
    raw(dir.path()).execute_batch("UPDATE session SET availability = 9500").unwrap();
    let select = "SELECT a.uri, s.last_seen FROM session s JOIN account a ON a.id = s.account LIMIT 1";
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?));
    let (person, seen) = raw(dir.path()).query_row(select, [], row).unwrap();
    let now = fulmar_domain::Timestamp::from_millis(seen);
    let store = Store::open(dir.path()).unwrap();
    let presence = store.presence(&person.parse().unwrap(), now).await.unwrap().unwrap();
    assert_eq!(presence.availability, Availability::DoNotDisturb);
    assert_eq!(presence.last_active, Some(now));
}
