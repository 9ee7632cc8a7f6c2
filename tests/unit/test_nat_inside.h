/* SPDX-License-Identifier: MIT */
/* What the tests of NAT traversal look at, whatever the version of IKE: ports of the IKE SA and of ESP, and losses. */
#ifndef TEST_NAT_INSIDE_H
#define TEST_NAT_INSIDE_H

#include "keyd/util/wr.h"	/* before w, which its parameters are called, too */
#include "tests/unit/world_nat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct world w;

struct seen {
	unsigned ikes;
	struct engine_ike_info ike;	/* the established one */
};

static inline void note_ike(void *arg, const struct engine_ike_info *info)
{
	struct seen *s = arg;

	if (strcmp(info->state, "established") != 0)
		return;
	s->ikes++;
	s->ike = *info;
}

static inline void note_child(void *arg, const struct engine_child_info *info)
{
	(void)arg;
	(void)info;
}

static inline struct engine_ike_info ike_of(unsigned host)
{
	struct seen s = { 0 };

	engine_walk(w.host[host].engine, w.now, note_ike, note_child, &s);
	assert_int_equal(s.ikes, 1);
	return s.ike;
}

static inline void assert_ports(unsigned host, uint16_t local, uint16_t remote)
{
	struct engine_ike_info i = ike_of(host);

	assert_int_equal(i.local_port, local);
	assert_int_equal(i.remote_port, remote);
}

/* Both kernel SAs of the newest child, at this host: in UDP between these ports, or bare. */
static inline void assert_esp(unsigned host, uint16_t local, uint16_t remote)
{
	const struct ipsec_encap *out = &world_newest(&w.host[host], true)->sa.encap;
	const struct ipsec_encap *in = &world_newest(&w.host[host], false)->sa.encap;

	assert_int_equal(out->type, local ? 2 : 0);
	assert_int_equal(in->type, local ? 2 : 0);
	assert_int_equal(out->sport, local);
	assert_int_equal(out->dport, remote);
	assert_int_equal(in->sport, remote);
	assert_int_equal(in->dport, local);
}

static inline void assert_nothing_lost(void)
{
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		assert_int_equal(w.host[i].lost_keying, 0);
		assert_int_equal(w.host[i].lost_link, 0);
	}
}

#endif
