package mailflow

import "context"

// Ship ships once, as Run does again and again.
func (s *Shipper) Ship(ctx context.Context) error { return s.ship(ctx) }
