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

int card_pin_alloc(struct card_pin **out, size_t n, uint8_t **room)
{
	struct card_pin *p;

	if (n > CARD_PIN_MAX)
		return -1;
	p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return -1;
	if (mlock(p, sizeof(*p)) || madvise(p, sizeof(*p), MADV_DONTDUMP) || madvise(p, sizeof(*p), MADV_DONTFORK)) {
		munmap(p, sizeof(*p));
		return -1;
	}
	p->n = n;
	*room = p->digits;
	*out = p;
	return 0;
}

int card_pin_new(struct card_pin **out, struct view pin)
{
	uint8_t *room;

	if (card_pin_alloc(out, pin.n, &room))
		return -1;
	if (pin.n)
		memcpy(room, pin.p, pin.n);
	return 0;
}

void card_pin_cut(struct card_pin *p, size_t n)
{
	if (n < p->n)
		p->n = n;
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
