// SPDX-License-Identifier: MIT
// Carries out the ops of a plan.
#include "tests/sim/op.h"

#include "keyd/ike/child_sa.h"
#include "keyd/ike/timer.h"
#include "keyd/ike/version.h"
#include "tests/sim/net.h"
#include "tests/sim/sim.h"

#include <stdio.h>

static void rekey_child(struct host *h, uint64_t arg)
{
	(void)arg;
	engine_rekey(h->engine, host_clock(h), NULL, ENGINE_REKEY_CHILD);
}

static void rekey_ike(struct host *h, uint64_t arg)
{
	(void)arg;
	engine_rekey(h->engine, host_clock(h), NULL, ENGINE_REKEY_IKE);
}

static void reauth(struct host *h, uint64_t arg)
{
	(void)arg;
	engine_reauth(h->engine, host_clock(h), NULL);
}

static void down(struct host *h, uint64_t arg)
{
	(void)arg;
	engine_down(h->engine, host_clock(h), NULL);
}

static void delete_child(struct host *h, uint64_t arg)
{
	struct engine *e = h->engine;
	unsigned skip = (unsigned)arg;

	e->now = host_clock(h);
	list_each(sa, &e->sas, struct ike_sa, link)
		list_each(c, &sa->children, struct child_sa, link)
			if (c->state == CHILD_UP && !skip--) {
				sa->version->delete_child(c);
				goto out;
			}
out:
	engine_settle(e);
}

static void flush(struct host *h, uint64_t arg)
{
	(void)arg;
	sad_flush(h);
}

static void steal(struct host *h, uint64_t arg)
{
	(void)arg;
	list_each(s, &h->sad.sas, struct ksa, link)
		if (s->outbound && !s->larval) {
			sad_delete(h, &s->sa);
			return;
		}
}

static void reload(struct host *h, uint64_t arg)
{
	(void)arg;
	if (engine_configure(h->engine, &h->conf))
		violate(h->w, h, STUCK, "the settings are not taken");
}

/* --- what takes a while --- */

static void restart(struct host *h, uint64_t arg)
{
	h->w->verdict.restarts++;
	host_restart(h, arg & 1, arg);
	records_free(&h->records);
}

/* Up to 15 steps of the next calls are still made: a crash may come in the midst of one. */
static void kill_daemon(struct host *h, uint64_t arg)
{
	h->w->verdict.restarts++;
	host_kill(h, arg & 15, arg);
}

static void reboot(struct host *h, uint64_t arg)
{
	host_restart(h, false, arg);
	records_free(&h->records);
	h->off = true;
	h->w->ended_at += arg;
	host_forget(h);
}

static void cut(struct host *h, uint64_t arg)
{
	h->cut_until = h->w->now + arg;
	h->w->ended_at = h->cut_until;
}

static void nat_forgets(struct host *h, uint64_t arg)
{
	(void)arg;
	nat_forget(&h->nat);
}

static void nat_moves(struct host *h, uint64_t arg)
{
	char text[32];

	snprintf(text, sizeof(text), "203.0.113.%u", 10 + (unsigned)(arg % 200));
	ipsec_addr_parse(&h->nat.outside, text);
	nat_forget(&h->nat);
}

static void set_clock(struct host *h, uint64_t arg)
{
	h->wall += (int64_t)arg;
}

static void flood(struct host *h, uint64_t arg)
{
	net_flood(h, (unsigned)arg);
}

static const struct {
	void (*run)(struct host *h, uint64_t arg);
	bool needs_daemon;
} ops[OP_KINDS] = {
	[OP_REKEY_CHILD] = { rekey_child, true }, [OP_REKEY_IKE] = { rekey_ike, true }, [OP_REAUTH] = { reauth, true },
	[OP_DELETE_CHILD] = { delete_child, true }, [OP_DOWN] = { down, true }, [OP_FLUSH] = { flush, false },
	[OP_STEAL] = { steal, false }, [OP_RESTART] = { restart, true }, [OP_KILL] = { kill_daemon, true },
	[OP_REBOOT] = { reboot, true },
	[OP_PARTITION] = { cut, false }, [OP_NAT_FORGET] = { nat_forgets, false }, [OP_NAT_MOVE] = { nat_moves, false },
	[OP_CLOCK] = { set_clock, false }, [OP_FLOOD] = { flood, false }, [OP_RELOAD] = { reload, true },
};

void op_run(struct sim *w, const struct op *op)
{
	struct host *h = &w->host[op->host % w->nhosts];

	if (h->off || (ops[op->kind].needs_daemon && !h->engine))
		return;
	sim_trace(w, h, "--- %s (%lld)", op_name(op->kind), (long long)op->arg);
	if (op_ends(op->kind))
		w->ended_at = w->now;
	ops[op->kind].run(h, op->arg);
	host_settle(h);
}
