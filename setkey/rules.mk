# SPDX-License-Identifier: MIT
# setkey(8). The scanner and the parser are generated into $(O)/gen/setkey/lang.
setkey_gen := $(O)/gen/setkey/lang
setkey_generated := $(setkey_gen)/scan.c $(setkey_gen)/parse.c
setkey_sources := $(filter-out setkey/setkey.c,$(wildcard setkey/*.c setkey/*/*.c)) $(setkey_generated)

setkey_pkgs := libmnl jansson libedit

$(eval $(call library,setkey,$(setkey_sources),$(setkey_pkgs)))
$(eval $(call program,bin/setkey,setkey/setkey.c,setkey pfkey,$(setkey_pkgs)))
programs += $(O)/bin/setkey

# Full tables (-Cfe): 30 KB more, and half the time of the scanner, which is the largest part of our own in loading a file.
$(setkey_gen)/scan.c $(setkey_gen)/scan.h &: setkey/lang/scan.l
	@mkdir -p $(@D)
	@echo "  FLEX    $<"
	$(q)flex -Cfe -o $(setkey_gen)/scan.c --header-file=$(setkey_gen)/scan.h $<

$(setkey_gen)/parse.c $(setkey_gen)/parse.h &: setkey/lang/parse.y
	@mkdir -p $(@D)
	@echo "  BISON   $<"
	$(q)bison -Wall -Werror --header=$(setkey_gen)/parse.h -o $(setkey_gen)/parse.c $<

$(setkey_objects): | $(setkey_gen)/scan.h $(setkey_gen)/parse.h
generated_headers += $(setkey_gen)/scan.h $(setkey_gen)/parse.h

$(eval $(call unit_test,setkey_parse,setkey pfkey,$(setkey_pkgs)))
$(eval $(call unit_test,setkey_apply,setkey pfkey,$(setkey_pkgs)))
$(eval $(call unit_test,setkey_dump,setkey pfkey,$(setkey_pkgs)))
$(eval $(call unit_test,setkey_options,setkey pfkey,$(setkey_pkgs)))
$(eval $(call unit_test,setkey_json,setkey pfkey,$(setkey_pkgs)))
$(eval $(call unit_test,setkey_write,setkey pfkey,$(setkey_pkgs)))
$(eval $(call unit_test,setkey_sync,setkey pfkey,$(setkey_pkgs)))
$(eval $(call unit_test,setkey_sync_order,setkey pfkey,$(setkey_pkgs)))
$(eval $(call fuzzer,setkey,setkey pfkey,$(setkey_pkgs)))
