-- People across videos: which face is whose, and what editors have said of it.

ALTER TABLE face
    -- A face that is extracted again is another row: who still means the old one finds nothing.
    ADD COLUMN face_id uuid NOT NULL DEFAULT gen_random_uuid(),
    -- Seconds at which it was seen; null where it was extracted before this was kept.
    ADD COLUMN times   real[];
CREATE UNIQUE INDEX face_id ON face (face_id);

-- How far from a person's other faces a new one may be to be taken for theirs at once; null: not measured yet.
ALTER TABLE person ADD COLUMN radius real;

-- An editor's word on a face: it is this person's, or it is not. The face is known by its encoding (128 float32,
-- little-endian), so that the word holds when the video is extracted again; `face_id` is the row that it is now.
CREATE TABLE face_mark (
    mark_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    video_id   uuid NOT NULL REFERENCES video ON DELETE CASCADE,
    generation bigint NOT NULL,
    encoding   bytea NOT NULL,
    face_id    uuid REFERENCES face (face_id) ON DELETE SET NULL,
    person_id  uuid NOT NULL REFERENCES person ON DELETE CASCADE,
    is_person  boolean NOT NULL,
    marked_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX face_mark_video ON face_mark (video_id);
CREATE INDEX face_mark_person ON face_mark (person_id);
CREATE INDEX face_mark_face ON face_mark (face_id);

-- One row. Whoever changes people locks it, and an editor counts: a clustering that was computed from an older
-- revision is not written.
CREATE TABLE people_revision (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    revision bigint NOT NULL DEFAULT 0
);
INSERT INTO people_revision DEFAULT VALUES;
