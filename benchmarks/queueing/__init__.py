"""How long jobs wait: the portal's queue simulated, with the costs that were measured of its work."""
