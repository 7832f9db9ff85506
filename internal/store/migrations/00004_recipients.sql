-- +goose Up
-- Whether mail was ever delivered to somebody, and what was sent to them, in any case of letters.
CREATE INDEX deliveries_by_recipient ON deliveries (lower(recipient), status);

-- +goose Down
DROP INDEX deliveries_by_recipient;
