// SPDX-License-Identifier: MIT
// Asks every role for a sign of life, tells the service manager that all gave one, and ends a role that gives none.
#include "keyd/roles/notify.h"
#include "keyd/roles/parent.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>

#define ASKED_WITHIN 4		/* how often in the manager's time */

static bool answered(const struct child *c)
{
	return c->pid && c->ch && c->pinged == c->ponged;
}

/*
 * A role that hangs is better ended by us, who start it again, than by the manager, who would end all: so at half its time.
 * One that just starts has not been asked.
 */
static void ask(struct child *c, uint64_t now, uint64_t patience)
{
	if (!c->pid || !c->ch)
		return;
	if (answered(c)) {
		c->pinged_at = now;
		ipc_send(c->ch, M_PING, ++c->pinged, NULL, 0);
	} else if (now - c->pinged_at >= patience) {
		log_error("a role does not answer and is ended: role=%s pid=%d after_ms=%" PRIu64, role_name(c->id), c->pid,
			  (now - c->pinged_at) / 1000);
		c->pinged_at = now;
		kill(c->pid, SIGKILL);
	}
}

static void on_timer(void *arg)
{
	struct parent *p = arg;
	uint64_t every = notify_watchdog() / ASKED_WITHIN, now = loop_now();
	bool all = true;

	for (unsigned int i = ROLE_KERN; i < ROLES; i++)
		all &= answered(&p->children[i]);
	if (all)
		notify_send("WATCHDOG=1");
	for (unsigned int i = ROLE_KERN; i < ROLES && !p->ending; i++)
		ask(&p->children[i], now, 2 * every);
	loop_timer_set(p->watchdog, now + every);
}

int watchdog_start(struct parent *p)
{
	if (!notify_watchdog())
		return 0;
	p->watchdog = loop_timer_new(p->loop, on_timer, p);
	if (!p->watchdog)
		return -ENOMEM;
	loop_timer_set(p->watchdog, loop_now() + notify_watchdog() / ASKED_WITHIN);
	return 0;
}
