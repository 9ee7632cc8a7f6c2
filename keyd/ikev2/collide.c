// SPDX-License-Identifier: MIT
// Comparing the nonces of exchanges that cross.
#include "keyd/ikev2/collide.h"

#include <string.h>

bool collide_lower(struct view a, struct view b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n ? memcmp(a.p, b.p, n) : 0;

	return order ? order < 0 : a.n < b.n;
}

struct view collide_lowest(struct view a, struct view b)
{
	return collide_lower(b, a) ? b : a;
}

int collide_note(struct exchange *ours, struct view ni, struct view nr)
{
	struct view low = collide_lowest(ni, nr);

	return secret_set(&ours->rival.nonce, low.p, low.n);
}

bool collide_lost(const struct exchange *x)
{
	struct view ours = collide_lowest(secret_view(&x->ni), secret_view(&x->nr));

	return x->rival.nonce.n && x->nr.n && collide_lower(ours, secret_view(&x->rival.nonce));
}
