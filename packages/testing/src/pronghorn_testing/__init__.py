"""The conformance kit of pronghorn: `pytest --pyargs pronghorn_testing --backend NAME` checks a backend against every promise of the contract.

A case is data (`OpCase` in `case.py`; the cases are in `cases_*.py`), and each one feeds every check (`checks.py`). What cannot be a case
is in `test_contract.py`, `test_state.py`, `test_control.py` and `test_training.py`.
"""
