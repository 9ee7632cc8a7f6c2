# SPDX-License-Identifier: MIT
# card-emu, a smart card in software for tests (tests/card/README.md, tests/lib/card.sh). The mock modules beside it are others'.

card_emu_c := $(filter-out tests/card/mock_%,$(sort $(wildcard tests/card/*.c)))
$(eval $(call program,tests/card-emu,$(card_emu_c),util,libcrypto))
lab-programs: $(O)/tests/card-emu
