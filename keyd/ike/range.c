// SPDX-License-Identifier: MIT
// From ranges to prefixes.
#include "keyd/ike/range.h"

/* The shortest prefix that begins at a and does not go beyond last. */
static uint8_t longest_step(const struct ipsec_addr *a, const struct ipsec_addr *last)
{
	uint8_t len = ipsec_addr_bits(a->family);
	struct ipsec_addr from, to;

	while (len > 0) {
		ipsec_addr_prefix_range(a, len - 1, &from, &to);
		if (!ipsec_addr_equal(&from, a) || ipsec_addr_cmp(&to, last) > 0)
			break;
		len--;
	}
	return len;
}

static void add_one(struct ipsec_addr *a)
{
	for (size_t i = ipsec_addr_size(a->family); i-- > 0 && !++a->b[i];)
		;
}

unsigned range_prefixes(const struct ipsec_addr *first, const struct ipsec_addr *last, struct kern_prefix *out, unsigned max)
{
	struct ipsec_addr a = *first, from, to;
	unsigned n = 0;

	if (!ipsec_addr_size(a.family) || a.family != last->family || ipsec_addr_cmp(&a, last) > 0)
		return 0;
	while (n < max) {
		out[n].addr = a;
		out[n].len = longest_step(&a, last);
		ipsec_addr_prefix_range(&a, out[n++].len, &from, &to);
		if (ipsec_addr_equal(&to, last))
			return n;
		a = to;
		add_one(&a);
	}
	return 0;
}
