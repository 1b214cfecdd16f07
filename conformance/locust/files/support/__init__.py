"""What several locustfiles share."""
