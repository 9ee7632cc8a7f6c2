// SPDX-License-Identifier: MIT
// Child SAs by their SPIs, by their policy, and by the packets that they carry.
#include "keyd/ike/child_inside.h"

#include "keyd/ike/exchange.h"
#include "keyd/ike/selector.h"
#include "keyd/ike/version.h"

struct child_sa *child_find(struct engine *e, uint32_t spi_in)
{
	struct table_node *node = table_find(&e->by_child, spi_in);

	return node ? container_of(node, struct child_sa, node) : NULL;
}

static struct exchange *maker_on(const struct ike_sa *sa, const struct child_sa *c)
{
	if (sa->active && sa->active->child == c)
		return sa->active;
	if (sa->serving && sa->serving->child == c)
		return sa->serving;
	list_each(x, &sa->queue, struct exchange, link)
		if (x->child == c)
			return x;
	return sa->version->maker ? sa->version->maker(sa, c) : NULL;
}

/* Mostly it is on c's own. But any number of SAs may have taken each other's place since it began. */
struct exchange *child_maker(const struct child_sa *c)
{
	struct exchange *x = NULL;

	if (c->state == CHILD_NEW || c->unfinished)
		x = maker_on(c->sa, c);
	list_each(sa, &c->sa->e->sas, struct ike_sa, link) {
		if (x || (c->state != CHILD_NEW && !c->unfinished))
			break;
		x = maker_on(sa, c);
	}
	return x;
}

static uint64_t out_key(uint32_t spi_out)
{
	return table_hash(0, &spi_out, sizeof(spi_out));
}

static struct child_sa *of_out(struct table_node *node)
{
	return node ? container_of(node, struct child_sa, by_out) : NULL;
}

void child_index_out(struct child_sa *c)
{
	table_del(&c->sa->e->by_out, &c->by_out);
	table_add(&c->sa->e->by_out, &c->by_out, out_key(c->spi_out));
}

struct child_sa *child_find_out(struct ike_sa *sa, uint32_t spi_out)
{
	struct child_sa *c = of_out(table_find(&sa->e->by_out, out_key(spi_out)));

	while (c && (c->spi_out != spi_out || c->sa != sa))
		c = of_out(table_next(&c->by_out));
	return c;
}

struct child_sa *child_find_sent_to(struct engine *e, const struct ipsec_addr *remote, uint32_t spi_out)
{
	struct child_sa *c = of_out(table_find(&e->by_out, out_key(spi_out)));

	while (c && (c->spi_out != spi_out || c->state < CHILD_UP || !ipsec_addr_equal(&c->out_addr, remote)))
		c = of_out(table_next(&c->by_out));
	return c;
}

/* Not by index alone: a policy that is loaded again has another one, and is the same to us. */
static bool made_for(const struct child_sa *c, const struct ipsec_policy *pol)
{
	return c->pol.tmpl[0].reqid == pol->tmpl[0].reqid && c->pol.if_id == pol->if_id &&
	       c->pol.mark.value == pol->mark.value && c->pol.mark.mask == pol->mark.mask &&
	       selector_equal(&c->pol.sel, &pol->sel);
}

static uint64_t policy_key(const struct ipsec_policy *pol)
{
	return selector_hash((uint64_t)pol->if_id << 32 | pol->tmpl[0].reqid, &pol->sel);
}

void child_index_policy(struct child_sa *c)
{
	table_del(&c->sa->e->by_policy, &c->by_policy);
	table_add(&c->sa->e->by_policy, &c->by_policy, policy_key(&c->pol));
}

static struct child_sa *made_for_or_next(struct table_node *node, const struct ipsec_policy *pol)
{
	for (; node; node = table_next(node))
		if (made_for(container_of(node, struct child_sa, by_policy), pol))
			return container_of(node, struct child_sa, by_policy);
	return NULL;
}

struct child_sa *child_first(const struct engine *e, const struct ipsec_policy *pol)
{
	return made_for_or_next(table_find(&e->by_policy, policy_key(pol)), pol);
}

struct child_sa *child_next(const struct child_sa *c, const struct ipsec_policy *pol)
{
	return made_for_or_next(table_next(&c->by_policy), pol);
}

/* What is there is worth more than what is being made, whose selectors may still turn out to be others; 0: nothing. */
static int worth(struct engine *e, const struct child_sa *c, const struct ipsec_selector *flow)
{
	if (c->state == CHILD_REPLACED)
		return 0;
	/* A successor is no more than what it succeeds, as long as that is there. */
	if (c->state == CHILD_NEW)
		return c->replaces && child_find(e, c->replaces) ? 0 : 1;
	return !flow || !c->sel_exact || selector_covers(&c->sel, flow) ? 2 : 0;
}

struct child_sa *child_serving_flow(struct engine *e, const struct ipsec_policy *pol, const struct ipsec_addr *local,
				    const struct ipsec_addr *remote, const struct ipsec_selector *flow)
{
	struct child_sa *best = NULL;
	int most = 0;

	for (struct child_sa *c = child_first(e, pol); c; c = child_next(c, pol)) {
		int n = worth(e, c, flow);

		if (n <= most || !ike_sa_alive(c->sa) || !ipsec_addr_equal(&c->sa->local, local) ||
		    !ipsec_addr_equal(&c->sa->remote, remote))
			continue;
		best = c;
		most = n;
	}
	return best;
}

struct child_sa *child_serving(struct engine *e, const struct ipsec_policy *pol, const struct ipsec_addr *local,
			       const struct ipsec_addr *remote)
{
	return child_serving_flow(e, pol, local, remote, NULL);
}

struct child_sa *child_twin_on(const struct child_sa *c, const struct ike_sa *sa)
{
	const struct ipsec_selector *flow = c->flow.src.family ? &c->flow : NULL;

	for (struct child_sa *o = child_first(sa->e, &c->pol); o; o = child_next(o, &c->pol))
		if (o != c && o->sa == sa && worth(sa->e, o, flow))
			return o;
	return NULL;
}

struct child_sa *child_twin(const struct child_sa *c)
{
	struct child_sa *twin = child_twin_on(c, c->sa);

	return twin && twin->state != CHILD_NEW ? twin : NULL;
}
