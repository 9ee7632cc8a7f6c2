// SPDX-License-Identifier: MIT
/* The pfkey backend: its doors, and each call about SAs as a request to the kernel. */
#include "pfkey/pfkey_door.h"
#include "pfkey/pfkey_error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct pfkey_door *door(struct ipsec *ip)
{
	return ip->state;
}

static void pfkey_close(struct ipsec *ip)
{
	struct pfkey_door *d = door(ip);

	pfkey_sock_close(&d->ask);
	pfkey_sock_close(&d->dump);
	pfkey_sock_close(&d->events);
	explicit_bzero(d, sizeof(*d));
	free(d);
}

static int pfkey_open(struct ipsec *ip)
{
	struct pfkey_door *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	ip->state = d;
	d->dump.fd = d->events.fd = -1;
	err = pfkey_sock_open(&d->ask);
	if (!err)
		err = pfkey_sock_open(&d->dump);
	if (!err)
		err = pfkey_sock_open(&d->events);
	if (err) {
		pfkey_explain_open(ip, err);
		pfkey_close(ip);
	}
	return err;
}

/* Sends and forgets: messages may hold keys. */
static int request(struct ipsec *ip, struct pfkey_msg *m, pfkey_answer_fn *fn, void *arg)
{
	int err = pfkey_sock_request(&door(ip)->ask, m, fn, arg);

	explicit_bzero(m, pfkey_msg_size(m));
	return err;
}

int pfkey_door_dump(struct ipsec *ip, struct pfkey_msg *m, pfkey_answer_fn *fn, void *arg)
{
	struct pfkey_door *d = door(ip);
	struct pfkey_sock inner, *s = &d->dump;
	bool nested = d->dumping;
	int err;

	if (nested) {
		s = &inner;
		err = pfkey_sock_open(s);
		if (err)
			return err;
	}
	d->dumping = true;
	err = pfkey_sock_dump(s, m, fn, arg);
	d->dumping = nested;
	if (nested)
		pfkey_sock_close(s);
	return err;
}

/* PF_KEY names an SA by protocol, address and SPI, and finds only those without a mark. */
static int id_refused(struct ipsec *ip, const struct ipsec_sa_id *id)
{
	if (id->mark.mask)
		return ipsec_fail(ip, -EOPNOTSUPP, "PF_KEY cannot carry the mark of an SA");
	if (!pfkey_satype(id->proto))
		return ipsec_fail(ip, -EOPNOTSUPP, "PF_KEY has no number for SAs of protocol %u", id->proto);
	return 0;
}

static int take_extended(const struct sadb_msg *msg, const struct pfkey_exts *t, void *arg)
{
	(void)msg;
	*(bool *)arg = t->e[SADB_X_EXT_EXTENDED];
	return 0;
}

/* Of no protocol, SADB_REGISTER tells what there is and registers nobody. */
static void ask_extended(struct pfkey_door *d)
{
	struct pfkey_msg m;

	pfkey_msg_start(&m, SADB_REGISTER, SADB_SATYPE_UNSPEC);
	pfkey_extended_put(&m);
	d->extended_known = !pfkey_sock_request(&d->ask, &m, take_extended, &d->extended);
}

static int sa_refused(struct ipsec *ip, const struct ipsec_sa *sa)
{
	struct pfkey_door *d = door(ip);
	int err = pfkey_sa_refused(sa, d->extended, ip->error, sizeof(ip->error));

	if (!err || d->extended_known)
		return err;
	err = pfkey_sa_refused(sa, true, ip->error, sizeof(ip->error));
	if (err)
		return err;
	ask_extended(d);
	return pfkey_sa_refused(sa, d->extended, ip->error, sizeof(ip->error));
}

static int pfkey_sa_add(struct ipsec *ip, const struct ipsec_sa *sa, bool update)
{
	struct pfkey_msg m;
	int err = sa_refused(ip, sa);

	if (err)
		return err;
	pfkey_sa_put(&m, sa, update);
	err = request(ip, &m, NULL, NULL);
	return err ? pfkey_explain_sa(ip, err, sa) : 0;
}

static int take_sa(const struct sadb_msg *msg, const struct pfkey_exts *t, void *arg)
{
	return pfkey_sa_get(msg, t, arg);
}

static bool same_id(const struct ipsec_sa_id *a, const struct ipsec_sa_id *b)
{
	return a->spi == b->spi && a->proto == b->proto && ipsec_addr_equal(&a->dst, &b->dst);
}

static int pfkey_sa_read(struct ipsec *ip, const struct ipsec_sa_id *id, struct ipsec_sa *out)
{
	const struct pfkey_door *d = door(ip);
	struct pfkey_msg m;
	int err = id_refused(ip, id);

	if (err)
		return err;
	pfkey_sa_id_put(&m, SADB_GET, id);
	pfkey_extended_put(&m);
	err = request(ip, &m, take_sa, out);
	if (err)
		return pfkey_explain(ip, err);
	if (d->larval.seq && same_id(id, &d->larval.id))
		out->acquire_seq = d->larval.seq;
	return 0;
}

static int pfkey_sa_delete(struct ipsec *ip, const struct ipsec_sa_id *id)
{
	struct pfkey_msg m;
	int err = id_refused(ip, id);

	if (err)
		return err;
	pfkey_sa_id_put(&m, SADB_DELETE, id);
	err = request(ip, &m, NULL, NULL);
	return err ? pfkey_explain(ip, err) : 0;
}

static int pfkey_sa_flush(struct ipsec *ip, uint8_t proto)
{
	struct pfkey_msg m;
	int err;

	if (proto && !pfkey_satype(proto))
		return ipsec_fail(ip, -EOPNOTSUPP, "PF_KEY has no number for SAs of protocol %u", proto);
	pfkey_msg_start(&m, SADB_FLUSH, pfkey_satype(proto));
	err = request(ip, &m, NULL, NULL);
	return err && err != -ESRCH ? pfkey_explain(ip, err) : err;
}

struct sa_dump {
	ipsec_sa_fn *fn;
	void *arg;
	bool ended;			/* by fn: then the result is its own, not an error of ours */
};

static int dump_one_sa(const struct sadb_msg *msg, const struct pfkey_exts *t, void *arg)
{
	struct sa_dump *d = arg;
	struct ipsec_sa sa;
	int err = pfkey_sa_get(msg, t, &sa);

	if (!err) {
		err = d->fn(&sa, d->arg);
		d->ended = err != 0;
	}
	explicit_bzero(&sa, sizeof(sa));
	return err;
}

static int pfkey_sa_dump(struct ipsec *ip, ipsec_sa_fn *fn, void *arg)
{
	struct sa_dump d = { .fn = fn, .arg = arg };
	struct pfkey_msg m;
	int err;

	pfkey_msg_start(&m, SADB_DUMP, SADB_SATYPE_UNSPEC);
	pfkey_extended_put(&m);
	err = pfkey_door_dump(ip, &m, dump_one_sa, &d);
	return err && !d.ended ? pfkey_explain_dump(ip, err) : err;
}

/* ---- SPIs ---- */

static int look_for_larval(const struct sadb_msg *msg, const struct pfkey_exts *t, void *arg)
{
	const struct ipsec_sa *want = arg;
	struct ipsec_sa sa;
	bool found;

	if (pfkey_sa_get(msg, t, &sa))
		return 0;
	found = sa.state == IPSEC_STATE_LARVAL && !sa.spi && sa.proto == want->proto && sa.mode == want->mode &&
		sa.reqid == want->reqid && ipsec_addr_equal(&sa.src, &want->src) && ipsec_addr_equal(&sa.dst, &want->dst);
	explicit_bzero(&sa, sizeof(sa));
	return found;
}

/* Did an ACQUIRE leave one? Only then it is the one that gets the SPI; and no message tells by which it was left. */
static bool larval_waits(struct ipsec *ip, const struct ipsec_sa *larval)
{
	struct ipsec_sa want = *larval;
	struct pfkey_msg m;

	pfkey_msg_start(&m, SADB_DUMP, pfkey_satype(larval->proto));
	pfkey_filter_put(&m, &larval->src, &larval->dst);
	return pfkey_door_dump(ip, &m, look_for_larval, &want) == 1;
}

static int pfkey_spi_alloc(struct ipsec *ip, const struct ipsec_sa *larval, uint32_t min, uint32_t max, uint32_t *spi)
{
	struct ipsec_sa_id id = { .dst = larval->dst, .proto = larval->proto, .mark = larval->mark };
	struct pfkey_door *d = door(ip);
	struct ipsec_sa got = { 0 };
	struct pfkey_msg m;
	bool waits;
	int err = id_refused(ip, &id);

	if (err)
		return err;
	if (larval->if_id)
		return ipsec_fail(ip, -EOPNOTSUPP, "PF_KEY cannot carry an if_id");
	waits = larval->acquire_seq && larval_waits(ip, larval);
	pfkey_getspi_put(&m, larval, min, max);
	err = request(ip, &m, take_sa, &got);
	if (err == -ENOENT)
		return ipsec_fail(ip, err, "no SPI between %#x and %#x is free", min, max);
	if (err)
		return pfkey_explain(ip, err);
	*spi = id.spi = got.spi;
	d->larval.id = id;
	d->larval.seq = waits ? larval->acquire_seq : 0;
	return 0;
}

const struct ipsec_backend ipsec_backend_pfkey = {
	.name = "pfkey",
	.reqid_max = PFKEY_REQID_MAX,
	.open = pfkey_open,
	.close = pfkey_close,
	.sa_add = pfkey_sa_add,
	.sa_get = pfkey_sa_read,
	.sa_delete = pfkey_sa_delete,
	.sa_flush = pfkey_sa_flush,
	.sa_dump = pfkey_sa_dump,
	.spi_alloc = pfkey_spi_alloc,
	.policy_add = pfkey_policy_add,
	.policy_get = pfkey_policy_read,
	.policy_delete = pfkey_policy_delete,
	.policy_flush = pfkey_policy_flush,
	.policy_dump = pfkey_policy_dump,
	.subscribe = pfkey_subscribe,
	.sa_ae = pfkey_sa_ae,
	.subscribe_ae = pfkey_subscribe_ae,
	.event_fd = pfkey_event_fd,
	.events_read = pfkey_events_read,
};
