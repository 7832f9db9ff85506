-- +goose Up
-- meta holds single values, such as the installation that the database belongs to. edges holds the
-- number of the last event that was recorded from each edge, which stays when events are pruned.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE edges (
    edge TEXT PRIMARY KEY,
    seq  BIGINT NOT NULL
);

-- +goose Down
DROP TABLE edges;
DROP TABLE meta;
