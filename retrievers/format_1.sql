-- The library's tables. SQLite is the truth; vectors.faiss is made from it.
-- Chunk ids are never used twice and a chunk is never changed in place, so the
-- vectors of a chunk id are the same for ever and an index can follow by ids.

CREATE TABLE IF NOT EXISTS settings (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

-- One row for each change of the library. Numbers grow and are never used twice,
-- not even after a backup was restored.
CREATE TABLE IF NOT EXISTS generations (
  generation INTEGER PRIMARY KEY,
  n_removed INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS documents (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  source TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL,
  n_pages INTEGER,
  fingerprint TEXT NOT NULL,
  added_at TEXT NOT NULL
);

-- metadata: JSON of what has no column here. vector: float32, unit length; it comes
-- last so that reading the other columns stops before it.
CREATE TABLE IF NOT EXISTS chunks (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  document_id INTEGER NOT NULL REFERENCES documents (id),
  position INTEGER NOT NULL,
  chunk_id TEXT NOT NULL,
  modality TEXT NOT NULL,
  page INTEGER,
  image_key TEXT,
  metadata TEXT NOT NULL,
  text TEXT NOT NULL,
  vector BLOB NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS chunks_in_order ON chunks (document_id, position);
CREATE INDEX IF NOT EXISTS chunks_by_modality ON chunks (document_id, modality);
CREATE INDEX IF NOT EXISTS chunks_by_chunk_id ON chunks (chunk_id);
CREATE INDEX IF NOT EXISTS chunks_by_picture ON chunks (image_key) WHERE image_key IS NOT NULL;

-- What the pictures that chunks show look like: made from media/, and gone with the last
-- chunk that shows one. marks: see retrievers.picture_marks; empty for a blank.
CREATE TABLE IF NOT EXISTS pictures (
  id INTEGER PRIMARY KEY,
  image_key TEXT NOT NULL UNIQUE,
  marks BLOB NOT NULL
);

-- Copies and crops, each pair both ways.
CREATE TABLE IF NOT EXISTS picture_links (
  image_key TEXT NOT NULL,
  other_key TEXT NOT NULL,
  likeness REAL NOT NULL,
  PRIMARY KEY (image_key, other_key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS links_by_other ON picture_links (other_key);

-- By CLIP, where it is present; pictures.faiss is made from it as vectors.faiss from chunks.
CREATE TABLE IF NOT EXISTS picture_vectors (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  image_key TEXT NOT NULL UNIQUE,
  vector BLOB NOT NULL
);

-- What the lexical index reads. A title may only change while its document has no chunks:
-- FTS5 takes a row out by the words it was put in with.
CREATE VIEW IF NOT EXISTS passages AS
  SELECT chunks.id, chunks.document_id, chunks.text, documents.title
  FROM chunks JOIN documents ON documents.id = chunks.document_id;

CREATE VIRTUAL TABLE IF NOT EXISTS lexical USING fts5 (
  text, title,
  content = 'passages', content_rowid = 'id',
  tokenize = 'porter unicode61 remove_diacritics 2'
);
