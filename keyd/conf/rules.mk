# SPDX-License-Identifier: MIT
# keyd/conf: the language of keyd.conf and files of secrets. Programs link: conf crypto pfkey util.
conf_gen := $(O)/gen/keyd/conf
conf_libs := conf crypto pfkey util
conf_test_pkgs := libcrypto libmnl

# The generated parts are compiled like the rest, with the same warnings.
conf_generated := $(conf_gen)/conf.tab.c $(conf_gen)/conf.yy.c
$(eval $(call library,conf,$(wildcard keyd/conf/*.c) $(conf_generated),))

$(conf_gen)/conf.tab.c: keyd/conf/conf.y
	@mkdir -p $(@D)
	@echo "  BISON   $<"
	$(q)bison -Wall -Werror=conflicts-sr,conflicts-rr -Wno-yacc --header=$(conf_gen)/conf.tab.h -o $@ $<
$(conf_gen)/conf.tab.h: $(conf_gen)/conf.tab.c ;
$(conf_gen)/conf.yy.c: keyd/conf/conf.l
	@mkdir -p $(@D)
	@echo "  FLEX    $<"
	$(q)flex -o $@ $<

$(conf_objects): | $(conf_gen)/conf.tab.h
generated_headers += $(conf_gen)/conf.tab.h

$(eval $(call unit_test,conf,$(conf_libs),$(conf_test_pkgs)))
$(eval $(call unit_test,conf_id,$(conf_libs),$(conf_test_pkgs)))
$(eval $(call unit_test,conf_choose,$(conf_libs),$(conf_test_pkgs)))
$(eval $(call unit_test,conf_ipsec_use,$(conf_libs),$(conf_test_pkgs)))
$(eval $(call unit_test,conf_cert,$(conf_libs),$(conf_test_pkgs)))
$(eval $(call unit_test,conf_xauth,$(conf_libs),$(conf_test_pkgs)))
$(eval $(call unit_test,conf_token,$(conf_libs),$(conf_test_pkgs)))
$(O)/tests/unit/conf_cert $(O)/tests/unit/conf_ipsec_use $(O)/tests/unit/conf_token: | $(O)/tests/ca/made
$(eval $(call unit_test,conf_psk,$(conf_libs),$(conf_test_pkgs)))
$(eval $(call unit_test,conf_ipsec,$(conf_libs),$(conf_test_pkgs)))
$(eval $(call fuzzer,conf,$(conf_libs),$(conf_test_pkgs)))
$(eval $(call fuzzer,psk,$(conf_libs),$(conf_test_pkgs)))
$(eval $(call fuzzer,ipsec,$(conf_libs),$(conf_test_pkgs)))
