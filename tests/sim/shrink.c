// SPDX-License-Identifier: MIT
// Shorter runs that fail.
#include "tests/sim/shrink.h"

#include "keyd/ike/timer.h"
#include "tests/sim/sim.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* --- what can be left out --- */

/* A field of the plan, or of each of its hosts, and what it is without that trouble. */
static const struct trouble {
	const char *name;
	bool host;
	size_t at, n;			/* n 0: the run is only made shorter */
	uint64_t value;
} troubles[] = {
#define OF_PLAN(name, field, value) { name, false, offsetof(struct plan, field), sizeof(((struct plan *)0)->field), value }
#define OF_HOST(name, field, value) \
	{ name, true, offsetof(struct plan_host, field), sizeof(((struct plan_host *)0)->field), value }
	OF_PLAN("hosts", nhosts, 2),
	OF_PLAN("policies", npolicies, 1),
	OF_HOST("loss", loss, 0),
	OF_HOST("esp-loss", esp_loss, 0),
	OF_HOST("doubles", dup, 0),
	OF_HOST("jitter", jitter, 0),
	OF_HOST("esp-jitter", esp_jitter, 0),
	OF_HOST("drift", drift, 0),
	OF_HOST("kernel-delay", kernel_delay, 50),
	OF_HOST("auth-delay", auth_delay, 100),
	OF_HOST("mtu", mtu, 0),
	OF_HOST("delay", delay, MILLISECONDS(10)),
	OF_HOST("nat-patience", nat_patience, 0),
	OF_PLAN("pfs", pfs, false),
	OF_PLAN("ike-lifetime", ike_lifetime, 0),
	OF_PLAN("packets", packet_every, MILLISECONDS(50)),
	{ "time", false, 0, 0, 0 },
#undef OF_PLAN
#undef OF_HOST
};
#define TROUBLES (sizeof(troubles) / sizeof(troubles[0]))

static void shorten(struct plan *p)
{
	uint64_t last = p->nops ? p->op[p->nops - 1].at + SECONDS(1) : p->active / 2;

	if (last < p->active)
		p->active = last;
}

static void set(void *base, const struct trouble *t)
{
	uint8_t *field = (uint8_t *)base + t->at;
	uint32_t value = (uint32_t)t->value;

	if (t->n == sizeof(t->value))
		memcpy(field, &t->value, sizeof(t->value));
	else if (t->n == sizeof(value))
		memcpy(field, &value, sizeof(value));
	else
		*field = (uint8_t)value;
}

static void leave_out(struct plan *p, const struct trouble *t)
{
	if (!t->n)
		shorten(p);
	else if (!t->host)
		set(p, t);
	for (unsigned h = 0; t->host && h < PLAN_HOSTS_MAX; h++)
		set(&p->host[h], t);
}

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
	for (size_t i = 0; i < TROUBLES; i++)
		if (c->without >> i & 1)
			leave_out(p, &troubles[i]);
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
