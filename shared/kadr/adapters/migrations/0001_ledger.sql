-- The ledger: which videos there are, which version of them, and where each stage stands.

-- Numbers versions of all videos. A sequence, not a counter per video: it stays monotonic when a video
-- is deleted and uploaded again, so that a straggler of the old life can never pass for the new one.
CREATE SEQUENCE video_generation;

CREATE TABLE video (
    video_id      uuid PRIMARY KEY,
    bucket        text NOT NULL,
    key           text NOT NULL,
    generation    bigint NOT NULL,
    version       text NOT NULL,
    etag          text NOT NULL,
    size          bigint NOT NULL,
    content_type  text NOT NULL,
    modified_at   timestamptz NOT NULL,
    duration      real,
    width         integer,
    height        integer,
    has_audio     boolean,
    thumbnail_key text,
    searchable    boolean NOT NULL DEFAULT false,
    state         text NOT NULL DEFAULT 'indexing', -- derived from the stages, kept here to be listed by
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (bucket, key)
);
CREATE INDEX video_newest ON video (created_at DESC, video_id);
CREATE INDEX video_state ON video (state, created_at DESC, video_id);
CREATE INDEX video_key ON video (key text_pattern_ops);

CREATE TABLE extraction (
    video_id      uuid NOT NULL REFERENCES video ON DELETE CASCADE,
    stage         text NOT NULL,
    generation    bigint NOT NULL,
    state         text NOT NULL,
    reason        text NOT NULL DEFAULT '',
    attempts      integer NOT NULL DEFAULT 0,
    model_version text NOT NULL DEFAULT '',
    lease_until   timestamptz,
    started_at    timestamptz,
    duration_ms   integer,
    cost_usd      double precision,
    details       jsonb NOT NULL DEFAULT '{}',
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (video_id, stage)
);
CREATE INDEX extraction_state ON extraction (stage, state);

CREATE TABLE moment (
    video_id    uuid NOT NULL REFERENCES video ON DELETE CASCADE,
    modality    text NOT NULL,
    position    integer NOT NULL,
    starts_at   real NOT NULL,
    ends_at     real NOT NULL CHECK (ends_at >= starts_at),
    text        text NOT NULL,
    language    text NOT NULL,
    translation text NOT NULL DEFAULT '',
    confidence  real NOT NULL,
    PRIMARY KEY (video_id, modality, position)
);

-- One row per video: per-frame vectors as int8 (127 = 1.0), times in seconds as float32, both little-endian.
CREATE TABLE frame_embeddings (
    video_id   uuid PRIMARY KEY REFERENCES video ON DELETE CASCADE,
    dimensions integer NOT NULL,
    times      bytea NOT NULL,
    vectors    bytea NOT NULL
);

-- A person across videos, found by the scheduled clustering of faces.
CREATE TABLE person (
    person_id  uuid PRIMARY KEY,
    name       text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now()
);

-- A person within one video. `position` 0 is the one seen most.
CREATE TABLE face (
    video_id   uuid NOT NULL REFERENCES video ON DELETE CASCADE,
    position   integer NOT NULL,
    person_id  uuid REFERENCES person ON DELETE SET NULL,
    count      integer NOT NULL,
    first_seen real NOT NULL,
    last_seen  real NOT NULL,
    quality    real NOT NULL,
    crop_key   text NOT NULL,
    PRIMARY KEY (video_id, position)
);
CREATE INDEX face_person ON face (person_id);

CREATE TABLE theme (
    theme_id   uuid PRIMARY KEY,
    name       text NOT NULL DEFAULT '',
    radius     real NOT NULL,
    centroid   bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE suggestion (
    phrase     text PRIMARY KEY,
    source     text NOT NULL,
    weight     real NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE query_log (
    query_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id  text,
    query    text NOT NULL,
    asked_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX query_log_user ON query_log (user_id, asked_at DESC) WHERE user_id IS NOT NULL;

CREATE TABLE api_key (
    key_sha256 bytea PRIMARY KEY,
    name       text NOT NULL,
    scopes     text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);

-- Proof that a deletion was carried out. The id is a hash of the place: nothing of the video is kept.
CREATE TABLE deletion (
    video_id   uuid NOT NULL,
    generation bigint NOT NULL,
    erased_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (video_id, generation)
);
