"""What a backup and a restore cost: seconds, and memory that must not grow with what is backed up."""
