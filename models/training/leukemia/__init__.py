"""Training, measuring and shipping the leukemia systems."""
