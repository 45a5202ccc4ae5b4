"""What is lost when processes are killed."""
