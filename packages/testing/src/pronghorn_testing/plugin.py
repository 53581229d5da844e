"""The pytest side of the conformance kit: `pytest --pyargs pronghorn_testing --backend NAME`."""
