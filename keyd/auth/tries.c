// SPDX-License-Identifier: MIT
// Counts wrong passwords.
#include "keyd/auth/tries.h"

#include "keyd/crypto/hash.h"

#include <string.h>

#define SEC 1000000u			/* µs */

/* One of the two counts: with a source, or from anywhere (NULL). Of IPv6 a source is its /64. */
static int name(const struct conf_digest *key, struct view user, const struct ipsec_addr *source, uint8_t who[32])
{
	const struct view parts[] = {
		{ key->b, sizeof(key->b) }, user, { (const uint8_t *)"", 1 },
		{ source ? source->b : NULL, !source ? 0 : source->family == AF_INET6 ? 8 : ipsec_addr_size(source->family) },
	};

	_Static_assert(CRYPTO_SHA256_LEN == sizeof(((struct try *)0)->who), "a hash names a count");
	return crypto_sha256(parts, source ? 4 : 2, who);
}

static const struct try *find(const struct tries *t, const uint8_t who[32])
{
	for (unsigned i = 0; i < TRIES_MAX; i++)
		if (t->t[i].failures && !memcmp(t->t[i].who, who, sizeof(t->t[i].who)))
			return &t->t[i];
	return NULL;
}

static int wait_of(const struct try *x, unsigned allowed, unsigned most, uint64_t now)
{
	unsigned over = x && x->failures >= allowed ? x->failures - allowed : 0;
	uint64_t until;

	if (!x || x->failures < allowed || now >= x->last + (uint64_t)TRIES_FORGET * SEC)
		return 0;
	until = x->last + (over < 16 && 1u << over < most ? 1u << over : most) * (uint64_t)SEC;
	return now < until ? (int)((until - now + SEC - 1) / SEC) : 0;
}

int tries_wait(const struct tries *t, const struct conf_digest *key, struct view user, const struct ipsec_addr *source, uint64_t now)
{
	uint8_t one[32], all[32];
	int here, anywhere;

	if (name(key, user, source, one) || name(key, user, NULL, all))
		return -1;
	here = wait_of(find(t, one), TRIES_FREE, TRIES_WAIT_MAX, now);
	anywhere = wait_of(find(t, all), TRIES_FREE_ALL, TRIES_WAIT_ALL_MAX, now);
	return here > anywhere ? here : anywhere;
}

/* A free one, one that is forgotten, or the one with the fewest mistakes: who makes up names drives out made-up names. */
static struct try *take(struct tries *t, uint64_t now)
{
	struct try *best = &t->t[0];

	for (unsigned i = 0; i < TRIES_MAX; i++) {
		struct try *x = &t->t[i];

		if (!x->failures || now >= x->last + (uint64_t)TRIES_FORGET * SEC) {
			*x = (struct try){ .failures = 0 };
			return x;
		}
		if (x->failures < best->failures || (x->failures == best->failures && x->last < best->last))
			best = x;
	}
	*best = (struct try){ .failures = 0 };
	return best;
}

static void count(struct tries *t, const uint8_t who[32], uint64_t now)
{
	struct try *x = (struct try *)find(t, who);

	if (!x || now >= x->last + (uint64_t)TRIES_FORGET * SEC) {
		if (x)
			x->failures = 0;
		x = take(t, now);
		memcpy(x->who, who, sizeof(x->who));
	}
	if (x->failures < UINT16_MAX)
		x->failures++;
	x->last = now;
}

void tries_failed(struct tries *t, const struct conf_digest *key, struct view user, const struct ipsec_addr *source, uint64_t now)
{
	uint8_t who[32];

	if (!name(key, user, source, who))
		count(t, who, now);
	if (!name(key, user, NULL, who))
		count(t, who, now);
}

void tries_good(struct tries *t, const struct conf_digest *key, struct view user, const struct ipsec_addr *source)
{
	const struct ipsec_addr *sources[] = { source, NULL };
	uint8_t who[32];

	for (unsigned i = 0; i < 2; i++) {
		struct try *x = name(key, user, sources[i], who) ? NULL : (struct try *)find(t, who);

		if (x)
			x->failures = 0;
	}
}
