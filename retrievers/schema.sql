-- The library's tables. SQLite is the truth; what lies beside it is made from it.
-- Ids of chunks grow and are never used twice, those of one document follow each other, and a
-- chunk is never changed in place: an index can follow by ids.

CREATE TABLE IF NOT EXISTS settings (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

-- One row for each change of the library. Numbers grow and are never used twice,
-- not even after a backup was restored.
CREATE TABLE IF NOT EXISTS generations (
  generation INTEGER PRIMARY KEY
);

-- What a generation took out of the table `vectors` or `picture_vectors`: ids first to last.
CREATE TABLE IF NOT EXISTS removals (
  generation INTEGER NOT NULL,
  name TEXT NOT NULL,
  first_id INTEGER NOT NULL,
  last_id INTEGER NOT NULL,
  PRIMARY KEY (name, generation, first_id)
) WITHOUT ROWID;

-- dated_at: the file's own time, ISO 8601, UTC. checksum: see retrievers.evidence.
CREATE TABLE IF NOT EXISTS documents (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  source TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL,
  n_pages INTEGER,
  fingerprint TEXT NOT NULL,
  added_at TEXT NOT NULL,
  dated_at TEXT,
  checksum TEXT NOT NULL
);

-- A fingerprint begins with the SHA-256 of the content: a file that was moved is known by it.
CREATE INDEX IF NOT EXISTS documents_by_content ON documents (substr(fingerprint, 1, 64));

CREATE TABLE IF NOT EXISTS collections (
  name TEXT NOT NULL,
  document_id INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
  PRIMARY KEY (name, document_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS collections_of_document ON collections (document_id);

-- What a person had added, so that a sync knows where to look. kind, options: see retrievers.roots.
CREATE TABLE IF NOT EXISTS roots (
  source TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  options TEXT NOT NULL
) WITHOUT ROWID;

-- What each run has still to do, so that an interrupted one is known; see retrievers.journal.
CREATE TABLE IF NOT EXISTS journal (
  run TEXT NOT NULL,
  source TEXT NOT NULL,
  PRIMARY KEY (run, source)
) WITHOUT ROWID;

-- metadata: JSON of what has no column here.
CREATE TABLE IF NOT EXISTS chunks (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  document_id INTEGER NOT NULL REFERENCES documents (id),
  position INTEGER NOT NULL,
  chunk_id TEXT NOT NULL,
  modality TEXT NOT NULL,
  page INTEGER,
  image_key TEXT,
  metadata TEXT NOT NULL,
  text TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS chunks_in_order ON chunks (document_id, position);
CREATE INDEX IF NOT EXISTS chunks_by_modality ON chunks (document_id, modality);
CREATE INDEX IF NOT EXISTS chunks_by_chunk_id ON chunks (chunk_id);
CREATE INDEX IF NOT EXISTS chunks_by_picture ON chunks (image_key) WHERE image_key IS NOT NULL;

-- id: of the chunk. vector: float32, unit length. Apart from the chunks, so that those of another
-- model can be made beside them.
CREATE TABLE IF NOT EXISTS vectors (
  id INTEGER PRIMARY KEY,
  vector BLOB NOT NULL
);

-- Those of another model, built beside them; empty but while that is going on. What removes rows of
-- `vectors` removes theirs.
CREATE TABLE IF NOT EXISTS new_vectors (
  id INTEGER PRIMARY KEY,
  vector BLOB NOT NULL
);

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

-- By CLIP, where it is present; pictures.faiss is made from it as vectors.faiss from vectors.
CREATE TABLE IF NOT EXISTS picture_vectors (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  image_key TEXT NOT NULL UNIQUE,
  vector BLOB NOT NULL
);
