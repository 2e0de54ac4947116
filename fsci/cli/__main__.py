"""``python -m fsci.cli``: the command line where the ``fsci`` script is not on the path."""

import sys

from fsci.cli.main import main

sys.exit(main())
