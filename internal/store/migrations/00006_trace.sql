-- +goose Up
-- What a held message gets on release, as JSON of message.Patch; rows of earlier versions have none and leave as they came.
ALTER TABLE held ADD COLUMN trace TEXT NOT NULL DEFAULT '[]';

-- +goose Down
ALTER TABLE held DROP COLUMN trace;
