"""The pronghorn backend of the tiny engine."""
