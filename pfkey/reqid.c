// SPDX-License-Identifier: MIT
/* Numbers that tie a policy to its own SAs. */
#include "pfkey/handle.h"

#include <errno.h>
#include <string.h>

#define REQID_MANUAL_MAX 0x3fff		/* up to here they belong to people and to config files, as in af_key */
#define REQID_WINDOW 0x4000		/* how many are looked at in one pass over the SPD */
#define REQID_PASSES 64

struct reqid_search {
	uint32_t base;
	uint8_t used[REQID_WINDOW / 8];
};

static int note_reqids(const struct ipsec_policy *pol, void *arg)
{
	struct reqid_search *s = arg;

	for (unsigned int i = 0; i < pol->ntmpl; i++) {
		uint32_t at = pol->tmpl[i].reqid - s->base;

		if (at < REQID_WINDOW)
			s->used[at / 8] |= (uint8_t)(1 << at % 8);
	}
	return 0;
}

static uint32_t next_base(uint32_t last)
{
	return last > REQID_MANUAL_MAX && last < UINT32_MAX - REQID_WINDOW ? last + 1 : REQID_MANUAL_MAX + 1;
}

/* Where the backend cannot name others, from the top of what people may use: they begin at the bottom. */
static int alloc_low(struct ipsec *ip, uint32_t *reqids, size_t n)
{
	uint32_t next = ip->last_reqid ? ip->last_reqid - 1 : ip->ops->reqid_max;
	struct reqid_search s = { .base = 0 };
	size_t got = 0;
	int err = ipsec_policy_dump(ip, note_reqids, &s);

	if (err)
		return err;
	for (; got < n && next; next--)
		if (!(s.used[next / 8] & 1 << next % 8))
			reqids[got++] = ip->last_reqid = next;
	return got == n ? 0 : ipsec_fail(ip, -ENOENT, "no free reqid was found");
}

int ipsec_reqid_alloc(struct ipsec *ip, uint32_t *reqids, size_t n)
{
	struct reqid_search s;
	size_t got = 0;

	if (ip->ops->reqid_max && ip->ops->reqid_max < REQID_WINDOW)
		return alloc_low(ip, reqids, n);

	for (unsigned int pass = 0; got < n && pass < REQID_PASSES; pass++) {
		int err;

		memset(&s, 0, sizeof(s));
		s.base = next_base(ip->last_reqid);
		err = ipsec_policy_dump(ip, note_reqids, &s);
		if (err)
			return err;
		for (uint32_t at = 0; at < REQID_WINDOW && got < n; at++) {
			ip->last_reqid = s.base + at;
			if (!(s.used[at / 8] & 1 << at % 8))
				reqids[got++] = ip->last_reqid;
		}
	}
	return got == n ? 0 : ipsec_fail(ip, -ENOENT, "no free reqid was found");
}
