# SPDX-License-Identifier: MIT
# card-emu, a smart card in software for tests (tests/card/README.md, tests/lib/card.sh).

$(eval $(call program,tests/card-emu,$(sort $(wildcard tests/card/*.c)),util,libcrypto))
lab-programs: $(O)/tests/card-emu
