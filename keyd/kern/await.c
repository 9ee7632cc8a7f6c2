// SPDX-License-Identifier: MIT
// Has the kernel tell of an SA's first packet, for as long as somebody waits for one.
#include "keyd/kern/await.h"

#include "keyd/util/list.h"
#include "pfkey/backend.h"

#include <stdlib.h>

#define AWAITS_MAX 65536	/* of a peer that never sends; beyond, signs in IKE must do */

struct await {
	struct table_node node;
	struct ipsec_sa_id id;
};

static struct await *find(const struct awaits *a, uint32_t spi)
{
	struct table_node *node = a->by_spi.slots ? table_find(&a->by_spi, spi) : NULL;

	return node ? container_of(node, struct await, node) : NULL;
}

static int begin(struct awaits *a, struct ipsec *ip, const struct ipsec_sa *sa)
{
	struct await *w;

	if ((!a->by_spi.slots && table_init(&a->by_spi)) || a->by_spi.n >= AWAITS_MAX || find(a, sa->spi))
		return -1;
	/* Before the SA is there: its first packet may come at once. PF_KEY refuses. */
	if (!a->by_spi.n && ipsec_subscribe_ae(ip, true))
		return -1;
	w = malloc(sizeof(*w));
	if (!w) {
		if (!a->by_spi.n)
			ipsec_subscribe_ae(ip, false);
		return -1;
	}
	w->id = (struct ipsec_sa_id){ .dst = sa->dst, .proto = sa->proto, .spi = sa->spi, .mark = sa->mark };
	table_add(&a->by_spi, &w->node, sa->spi);
	return 0;
}

static void end(struct awaits *a, struct ipsec *ip, struct await *w)
{
	table_del(&a->by_spi, &w->node);
	free(w);
	if (!a->by_spi.n)
		ipsec_subscribe_ae(ip, false);
}

static void settle(struct awaits *a, struct ipsec *ip, uint32_t spi)
{
	struct await *w = find(a, spi);

	if (!w)
		return;
	/* An SA that is gone tells nothing either. */
	ipsec_sa_ae(ip, &w->id, IPSEC_AE_NEVER);
	end(a, ip, w);
}

static void forget(struct awaits *a, struct ipsec *ip, const struct ipsec_sa_id *id)
{
	struct await *w = find(a, id->spi);

	if (w && ipsec_addr_equal(&w->id.dst, &id->dst))
		end(a, ip, w);
}

void await_prepare(struct awaits *a, struct ipsec *ip, struct ipsec_sa *sa, uint32_t settled)
{
	settle(a, ip, settled);
	if (sa->ae == IPSEC_AE_FIRST && begin(a, ip, sa))
		sa->ae = IPSEC_AE_NEVER;
}

void await_cancel(struct awaits *a, struct ipsec *ip, const struct ipsec_sa *sa)
{
	const struct ipsec_sa_id id = { .dst = sa->dst, .spi = sa->spi };

	if (sa->ae == IPSEC_AE_FIRST)
		forget(a, ip, &id);
}

static void forget_all(struct awaits *a, struct ipsec *ip)
{
	for (size_t i = 0; i < a->by_spi.nslots; i++)
		while (a->by_spi.slots[i])
			end(a, ip, container_of(a->by_spi.slots[i], struct await, node));
}

static bool told(struct awaits *a, struct ipsec *ip, const struct ipsec_ae *ae)
{
	const struct await *w = find(a, ae->id.spi);

	/* Also told when somebody else changes the SA; and it has received only what it has counted. */
	if (!w || !ipsec_addr_equal(&w->id.dst, &ae->id.dst) || !ae->seq)
		return false;
	settle(a, ip, ae->id.spi);
	return true;
}

bool await_wanted(struct awaits *a, struct ipsec *ip, const struct ipsec_event *ev)
{
	if (ev->type == IPSEC_EVENT_AE)
		return told(a, ip, &ev->ae);
	if (ev->type == IPSEC_EVENT_SA_DELETE)
		forget(a, ip, &ev->sa_id);
	else if (ev->type == IPSEC_EVENT_SA_FLUSH)
		forget_all(a, ip);
	return true;
}

void awaits_free(struct awaits *a, struct ipsec *ip)
{
	forget_all(a, ip);
	table_free(&a->by_spi);
	a->by_spi = (struct table){ 0 };
}
