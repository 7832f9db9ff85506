-- +goose Up
-- Why policy held or rejected a message, as JSON of verdict.Reason; rows of earlier versions have a code such as "blocked:spam.example".
ALTER TABLE held RENAME COLUMN override TO reason;
ALTER TABLE deliveries ADD COLUMN held TEXT NOT NULL DEFAULT '';
ALTER TABLE deliveries ADD COLUMN reason TEXT NOT NULL DEFAULT '';
-- What happened since a time, for all tenants together.
CREATE INDEX events_by_time ON events (at);

-- +goose Down
DROP INDEX events_by_time;
ALTER TABLE deliveries DROP COLUMN reason;
ALTER TABLE deliveries DROP COLUMN held;
ALTER TABLE held RENAME COLUMN reason TO override;
