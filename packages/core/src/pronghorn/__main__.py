"""`python -m pronghorn`."""

from pronghorn.cli import main

raise SystemExit(main())
