-- The constants of ranking (kadr.core.ranking) that an index was fused with. In force is the row whose in_force_at is
-- the newest; without one, the constants that the release comes with.
CREATE TABLE ranking (
    number      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    constants   jsonb,           -- null: those that the release comes with
    version     text NOT NULL,   -- of the constants that are part of fused vectors
    collection  text NOT NULL,   -- of Qdrant, that holds these vectors
    started_at  timestamptz NOT NULL DEFAULT now(),
    in_force_at timestamptz      -- null: the collection is still being filled
);
