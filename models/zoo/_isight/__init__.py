"""Parts of iSight, shared by its compact and its large encoder."""
