"""Reports of a case: what one says, what changed since it was signed, signing it, and drawing it on paper."""
