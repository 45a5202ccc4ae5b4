"""What leaves the portal as files: the history as tables, and reviewed images as training sets."""
