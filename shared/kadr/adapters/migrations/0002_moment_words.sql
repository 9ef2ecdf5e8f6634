-- When each word of a moment is said: [[text, start, end], …] in seconds, in order; null where that is not known.
ALTER TABLE moment ADD COLUMN words jsonb;
