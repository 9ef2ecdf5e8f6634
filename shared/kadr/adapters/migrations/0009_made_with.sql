-- What a stage's results were made with, while others are at work on new ones: vectors are judged by the figures of
-- the weights that they come from. Null: as `model_version` says. Filled in as stages are claimed and done, so that
-- no table of tens of millions of rows is written anew here.
ALTER TABLE extraction ADD COLUMN made_with text;
