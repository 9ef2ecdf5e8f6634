-- What a team adds to the glossary that comes with Kadr, and who may.

-- `tenant` '' is everybody's. The source is folded (small letters, е for ё); the target is the main translation and
-- alternatives, joined by '|', or '' for a word that English leaves out.
CREATE TABLE glossary (
    tenant     text NOT NULL,
    source     text NOT NULL CHECK (source <> ''),
    target     text NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('term', 'word')),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, source)
);

-- Rises with every change of a tenant's entries: readers ask for it every few seconds, instead of for the entries.
CREATE TABLE glossary_version (
    tenant  text PRIMARY KEY,
    version bigint NOT NULL
);

-- Null: the key may act for every tenant.
ALTER TABLE api_key ADD COLUMN tenant text;
CREATE UNIQUE INDEX api_key_name ON api_key (name) WHERE revoked_at IS NULL;
