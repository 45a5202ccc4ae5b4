"""The bench: fit, calibrate, gate, evaluate, export and compare. Needs torch; serving never imports it."""
