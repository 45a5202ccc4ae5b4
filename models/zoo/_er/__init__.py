"""Parts of the ER system that no other shares."""
