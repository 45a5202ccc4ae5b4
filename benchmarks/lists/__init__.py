"""How long the worklist and the history take with 100,000 predictions of one reader."""
