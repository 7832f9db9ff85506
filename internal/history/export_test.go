package history

// NewWithLimit returns an empty memory of so many records per tenant.
func NewWithLimit(n int) *Memory {
	m := New()
	m.limit = n
	return m
}

// Records returns how many names a tenant has.
func (m *Memory) Records(tenant string) int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	p := m.tenants[tenant]
	return len(p.familiar) + len(p.strangers)
}
