# A thin cover for dev.py: `make test ARGS="-k registry"`.
PYTHON ?= python3
.PHONY: demo test setup lock
demo test setup lock:
	$(PYTHON) dev.py $@ $(ARGS)
