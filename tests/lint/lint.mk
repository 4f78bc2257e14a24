# Checks of the sources. What may pass nevertheless stands, with its reason, in tests/lint/exceptions.
lint:
	$(Q)$(PYTHON) tests/lint/run.py $(LINT_ARGS)

# clang-tidy, which takes minutes.
tidy: $(B)/xenios
	$(Q)$(PYTHON) tests/lint/run.py --slow
.PHONY: lint tidy

format:
	$(Q)git ls-files -z "*.c" "*.h" | xargs -0 clang-format-14 -i
.PHONY: format
