"""What the portal counts and measures of itself, in Prometheus' text form."""
