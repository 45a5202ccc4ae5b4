"""One file per system, found by scanning; files that start with "_" are shared parts."""
