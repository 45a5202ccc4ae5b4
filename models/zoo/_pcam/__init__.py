"""Parts of the PCam system that no other shares."""
