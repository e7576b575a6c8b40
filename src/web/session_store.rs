//! The session store, behind a hash: the database holds only digests of session ids, so that whoever reads a
//! backup holds no session.

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use tower_sessions::{
    ExpiredDeletion, SessionStore,
    session::{Id, Record},
    session_store::Result,
};
use tower_sessions_sqlx_store::PostgresStore;

/// Sessions in PostgreSQL, under the digests of their ids.
#[derive(Clone, Debug)]
pub struct HashedStore(PostgresStore);

impl HashedStore {
    /// The store over the table of our own migration.
    ///
    /// # Errors
    /// When the table's name is refused, which it is not.
    pub fn new(db: &PgPool) -> anyhow::Result<Self> {
        PostgresStore::new(db.clone())
            .with_schema_name("public")
            .and_then(|store| store.with_table_name("web_sessions"))
            .map(Self)
            .map_err(|reason| anyhow::anyhow!("session table: {reason}"))
    }
}

/// The first 128 bits of the id's SHA-256: ids are random, so that is as hard to undo as to guess one.
fn digest(id: Id) -> Id {
    let hash = Sha256::digest(id.0.to_be_bytes());
    let mut first = [0; 16];
    for (byte, from) in first.iter_mut().zip(hash) {
        *byte = from;
    }
    Id(i128::from_be_bytes(first))
}

fn under_digest(record: &Record) -> Record {
    Record { id: digest(record.id), ..record.clone() }
}

#[async_trait]
impl SessionStore for HashedStore {
    async fn create(&self, record: &mut Record) -> Result<()> {
        loop {
            let mut stored = under_digest(record);
            let wanted = stored.id;
            self.0.create(&mut stored).await?;
            if stored.id == wanted {
                return Ok(());
            }
            // The digest was in use, and the store took an id that nobody can name: give it back, try another.
            self.0.delete(&stored.id).await?;
            record.id = Id::default();
        }
    }

    async fn save(&self, record: &Record) -> Result<()> {
        self.0.save(&under_digest(record)).await
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        Ok(self.0.load(&digest(*id)).await?.map(|record| Record { id: *id, ..record }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.0.delete(&digest(*id)).await
    }
}

#[async_trait]
impl ExpiredDeletion for HashedStore {
    async fn delete_expired(&self) -> Result<()> {
        self.0.delete_expired().await
    }
}
