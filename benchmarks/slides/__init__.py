"""How fast a whole slide is read, against the bare network, other people's code, and one worker more."""
