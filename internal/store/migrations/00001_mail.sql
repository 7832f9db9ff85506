-- +goose Up
-- Times are microseconds since 1970 in UTC; JSON is text.
CREATE TABLE sequences (
    tenant TEXT PRIMARY KEY,
    next   BIGINT NOT NULL
);

CREATE TABLE events (
    tenant     TEXT   NOT NULL,
    seq        BIGINT NOT NULL,
    edge       TEXT   NOT NULL,
    edge_seq   BIGINT NOT NULL,
    kind       TEXT   NOT NULL,
    at         BIGINT NOT NULL,
    message_id TEXT   NOT NULL,
    recipients TEXT   NOT NULL,
    detail     TEXT   NOT NULL,
    PRIMARY KEY (tenant, seq)
);
CREATE UNIQUE INDEX events_by_edge ON events (edge, edge_seq);
CREATE INDEX events_by_message ON events (message_id);

CREATE TABLE messages (
    id          TEXT PRIMARY KEY,
    tenant      TEXT   NOT NULL,
    at          BIGINT NOT NULL,
    mail_from   TEXT   NOT NULL,
    header_from TEXT   NOT NULL,
    from_name   TEXT   NOT NULL,
    subject     TEXT   NOT NULL,
    field_id    TEXT   NOT NULL,
    client      TEXT   NOT NULL,
    size        BIGINT NOT NULL,
    disposition TEXT   NOT NULL DEFAULT 'UNKNOWN',
    score       DOUBLE PRECISION NOT NULL DEFAULT 0,
    verdict     TEXT   NOT NULL DEFAULT '{}',
    auth        TEXT   NOT NULL DEFAULT '{}'
);
CREATE INDEX messages_by_time ON messages (tenant, at);

CREATE TABLE deliveries (
    message_id TEXT   NOT NULL,
    recipient  TEXT   NOT NULL,
    status     TEXT   NOT NULL,
    reply      TEXT   NOT NULL,
    host       TEXT   NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (message_id, recipient)
);

CREATE TABLE held (
    id          TEXT PRIMARY KEY,
    tenant      TEXT   NOT NULL,
    message_id  TEXT   NOT NULL,
    envelope    TEXT   NOT NULL,
    traits      TEXT   NOT NULL,
    disposition TEXT   NOT NULL,
    override    TEXT   NOT NULL,
    header_from TEXT   NOT NULL,
    subject     TEXT   NOT NULL,
    size        BIGINT NOT NULL,
    blob        TEXT   NOT NULL,
    at          BIGINT NOT NULL,
    expires     BIGINT NOT NULL,
    state       TEXT   NOT NULL,
    asked_by    TEXT   NOT NULL DEFAULT ''
);
CREATE INDEX held_by_time ON held (tenant, at);
CREATE INDEX held_by_state ON held (state, expires);
CREATE INDEX held_by_blob ON held (blob);

CREATE TABLE senders (
    tenant   TEXT   NOT NULL,
    sender   TEXT   NOT NULL,
    first    BIGINT NOT NULL,
    last     BIGINT NOT NULL,
    messages BIGINT NOT NULL,
    PRIMARY KEY (tenant, sender)
);

-- +goose Down
DROP TABLE senders;
DROP TABLE held;
DROP TABLE deliveries;
DROP TABLE messages;
DROP TABLE events;
DROP TABLE sequences;
