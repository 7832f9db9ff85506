-- +goose Up
-- What Prune asks for: the oldest rows of each kind, and whether a message is held still.
CREATE INDEX messages_by_age ON messages (at);
CREATE INDEX deliveries_by_age ON deliveries (at);
CREATE INDEX held_by_age ON held (state, at);
CREATE INDEX held_by_message ON held (message_id);
CREATE INDEX senders_by_age ON senders (last);

-- +goose Down
DROP INDEX senders_by_age;
DROP INDEX held_by_message;
DROP INDEX held_by_age;
DROP INDEX deliveries_by_age;
DROP INDEX messages_by_age;
