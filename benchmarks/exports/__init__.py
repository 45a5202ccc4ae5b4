"""What exporting a long history costs: seconds and memory, per format and database."""
