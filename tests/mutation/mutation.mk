# One-line breakages of the hypervisor, each of which must turn a test red (mutants.py). Long: not part of `make test`.
mutation: guests
	$(Q)$(PYTHON) tests/mutation/run.py --build $(B) $(MUTANTS)
.PHONY: mutation
