// SPDX-License-Identifier: MIT
// Shorter runs that fail.
#include "tests/sim/shrink.h"

#include "keyd/ike/timer.h"
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

/* --- what can be left out --- */

static void no_loss(struct plan_host *h)
{
	h->loss = 0;
}

static void no_esp_loss(struct plan_host *h)
{
	h->esp_loss = 0;
}

static void no_dup(struct plan_host *h)
{
	h->dup = 0;
}

static void no_jitter(struct plan_host *h)
{
	h->jitter = 0;
}

static void no_esp_jitter(struct plan_host *h)
{
	h->esp_jitter = 0;
}

static void no_drift(struct plan_host *h)
{
	h->drift = 0;
}

static void no_kernel_delay(struct plan_host *h)
{
	h->kernel_delay = 50;
}

static void no_auth_delay(struct plan_host *h)
{
	h->auth_delay = 100;
}

static void no_mtu(struct plan_host *h)
{
	h->mtu = 0;
}

static void one_delay(struct plan_host *h)
{
	h->delay = MILLISECONDS(10);
}

static void no_patience(struct plan_host *h)
{
	h->nat_patience = 0;
}

static void two_hosts(struct plan *p)
{
	p->nhosts = 2;
}

static void one_policy(struct plan *p)
{
	p->npolicies = 1;
}

static void no_pfs(struct plan *p)
{
	p->pfs = false;
}

static void short_run(struct plan *p)
{
	uint64_t last = p->nops ? p->op[p->nops - 1].at + SECONDS(1) : p->active / 2;

	if (last < p->active)
		p->active = last;
}

static void no_ike_lifetime(struct plan *p)
{
	p->ike_lifetime = 0;
}

static void few_packets(struct plan *p)
{
	p->packet_every = MILLISECONDS(50);
}

static const struct {
	const char *name;
	void (*host)(struct plan_host *h);
	void (*plan)(struct plan *p);
} troubles[] = {
	{ "hosts", NULL, two_hosts }, { "policies", NULL, one_policy }, { "loss", no_loss, NULL },
	{ "esp-loss", no_esp_loss, NULL }, { "doubles", no_dup, NULL }, { "jitter", no_jitter, NULL },
	{ "esp-jitter", no_esp_jitter, NULL }, { "drift", no_drift, NULL }, { "kernel-delay", no_kernel_delay, NULL },
	{ "auth-delay", no_auth_delay, NULL }, { "mtu", no_mtu, NULL }, { "delay", one_delay, NULL },
	{ "nat-patience", no_patience, NULL }, { "pfs", NULL, no_pfs }, { "ike-lifetime", NULL, no_ike_lifetime },
	{ "packets", NULL, few_packets }, { "time", NULL, short_run },
};
#define TROUBLES (sizeof(troubles) / sizeof(troubles[0]))

int cut_only(struct cut *c, const char *list)
{
	char *end;

	c->ops = UINT64_MAX;
	while (*list) {
		unsigned long i = strtoul(list, &end, 10);

		if (end == list || i >= PLAN_OPS_MAX || (*end && *end != ','))
			return -1;
		c->ops &= ~(UINT64_C(1) << i);
		list = *end ? end + 1 : end;
	}
	return 0;
}

int cut_without(struct cut *c, const char *list)
{
	while (*list) {
		size_t n = strcspn(list, ","), i = 0;

		while (i < TROUBLES && (strlen(troubles[i].name) != n || strncmp(troubles[i].name, list, n) != 0))
			i++;
		if (i == TROUBLES)
			return -1;
		c->without |= UINT32_C(1) << i;
		list += n + (list[n] == ',');
	}
	return 0;
}

void cut_print_names(FILE *out)
{
	for (size_t i = 0; i < TROUBLES; i++)
		fprintf(out, "%s%s", i ? "," : "", troubles[i].name);
}

void cut_apply(const struct cut *c, struct plan *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->nops; i++)
		if (!(c->ops >> i & 1))
			p->op[n++] = p->op[i];
	p->nops = n;
	for (size_t i = 0; i < TROUBLES; i++) {
		if (!(c->without >> i & 1))
			continue;
		if (troubles[i].plan)
			troubles[i].plan(p);
		for (unsigned h = 0; troubles[i].host && h < PLAN_HOSTS_MAX; h++)
			troubles[i].host(&p->host[h]);
	}
}

void cut_print(const struct cut *c, const struct plan *p, FILE *out)
{
	const char *between = "";

	if (c->ops) {
		fprintf(out, " --only \"");
		for (unsigned i = 0; i < p->nops; i++)
			if (!(c->ops >> i & 1)) {
				fprintf(out, "%s%u", between, i);
				between = ",";
			}
		fprintf(out, "\"");
	}
	between = " --without ";
	for (size_t i = 0; i < TROUBLES; i++)
		if (c->without >> i & 1) {
			fprintf(out, "%s%s", between, troubles[i].name);
			between = ",";
		}
}

/* --- the search --- */

static bool still_fails(const struct plan *p, const struct cut *c, enum violation kind)
{
	struct plan shorter = *p;
	struct verdict v;

	cut_apply(c, &shorter);
	sim_run(&shorter, NULL, &v);
	return v.violations[kind];
}

/* One after the other, again and again until nothing more can go. */
unsigned shrink(const struct plan *p, const struct verdict *failed, struct cut *c)
{
	unsigned runs = 0;

	for (bool smaller = true; smaller;) {
		smaller = false;
		for (unsigned i = 0; i < p->nops + TROUBLES; i++) {
			struct cut next = *c;

			if (i < p->nops)
				next.ops |= UINT64_C(1) << i;
			else
				next.without |= UINT32_C(1) << (i - p->nops);
			if (next.ops == c->ops && next.without == c->without)
				continue;
			runs++;
			if (!still_fails(p, &next, failed->first_kind))
				continue;
			*c = next;
			smaller = true;
		}
	}
	return runs;
}
