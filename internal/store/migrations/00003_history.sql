-- +goose Up
-- Who wrote and whom was written to: first, last and messages stay those of wanted mail of
-- proved authors. seen is when anything was learned last; familiar is 1 where the name is
-- not that of a stranger; detail is the rest of history.Record.
ALTER TABLE senders ADD COLUMN seen BIGINT NOT NULL DEFAULT 0;
ALTER TABLE senders ADD COLUMN familiar INTEGER NOT NULL DEFAULT 1;
ALTER TABLE senders ADD COLUMN detail TEXT NOT NULL DEFAULT '{}';
UPDATE senders SET seen = last;
DROP INDEX senders_by_age;
CREATE INDEX senders_by_age ON senders (seen);
CREATE INDEX senders_by_worth ON senders (tenant, familiar, seen);

-- +goose Down
DELETE FROM senders WHERE messages = 0;
DROP INDEX senders_by_worth;
DROP INDEX senders_by_age;
CREATE INDEX senders_by_age ON senders (last);
ALTER TABLE senders DROP COLUMN detail;
ALTER TABLE senders DROP COLUMN familiar;
ALTER TABLE senders DROP COLUMN seen;
