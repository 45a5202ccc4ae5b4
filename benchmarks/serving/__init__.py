"""One leukemia image over HTTP: this portal beside others with the same network in torch."""
