//! The database, and the only place with SQL.
//!
//! One text of SQL serves two databases: [`Db`] holds either driver's pool, and [`on_db!`](crate::on_db) writes an expression once for both,
//! so that every type is the driver's own and nothing is lost between. The portable subset is: `$1` placeholders, `RETURNING`,
//! `ON CONFLICT`, text, `BIGINT`, `DOUBLE PRECISION`, `BOOLEAN`, `BYTEA`; times are milliseconds since 1970.
//!
//! SQLite has one writer at a time whatever one does. [`Store`] therefore keeps one connection that writes, so that writers
//! queue here, in order and without locking errors, and others that only read, which a write never delays and which go on when
//! the disk is full. On PostgreSQL both are the same pool.

pub mod audit;
mod condition;
mod error;
pub mod history;
pub mod intake;
pub mod logs;
pub mod metrics;
pub mod people;
pub mod preemptions;
pub mod quota_requests;
pub mod relayouts;
pub mod runs;
pub mod sessions;
pub mod teams;
mod varint;

use std::{path::Path, str::FromStr, time::Duration};

use sqlx::{
    PgPool, SqlitePool,
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

pub use self::error::{ConnectError, Error};

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// How long a statement waits for another program that holds the database, and for a free connection.
const PATIENCE: Duration = Duration::from_secs(3);

/// Connections that read, on SQLite; each costs a thread and up to 2 MiB of cache.
const READERS: u32 = 4;

/// A pool of one driver or the other.
#[derive(Clone, Debug)]
pub enum Db {
    /// SQLite.
    Sqlite(SqlitePool),
    /// PostgreSQL.
    Pg(PgPool),
}

/// Evaluates an expression with the pool of whichever database it is: `on_db!(db, pool => sqlx::query(SQL).execute(pool).await)`.
/// Its type must be the same for both, so that a driver's own result has to be mapped.
#[macro_export]
macro_rules! on_db {
    ($db:expr, $pool:ident => $body:expr) => {
        match $db {
            $crate::store::Db::Sqlite($pool) => $body,
            $crate::store::Db::Pg($pool) => $body,
        }
    };
}

/// The database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    reads: Db,
    writes: Db,
}

impl Store {
    /// Opens the database that `url` names, making an SQLite file where there is none.
    ///
    /// # Errors
    /// A sentence for whoever starts the server.
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        match url.split_once(':') {
            Some(("sqlite", _)) => Self::sqlite(url).await,
            Some(("postgres" | "postgresql", _)) => Self::postgres(url).await,
            _ => Err(ConnectError::Scheme),
        }
    }

    async fn sqlite(url: &str) -> Result<Self, ConnectError> {
        if url.contains(":memory:") || url.contains("mode=memory") {
            return Err(ConnectError::Memory);
        }
        let options = SqliteConnectOptions::from_str(url).map_err(|error| ConnectError::Url(error.to_string()))?;
        let file = options.get_filename().to_owned();
        let unusable = |error: &dyn std::fmt::Display| ConnectError::File { path: file.display().to_string(), reason: error.to_string() };
        make_private(&file).map_err(|error| unusable(&error))?;
        let options = options.create_if_missing(true).foreign_keys(true).busy_timeout(PATIENCE);
        let pool = |connections| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(PATIENCE)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false)
        };
        let writes = pool(1)
            .connect_with(options.clone().journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full))
            .await
            .map_err(|error| unusable(&error))?;
        let reads = pool(READERS).connect_with(options.clone().pragma("query_only", "ON")).await.map_err(|error| unusable(&error))?;
        Ok(Self { reads: Db::Sqlite(reads), writes: Db::Sqlite(writes) })
    }

    async fn postgres(url: &str) -> Result<Self, ConnectError> {
        // The URL may hold a password, so no message repeats it.
        let options = PgConnectOptions::from_str(url).map_err(|_| ConnectError::Url("it is no PostgreSQL URL".to_owned()))?;
        let (host, port) = (options.get_host().to_owned(), options.get_port());
        let pool = PgPoolOptions::new().max_connections(16).acquire_timeout(PATIENCE).connect_with(options).await;
        let db = Db::Pg(pool.map_err(|error| ConnectError::Server { at: format!("{host}:{port}"), reason: error.to_string() })?);
        Ok(Self { reads: db.clone(), writes: db })
    }

    /// Brings the tables to the form that this program knows.
    ///
    /// # Errors
    /// A sentence for whoever starts the server.
    pub async fn migrate(&self) -> Result<(), ConnectError> {
        on_db!(&self.writes, pool => MIGRATIONS.run(pool).await).map_err(|error| match error {
            MigrateError::VersionMissing(version) => ConnectError::Newer { version },
            other => ConnectError::Migration(other.to_string()),
        })
    }

    /// For queries. On SQLite these connections cannot write.
    pub const fn reads(&self) -> &Db {
        &self.reads
    }

    /// For statements that change something. On SQLite there is one such connection: hold it for nothing else.
    pub const fn writes(&self) -> &Db {
        &self.writes
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn ping(&self) -> Result<(), Error> {
        on_db!(&self.reads, pool => sqlx::query("SELECT 1").execute(pool).await.map(|_| ()))?;
        Ok(())
    }

    /// Finishes what is under way and closes every connection; SQLite then folds its log into the file.
    pub async fn close(&self) {
        on_db!(&self.reads, pool => pool.close().await);
        on_db!(&self.writes, pool => pool.close().await);
    }
}

/// Makes the file, where there is none, for its owner alone: it will hold password hashes. SQLite gives its log the same mode.
fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}
