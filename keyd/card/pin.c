// SPDX-License-Identifier: MIT
// PINs, each in pages of its own.
#include "keyd/card/pin.h"

#include "keyd/card/driver.h"

#include <string.h>
#include <sys/mman.h>

struct card_pin {
	size_t n;
	uint8_t digits[CARD_PIN_MAX];
};

int card_pin_new(struct card_pin **out, struct view pin)
{
	struct card_pin *p;

	if (pin.n > CARD_PIN_MAX)
		return -1;
	p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return -1;
	if (mlock(p, sizeof(*p)) || madvise(p, sizeof(*p), MADV_DONTDUMP) || madvise(p, sizeof(*p), MADV_DONTFORK)) {
		munmap(p, sizeof(*p));
		return -1;
	}
	p->n = pin.n;
	if (pin.n)
		memcpy(p->digits, pin.p, pin.n);
	*out = p;
	return 0;
}

void card_pin_free(struct card_pin *p)
{
	if (!p)
		return;
	secret_cleanse(p, sizeof(*p));
	munmap(p, sizeof(*p));
}

struct view card_pin_view(const struct card_pin *p)
{
	return p ? (struct view){ p->digits, p->n } : (struct view){ 0 };
}
