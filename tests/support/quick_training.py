"""`models.training` with few rounds."""

import sys

from models.training.__main__ import main

if __name__ == "__main__":
    sys.argv += ["--quick", "--threads", "1"]
    main()
