// SPDX-License-Identifier: MIT
/* That no step of a sync treats a packet in another way than before or in the end: random sets of overlapping policies. */
#include "tests/unit/test_setkey_sync.h"

/*
 * Random policies over a small world of 4 sources and 8 destinations; a sync from one set to another. The fake kernel's
 * events tell each step, and a model of the SPD tells how each flow is treated after it: as before or as in the end.
 */
enum { SOURCES = 4, DESTINATIONS = 8, MARKS = 2, FLOWS = SOURCES * DESTINATIONS * MARKS, POLICIES_MAX = 12 };

struct entry {
	struct ipsec_policy pol;
	uint64_t pos;
};

struct spd {
	struct entry e[64];
	unsigned int n;
	uint64_t pos;
	bool updates_move;		/* as of Linux 6.12 */
	int before[FLOWS], end[FLOWS];
	unsigned int steps, strange;
};

static uint64_t seed;

static uint32_t below(uint32_t n)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (uint32_t)(seed * 0x2545f4914f6cdd1d >> 33) % n;
}

static int treatment(const struct ipsec_policy *pol)
{
	if (pol->action == IPSEC_ACTION_BLOCK)
		return -1;
	return pol->ntmpl ? (int)pol->tmpl[0].reqid : 0;
}

#define NO_POLICY (-2)

/* Packets with all marks or none: at any time, half of the marks may already be where the others are going. */
static int lookup(const struct spd *spd, unsigned int flow)
{
	struct ipsec_addr src = { .family = AF_INET, .b = { 10, 0, 0, (uint8_t)(flow % SOURCES) } };
	struct ipsec_addr dst = { .family = AF_INET, .b = { 10, 1, 0, (uint8_t)(flow / SOURCES % DESTINATIONS) } };
	uint32_t mark = flow / SOURCES / DESTINATIONS ? UINT32_MAX : 0;
	const struct entry *best = NULL;

	for (unsigned int i = 0; i < spd->n; i++) {
		const struct entry *e = &spd->e[i];
		const struct ipsec_selector *s = &e->pol.sel;

		if (!ipsec_addr_in_prefix(&src, &s->src, s->src_len) || !ipsec_addr_in_prefix(&dst, &s->dst, s->dst_len) ||
		    (mark & e->pol.mark.mask) != e->pol.mark.value)
			continue;
		if (!best || e->pol.priority < best->pol.priority ||
		    (e->pol.priority == best->pol.priority && e->pos < best->pos))
			best = e;
	}
	return best ? treatment(&best->pol) : NO_POLICY;
}

static void look_at_flows(const struct spd *spd, int out[FLOWS])
{
	for (unsigned int i = 0; i < FLOWS; i++)
		out[i] = lookup(spd, i);
}

static struct entry *find_entry(struct spd *spd, uint32_t index)
{
	for (unsigned int i = 0; i < spd->n; i++)
		if (spd->e[i].pol.index == index)
			return &spd->e[i];
	return NULL;
}

static void step(const struct ipsec_event *ev, void *arg)
{
	struct spd *spd = arg;
	struct entry *e = find_entry(spd, ev->policy.index);

	switch (ev->type) {
	case IPSEC_EVENT_POLICY_NEW:
		assert_null(e);
		assert_true(spd->n < 64);
		spd->e[spd->n++] = (struct entry){ ev->policy, ++spd->pos };
		break;
	case IPSEC_EVENT_POLICY_UPDATE:
		assert_non_null(e);
		if (spd->updates_move || e->pol.priority != ev->policy.priority)
			e->pos = ++spd->pos;
		e->pol = ev->policy;
		break;
	case IPSEC_EVENT_POLICY_DELETE:
		assert_non_null(e);
		*e = spd->e[--spd->n];
		break;
	default:
		return;
	}
	spd->steps++;
}

static void watched_step(const struct ipsec_event *ev, void *arg)
{
	struct spd *spd = arg;
	int now[FLOWS];

	step(ev, spd);
	look_at_flows(spd, now);
	for (unsigned int i = 0; i < FLOWS; i++)
		if (now[i] != spd->before[i] && now[i] != spd->end[i])
			spd->strange++;
}

struct random_policy {
	uint8_t src, src_len, dst, dst_len;
	uint8_t prio, what;
};

static void random_value(struct random_policy *p)
{
	p->prio = (uint8_t)(1 + below(2));
	p->what = (uint8_t)below(5);
}

static void random_add(struct random_policy *set, unsigned int *n)
{
	struct random_policy *p = &set[*n];

	p->src_len = (uint8_t)(30 + below(3));
	p->dst_len = (uint8_t)(29 + below(4));
	p->src = (uint8_t)(below(SOURCES) & ~((1u << (32 - p->src_len)) - 1));
	p->dst = (uint8_t)(below(DESTINATIONS) & ~((1u << (32 - p->dst_len)) - 1));
	random_value(p);
	for (unsigned int i = 0; i < *n; i++)
		if (set[i].src == p->src && set[i].src_len == p->src_len && set[i].dst == p->dst && set[i].dst_len == p->dst_len)
			return;
	(*n)++;
}

/* Some stay, some change, some go, some move, some come. */
static void random_change(struct random_policy *set, unsigned int *n)
{
	for (unsigned int i = 0; i < *n; i++) {
		if (!below(4))
			random_value(&set[i]);
		if (!below(5))
			set[i--] = set[--*n];
	}
	for (unsigned int i = below(4); i && *n < POLICIES_MAX; i--) {
		unsigned int to;

		random_add(set, n);
		if (!*n)
			continue;
		to = below(*n);
		struct random_policy p = set[to];

		set[to] = set[*n - 1];
		set[*n - 1] = p;
	}
}

static char *random_text(const struct random_policy *set, unsigned int n)
{
	static const char *const what[] = {
		"none", "discard", "ipsec esp/transport//unique:1", "ipsec esp/transport//unique:2", "ipsec esp/transport//unique:3",
	};
	struct output o;

	output_open(&o);
	fputs("spdflush;\n", o.f);
	for (unsigned int i = 0; i < n; i++)
		fprintf(o.f, "spdadd 10.0.0.%u/%u 10.1.0.%u/%u any -P out prio %u %s;\n", set[i].src, set[i].src_len, set[i].dst,
			set[i].dst_len, set[i].prio, what[set[i].what]);
	return (char *)output_close(&o);
}

/* The treatment of flows when the text is simply loaded. */
static void loaded_treatment(const char *text, int out[FLOWS])
{
	struct ipsec *ip = kernel_open();
	struct spd spd = { .n = 0 };

	assert_int_equal(ipsec_subscribe(ip), 0);
	load(ip, text);
	ipsec_events_read(ip, step, &spd);
	look_at_flows(&spd, out);
	ipsec_close(ip);
}

static void one_sync(struct ipsec *ip, struct spd *spd, const char *text)
{
	int now[FLOWS];
	struct result r;

	look_at_flows(spd, spd->before);
	loaded_treatment(text, spd->end);
	sync_text(ip, text, 0, &r);
	assert_int_equal(r.err, 0);
	result_free(&r);
	ipsec_events_read(ip, watched_step, spd);
	look_at_flows(spd, now);
	assert_memory_equal(now, spd->end, sizeof(now));
	sync_text(ip, text, CHECK | JSON, &r);
	assert_non_null(strstr(r.out.text, "\"added\":0,\"changed\":0,\"deleted\":0"));
	result_free(&r);
}

static void test_every_moment(void **state)
{
	unsigned int steps = 0;

	(void)state;
	for (unsigned int world = 0; world < 200; world++) {
		struct ipsec *ip = kernel_open();
		struct random_policy set[POLICIES_MAX + 1] = { 0 };
		struct spd spd = { .updates_move = world % 2 };
		unsigned int n = 0;
		char *text;

		seed = 0x9e3779b97f4a7c15 + world;
		assert_int_equal(ipsec_subscribe(ip), 0);
		for (unsigned int i = 0; i < 8; i++)
			random_add(set, &n);
		text = random_text(set, n);
		load(ip, text);
		free(text);
		ipsec_events_read(ip, step, &spd);
		for (unsigned int i = 0; i < 6; i++) {
			random_change(set, &n);
			text = random_text(set, n);
			one_sync(ip, &spd, text);
			if (spd.strange)
				print_error("world %u, sync %u:\n%s", world, i, text);
			assert_int_equal(spd.strange, 0);
			free(text);
		}
		steps += spd.steps;
		ipsec_close(ip);
	}
	print_message("%u steps\n", steps);
	assert_true(steps > 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_moment) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
