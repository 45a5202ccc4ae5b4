"""What every system's training shares: splits, the fit loop, calibration, gate, graphs, measures, cards."""
