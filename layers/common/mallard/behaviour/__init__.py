"""What visitors do one thing after another: sessions, funnels, retention, sequences, flow."""
