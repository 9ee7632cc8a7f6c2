// SPDX-License-Identifier: MIT
/* The fake backend: opening it, and its queue of events. */
#include "pfkey/fake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void queue_free_all(struct fake *f)
{
	struct fake_event *e;

	while ((e = STAILQ_FIRST(&f->queue))) {
		STAILQ_REMOVE_HEAD(&f->queue, next);
		explicit_bzero(e, sizeof(*e));
		free(e);
	}
	f->queued = 0;
}

static int fake_open(struct ipsec *ip)
{
	struct fake *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	TAILQ_INIT(&f->policies);
	STAILQ_INIT(&f->queue);
	f->fd = -1;
	if (fake_sa_init(f)) {
		free(f);
		return -ENOMEM;
	}
	ip->state = f;
	return 0;
}

static void fake_close(struct ipsec *ip)
{
	struct fake *f = ip->state;

	fake_sa_free_all(f);
	fake_policy_free_all(f);
	queue_free_all(f);
	if (f->fd >= 0)
		close(f->fd);
	free(f);
}

static void enqueue(struct fake *f, const struct ipsec_event *ev)
{
	struct fake_event *e = f->queued < FAKE_EVENTS_MAX ? malloc(sizeof(*e)) : NULL;

	if (e) {
		e->ev = *ev;
		STAILQ_INSERT_TAIL(&f->queue, e, next);
		f->queued++;
	} else {
		f->overrun = true;
	}
	eventfd_write(f->fd, 1);
}

void fake_raise(struct fake *f, struct ipsec_event *ev)
{
	if (f->fd < 0)
		return;
	ev->pid = (uint32_t)getpid();
	enqueue(f, ev);
}

int ipsec_fake_event(struct ipsec *ip, const struct ipsec_event *ev)
{
	struct ipsec_event raised = *ev;
	struct fake *f = ip->state;
	int err = 0;

	ip->error[0] = '\0';
	if (ip->ops != &ipsec_backend_fake)
		return ipsec_fail(ip, -EOPNOTSUPP, "events are put into the fake backend only");
	if (f->fd < 0)
		return ipsec_fail(ip, -ESRCH, "nobody has subscribed");
	if (ev->type == IPSEC_EVENT_ACQUIRE) {
		if (!raised.acquire.seq)
			raised.acquire.seq = ++f->last_seq;
		err = fake_sa_acquired(f, &raised);
	} else if (ev->type == IPSEC_EVENT_EXPIRE) {
		fake_sa_expired(f, &raised);
	}
	if (!err)
		enqueue(f, &raised);
	return err;
}

int ipsec_fake_fail(struct ipsec *ip, unsigned int nth, int err)
{
	struct fake *f = ip->state;

	if (ip->ops != &ipsec_backend_fake)
		return ipsec_fail(ip, -EOPNOTSUPP, "only the fake backend fails on request");
	f->fail_in = nth;
	f->fail_err = err;
	return 0;
}

int fake_refuse(struct ipsec *ip)
{
	struct fake *f = ip->state;

	if (!f->fail_in || --f->fail_in)
		return 0;
	return ipsec_fail(ip, f->fail_err, "%s (as ordered)", strerror(-f->fail_err));
}

static int fake_subscribe(struct ipsec *ip)
{
	struct fake *f = ip->state;

	if (f->fd < 0)
		f->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return f->fd < 0 ? -errno : 0;
}

/* Nothing here raises such events by itself; ipsec_fake_event brings them in any case. */
static int fake_subscribe_ae(struct ipsec *ip, bool on)
{
	const struct fake *f = ip->state;

	(void)on;
	return f->fd >= 0 ? 0 : -ENOTCONN;
}

static int fake_event_fd(struct ipsec *ip)
{
	const struct fake *f = ip->state;

	return f->fd >= 0 ? f->fd : -ENOTCONN;
}

static int fake_events_read(struct ipsec *ip, ipsec_event_fn *fn, void *arg)
{
	const struct ipsec_event lost = { .type = IPSEC_EVENT_OVERRUN };
	struct fake *f = ip->state;
	struct fake_event *e;
	eventfd_t ignored;
	int n = 0;

	if (f->fd < 0)
		return ipsec_fail(ip, -ENOTCONN, "nobody has subscribed");
	eventfd_read(f->fd, &ignored);
	/* What fn causes is read the next time, or a reader that answers each event with another would stay for ever. */
	for (uint32_t left = f->queued; left && (e = STAILQ_FIRST(&f->queue)); left--) {
		STAILQ_REMOVE_HEAD(&f->queue, next);
		f->queued--;
		fn(&e->ev, arg);
		explicit_bzero(e, sizeof(*e));
		free(e);
		n++;
	}
	if (f->overrun) {
		f->overrun = false;
		fn(&lost, arg);
		n++;
	}
	return n;
}

const struct ipsec_backend ipsec_backend_fake = {
	.name = "fake",
	.open = fake_open,
	.close = fake_close,
	.sa_add = fake_sa_add,
	.sa_get = fake_sa_get,
	.sa_delete = fake_sa_delete,
	.sa_flush = fake_sa_flush,
	.sa_dump = fake_sa_dump,
	.spi_alloc = fake_spi_alloc,
	.policy_add = fake_policy_add,
	.policy_get = fake_policy_get,
	.policy_delete = fake_policy_delete,
	.policy_flush = fake_policy_flush,
	.policy_dump = fake_policy_dump,
	.subscribe = fake_subscribe,
	.sa_ae = fake_sa_ae,
	.subscribe_ae = fake_subscribe_ae,
	.event_fd = fake_event_fd,
	.events_read = fake_events_read,
};
