-- Suggestions: what a query means is kept with it, so that a keystroke has nothing to embed.

-- int8 (127 = 1.0); null where no text encoder is installed.
ALTER TABLE query_log ADD COLUMN vector bytea;
CREATE INDEX query_log_asked ON query_log (asked_at);

-- The dictionary is a file in the derived bucket.
DROP TABLE suggestion;
