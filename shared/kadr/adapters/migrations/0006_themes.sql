-- Themes: groups of videos that are about the same, found by the scheduled clustering.

-- `centroid` is the theme's direction: 896 numbers, float32, little-endian, of unit length.
ALTER TABLE theme
    ADD COLUMN named_by   text NOT NULL DEFAULT 'terms' CHECK (named_by IN ('terms', 'number', 'editor')),
    ADD COLUMN terms      text[] NOT NULL DEFAULT '{}',
    ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();

-- One row: what videos have in common (float32, little-endian), without which they are compared with themes.
-- Whoever gives a video its theme holds a share of this row's lock meanwhile; whoever changes the themes waits.
CREATE TABLE theme_space (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version  bigint NOT NULL, -- rises with every change of the themes: readers load them again
    centre   bytea NOT NULL,
    found_at timestamptz
);
INSERT INTO theme_space (version, centre) VALUES (0, '');

-- No foreign key: a theme that is gone is no theme, until the video gets its next one. The distance is that to
-- the theme's direction: the most typical videos have the smallest.
ALTER TABLE video
    ADD COLUMN theme_id       uuid,
    ADD COLUMN theme_distance real;
CREATE INDEX video_theme ON video (theme_id, theme_distance, video_id) WHERE theme_id IS NOT NULL AND searchable;
