//! A pack in the making. Until [`Stage::commit`] its chunks are in a file under a temporary name, which goes
//! away with the stage; afterwards they are stored.

use std::path::PathBuf;
use std::sync::Arc;

use super::chunk::{ChunkInfo, StoredChunk};
use super::pack::{PACK_CHUNKS_MAX, PackTable, footer, header};
use super::packs::Shared;
use crate::error::StoreError;
use crate::storage::StorageFile;

/// Chunks that are written and do not count yet.
pub(super) struct Stage {
    shared: Arc<Shared>,
    open: Option<OpenPack>,
    /// Packs that are whole and synced, and have their temporary name still.
    whole: Vec<(Temporary, PackTable)>,
}

struct OpenPack {
    file: Box<dyn StorageFile>,
    temporary: Temporary,
    chunks: Vec<ChunkInfo>,
}

/// A file that is removed unless it gets another name.
struct Temporary {
    shared: Arc<Shared>,
    path: PathBuf,
    is_named: bool,
}

impl Stage {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared), open: None, whole: Vec::new() }
    }

    /// Writes a chunk.
    pub(super) fn push(&mut self, chunk: &StoredChunk<'_>) -> Result<(), StoreError> {
        let open = match &mut self.open {
            Some(open) => open,
            None => self.open.insert(OpenPack::create(&self.shared)?),
        };
        open.file.append(&chunk.stored)?;
        open.chunks.push(chunk.info);
        if open.chunks.len() == PACK_CHUNKS_MAX {
            self.finish_pack()?;
        }
        Ok(())
    }

    /// Makes the chunks durable and findable, and returns how many bytes that took.
    pub(super) fn commit(mut self) -> Result<u64, StoreError> {
        self.finish_pack()?;
        if self.whole.is_empty() {
            return Ok(0);
        }
        let mut named = Vec::new();
        for (mut temporary, table) in self.whole.drain(..) {
            let path = self.shared.pack_path(&table.name);
            self.shared.storage.rename(&temporary.path, &path)?;
            temporary.is_named = true;
            named.push((path, table));
        }
        self.shared.sync_folder()?;
        let written_bytes = named.iter().map(|(_, table)| table.file_bytes()).sum();
        self.shared.with_index(|index, _| {
            for (path, table) in named {
                index.add(path, table);
            }
        })?;
        Ok(written_bytes)
    }

    fn finish_pack(&mut self) -> Result<(), StoreError> {
        if let Some(OpenPack { file, temporary, chunks }) = self.open.take() {
            let (footer, table) = footer(&chunks);
            file.append(&footer)?;
            file.sync_data()?;
            self.whole.push((temporary, table));
        }
        Ok(())
    }
}

impl OpenPack {
    fn create(shared: &Arc<Shared>) -> Result<Self, StoreError> {
        let path = shared.temporary_path();
        let file = shared.storage.create(&path)?;
        let temporary = Temporary { shared: Arc::clone(shared), path, is_named: false };
        file.append(&header())?;
        Ok(Self { file, temporary, chunks: Vec::new() })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.is_named {
            // The next process removes it too, so a failure only costs space until then.
            let _ = self.shared.storage.remove(&self.path);
        }
    }
}
