// SPDX-License-Identifier: MIT
// The kern role: stands at the door to the kernel for the ike role.
#include "keyd/kern/door.h"
#include "keyd/roles/worker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define QUEUE_HIGH (16u << 20)		/* bytes that may wait for the ike role before a dump waits for it */
#define QUEUE_LOW (4u << 20)
#define READER_PATIENCE_MS 5000

static struct kern {
	struct worker *w;
	struct door *door;
	struct loop_fd *watch;
	struct kern_allows next;	/* being handed over */
} kern;

static int tell(uint16_t type, const void *body, size_t n)
{
	struct ipc *ike = kern.w->peer[ROLE_IKE];

	if (!ike || ipc_send(ike, type, 0, body, n))
		return -EPIPE;
	return ipc_queued(ike) > QUEUE_HIGH && ipc_drain(ike, QUEUE_LOW, READER_PATIENCE_MS) ? -EPIPE : 0;
}

static int tell_event(void *arg, const struct ipsec_event *ev)
{
	(void)arg;
	return tell(M_KERN_EVENT, ev, sizeof(*ev));
}

static int tell_orphan(void *arg, const struct ipsec_sa *sa)
{
	(void)arg;
	return tell(M_KERN_ORPHAN, sa, sizeof(*sa));
}

static int tell_ready(void *arg)
{
	(void)arg;
	return tell(M_KERN_READY, NULL, 0);
}

static const struct door_hooks hooks = { tell_event, tell_orphan, tell_ready };

static void on_events(void *arg, unsigned int ready)
{
	int r = door_read(kern.door);

	(void)arg;
	(void)ready;
	if (r < 0 && r != -EPIPE && r != -EAGAIN)
		log_warning("reading the kernel's events failed: role=kern error=\"%s\"", strerror(-r));
}

static int prepare(struct worker *w)
{
	char why[200] = "";
	int r = door_open(&kern.door, w->options->backend, &hooks, NULL, why, sizeof(why));

	kern.w = w;
	if (!r)
		return 0;
	return worker_fail(w, r == -EPERM || r == -EACCES || r == -EINVAL ? KEYD_FAILED : KEYD_KERNEL, why);
}

static int start(struct worker *w)
{
	if (door_fd(kern.door) >= 0) {
		kern.watch = loop_fd_new(w->loop, door_fd(kern.door), LOOP_READ, on_events, NULL);
		if (!kern.watch)
			return worker_fail(w, KEYD_FAILED, "role kern: out of memory");
	}
	worker_ready(w, door_backend(kern.door));
	return 0;
}

static void stop(struct worker *w)
{
	(void)w;
	loop_fd_free(kern.watch);
	door_close(kern.door);
	allows_free(&kern.next);
}

static int on_allow_begin(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)m;
	(void)arg;
	allows_free(&kern.next);
	return 0;
}

static int on_allow(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct kern_allow one;

	(void)ch;
	(void)arg;
	memcpy(&one, m->body.p, sizeof(one));
	return allows_add(&kern.next, &one);
}

static int on_allow_end(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	(void)ch;
	(void)m;
	(void)arg;
	door_allow(kern.door, &kern.next);
	return 0;
}

/* A new ike role knows nothing: it hears of all that is there before anything else. */
static void peer_up(struct worker *w, enum role_id peer)
{
	int r = door_forget_larvals(kern.door);

	r = r ? r : door_tell(kern.door);
	if (r && r != -EPIPE)
		log_error("reading the SPD and SAD failed: role=kern error=\"%s\"", strerror(-r));
	if (r != -EPIPE)
		ipc_send(w->peer[peer], M_KERN_READY, 0, NULL, 0);
}

static int on_request(struct ipc *ch, struct ipc_msg *m, void *arg)
{
	struct kern_request rq;
	struct kern_answer an;

	(void)arg;
	memcpy(&rq, m->body.p, sizeof(rq));
	door_execute(kern.door, &rq, &an);
	if (an.error)
		log_debug("the kernel door refused: role=kern op=%u spi=0x%08x error=\"%s\"", rq.op,
			  rq.op <= KERN_SA_MOVE ? rq.sa.spi : 0, an.why);
	if (an.id)
		ipc_send(ch, M_KERN_ANSWER, 0, &an, sizeof(an));
	return 0;
}

static const struct ipc_rule from_parent[] = {
	IPC_EMPTY(M_ALLOW_BEGIN, on_allow_begin),
	IPC_EXACT(M_ALLOW, kern_allow, on_allow),
	IPC_EMPTY(M_ALLOW_END, on_allow_end),
	{ 0 },
};
static const struct ipc_rule from_ike[] = {
	IPC_EXACT(M_KERN_REQUEST, kern_request, on_request),
	{ 0 },
};

const struct role role_kern = {
	.name = "kern",
	.title = "keyd: kern",
	.who = "keyd[kern]",
	.prepare = prepare,
	.start = start,
	.stop = stop,
	.peer_up = peer_up,
	.rules = { [ROLE_PARENT] = from_parent, [ROLE_IKE] = from_ike },
	.cap = CAP_NET_ADMIN,		/* XFRM netlink asks for it with every message */
	.chroot = true,
	.undumpable = true,		/* keys pass through its memory */
};
