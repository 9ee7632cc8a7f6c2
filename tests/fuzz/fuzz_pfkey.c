// SPDX-License-Identifier: MIT
/*
 * What arrives on a PF_KEY socket: as an event, as an SA and as a policy. What can be read and written must come back the same
 * when it is written and read again.
 */
#include "pfkey/pfkey.h"
#include "tests/lib/pfkey_same.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
	if (!good)
		abort();
}

/* differs: the name of a field, or NULL. */
static void must_be_same(const char *differs)
{
	if (differs)
		fprintf(stderr, "comes back different: %s\n", differs);
	must(!differs);
}

static void sa_again(const struct ipsec_sa *sa)
{
	struct pfkey_exts t;
	struct ipsec_sa again;
	struct pfkey_msg m;
	char why[256];

	/* Modes without a name cannot be asked for. */
	if (ipsec_sa_check(sa, why, sizeof(why)) || sa->mode == IPSEC_MODE_ANY || pfkey_sa_refused(sa, true, why, sizeof(why)))
		return;
	/* A selector is read from whatever is not wild. */
	if (sa->sel.src.family && !sa->sel.src_len)
		return;
	pfkey_sa_put(&m, sa, false);
	must(!pfkey_exts_get(&t, &m.head, pfkey_msg_size(&m)) && !pfkey_sa_get(&m.head, &t, &again));
	must_be_same(sa_differs(sa, &again));
}

static void policy_again(const struct ipsec_policy *pol)
{
	struct ipsec_policy there = *pol, again;
	struct pfkey_exts t;
	struct pfkey_msg m;
	char why[256];

	there.index = 0;
	if (pol->socket || ipsec_policy_check(&there, why, sizeof(why)) || pfkey_policy_refused(&there, why, sizeof(why)))
		return;
	for (unsigned int i = 0; i < pol->ntmpl; i++)
		if (pol->tmpl[i].mode == IPSEC_MODE_ANY)
			return;
	pfkey_policy_put(&m, SADB_X_SPDADD, &there);
	must(!pfkey_exts_get(&t, &m.head, pfkey_msg_size(&m)) && !pfkey_policy_get(&t, &again));
	must_be_same(policy_differs(&there, &again));
}

static void migrate_again(const struct ipsec_event *ev);

static void on_event(const struct ipsec_event *ev, void *arg)
{
	struct ipsec_event whole = *ev;

	++*(int *)arg;
	must(ev->type < IPSEC_EVENT_OVERRUN && ev->type != IPSEC_EVENT_AE);
	if (ev->type == IPSEC_EVENT_SA_NEW || ev->type == IPSEC_EVENT_SA_UPDATE)
		sa_again(&ev->sa);
	if (ev->type == IPSEC_EVENT_POLICY_NEW || ev->type == IPSEC_EVENT_POLICY_UPDATE)
		policy_again(&ev->policy);
	if (ev->type == IPSEC_EVENT_MIGRATE)
		migrate_again(ev);
	if (ev->type == IPSEC_EVENT_ACQUIRE) {
		pfkey_acquire_complete(&whole);
		must(whole.acquire.tmpl < IPSEC_TMPL_MAX);
	}
}

static void same_move(const struct ipsec_event *ev, void *arg)
{
	const struct ipsec_event *want = arg;

	must_be_same(selector_differs(&want->migrate.sel, &ev->migrate.sel));
	must(want->migrate.proto == ev->migrate.proto && want->migrate.reqid == ev->migrate.reqid);
	must(ipsec_addr_equal(&want->migrate.old_src, &ev->migrate.old_src));
	must(ipsec_addr_equal(&want->migrate.new_dst, &ev->migrate.new_dst));
}

static void migrate_again(const struct ipsec_event *ev)
{
	struct ipsec_event want = *ev;
	struct pfkey_msg m;

	pfkey_migrate_put(&m, &want);
	must(pfkey_event_get(&m.head, pfkey_msg_size(&m), same_move, &want) == 1);
}

static void as_answer(const struct sadb_msg *msg, size_t n)
{
	struct ipsec_policy pol;
	struct pfkey_exts t;
	struct ipsec_sa sa;

	if (pfkey_exts_get(&t, msg, n))
		return;
	if (!pfkey_sa_get(msg, &t, &sa))
		sa_again(&sa);
	if (!pfkey_policy_get(&t, &pol))
		policy_again(&pol);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sadb_msg *exact = malloc(size ? size : 1);
	int count = 0, n;

	if (!exact)
		return 0;
	if (size)
		memcpy(exact, data, size);
	n = pfkey_event_get(exact, size, on_event, &count);
	must(n < 0 ? !count : n == count && n <= IPSEC_TMPL_MAX);
	as_answer(exact, size);
	free(exact);
	return 0;
}
