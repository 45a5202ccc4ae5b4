"""ER expression: scenes of real and drawn nuclei, both networks, and how well they read."""
