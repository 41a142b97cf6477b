"""Reports over the order of events: sessions, funnels, retention, sequences, flow."""
