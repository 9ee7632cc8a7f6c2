# SPDX-License-Identifier: MIT
# make lint: what machines can say about the code without running it. tests/lint/ holds the checks that are ours.
# Each file's result is remembered in $(O)/lint until it, a header of its own or the rules change.

lint_c = $(sort $(wildcard pfkey/*.c pfkey/*/*.c setkey/*.c setkey/*/*.c keyd/*/*.c tests/*/*.c))
lint_tidy = $(lint_c:%.c=$(O)/lint/%.tidy)
lint_manuals = $(sort $(wildcard pfkey/*.[1-9] setkey/*.[1-9] keyd/*.[1-9] keyd/*/*.[1-9]))
lint_scripts = $(shell tests/lint/files | xargs awk 'FNR == 1 && /^\#!.*sh( |$$)/ || FNR < 8 && /^\# shellcheck shell=/ \
	{ print FILENAME; nextfile }' | sort -u)
lint_cflags = -I. -I$(O)/gen -D_GNU_SOURCE -DGAPLESS_VERSION='"0"' -DGAPLESS_ETC='""' -DGAPLESS_RUN='""' -DGAPLESS_CACHE='""'
lint_ours := includes lengths spdx words

## make lint              cppcheck, clang-tidy, shellcheck, mandoc, and our own: includes, lengths, spdx, words (each also: make lint-NAME)
lint:
	$(q)packaging/deps --if-missing build tests lint
	$(build) --keep-going lint-all

lint-all: lint-cppcheck lint-tidy lint-shell lint-man $(lint_ours:%=lint-%)

$(lint_ours:%=lint-%): lint-%:
	$(q)tests/lint/$*

# The conditions of what is compiled decide: one configuration, not every one that cppcheck can think of.
lint-cppcheck: $(generated_headers)
	@echo "  CPPCHECK"
	@mkdir -p $(O)/lint/cppcheck
	$(q)cppcheck --quiet --cppcheck-build-dir=$(O)/lint/cppcheck -j2 --std=c11 --platform=unix64 --error-exitcode=1 \
		--enable=warning,performance,portability --inline-suppr --suppressions-list=tests/lint/cppcheck.txt \
		--library=tests/lint/cppcheck.cfg -D__linux__ $(lint_cflags) $(lint_c)

lint-tidy: $(lint_tidy)

$(O)/lint/%.tidy: %.c .clang-tidy | $(generated_headers)
	@mkdir -p $(@D)
	@echo "  TIDY    $<"
	$(q)timeout 300 clang-tidy --quiet $< -- -std=gnu11 $(lint_cflags) $(call pkgs,cflags,$(packages_asked)) >$(@:.tidy=.log) 2>&1 || \
		{ cat $(@:.tidy=.log); exit 1; }
	$(q)$(CC) -std=gnu11 $(lint_cflags) $(call pkgs,cflags,$(packages_asked)) -MM -MP -MT $@ -MF $@.d $<
	@touch $@
ifneq ($(filter lint%,$(MAKECMDGOALS)),)
-include $(lint_tidy:=.d)
endif

lint-shell:
	@echo "  SHELLCHECK"
	$(q)shellcheck -x $(lint_scripts)

lint-man:
	@echo "  MANDOC"
	$(q)mandoc -Tlint -W warning $(lint_manuals)

.PHONY: lint lint-all lint-cppcheck lint-tidy lint-shell lint-man $(lint_ours:%=lint-%)
