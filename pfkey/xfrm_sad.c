// SPDX-License-Identifier: MIT
/* The xfrm backend's calls about SAs. */
#include "pfkey/xfrm_door.h"

#include <errno.h>
#include <string.h>
#include <time.h>

static int take_sa(const struct nlmsghdr *nlh, void *arg)
{
	struct ipsec_sa *out = arg;
	int err;

	if (nlh->nlmsg_type != XFRM_MSG_NEWSA && nlh->nlmsg_type != XFRM_MSG_UPDSA)
		return 0;
	err = xfrm_sa_get(nlh, out);
	xfrm_sa_age(out, (uint64_t)time(NULL));
	return err;
}

int xfrm_sad_read(struct ipsec *ip, const struct ipsec_sa_id *id, struct ipsec_sa *out)
{
	struct xfrm_msg m;
	int err;

	xfrm_sa_id_put(&m, XFRM_MSG_GETSA, 0, id);
	err = xfrm_request(ip, &m, take_sa, out);
	explicit_bzero(xfrm_door(ip)->ask.buf, XFRM_SOCK_BUF);
	return err ? xfrm_explain(ip, err, xfrm_door(ip)->ask.words) : 0;
}

int xfrm_sad_delete(struct ipsec *ip, const struct ipsec_sa_id *id)
{
	struct xfrm_msg m;
	int err;

	xfrm_sa_id_put(&m, XFRM_MSG_DELSA, NLM_F_ACK, id);
	err = xfrm_request(ip, &m, NULL, NULL);
	return err ? xfrm_explain(ip, err, xfrm_door(ip)->ask.words) : 0;
}

int xfrm_sad_ae(struct ipsec *ip, const struct ipsec_sa_id *id, enum ipsec_ae_when when)
{
	struct xfrm_msg m;
	int err;

	xfrm_ae_put(&m, id, when);
	err = xfrm_request(ip, &m, NULL, NULL);
	return err ? xfrm_explain(ip, err, xfrm_door(ip)->ask.words) : 0;
}

static int add(struct ipsec *ip, const struct ipsec_sa *sa, bool update)
{
	struct xfrm_msg m;
	int err;

	xfrm_sa_put(&m, sa, update);
	err = xfrm_request(ip, &m, NULL, NULL);
	return err ? xfrm_explain_sa(ip, err, xfrm_door(ip)->ask.words, sa) : 0;
}

static bool same_offload(const struct ipsec_offload *a, const struct ipsec_offload *b)
{
	return a->ifindex == b->ifindex && a->kind == b->kind && a->inbound == b->inbound;
}

/*
 * Linux does crypto itself, and says nothing, where the device cannot; so look what has become of it. An update of a
 * living SA never changes who does its work.
 */
static int add_offloaded(struct ipsec *ip, const struct ipsec_sa *sa, bool update)
{
	const struct ipsec_sa_id id = { .dst = sa->dst, .proto = sa->proto, .spi = sa->spi, .mark = sa->mark };
	struct ipsec_sa got = { 0 };
	bool living = update && !xfrm_sad_read(ip, &id, &got) && got.state != IPSEC_STATE_LARVAL;
	int err = 0;

	ip->error[0] = '\0';
	if (living && !same_offload(&got.offload, &sa->offload))
		err = ipsec_fail(ip, -EOPNOTSUPP, "an SA is offloaded from its beginning or never");
	if (!err)
		err = add(ip, sa, update);
	if (!err && !living)
		err = xfrm_sad_read(ip, &id, &got);
	if (!err && !same_offload(&got.offload, &sa->offload)) {
		xfrm_sad_delete(ip, &id);
		err = ipsec_fail(ip, -EOPNOTSUPP, "the device does not do this SA's work; the kernel would have done it");
	}
	explicit_bzero(&got, sizeof(got));
	return err;
}

int xfrm_sad_add(struct ipsec *ip, const struct ipsec_sa *sa, bool update)
{
	int err = xfrm_need(ip, xfrm_sa_needs(sa));

	if (err)
		return err;
	return sa->offload.kind ? add_offloaded(ip, sa, update) : add(ip, sa, update);
}

void xfrm_sad_flush_put(struct xfrm_msg *m, uint8_t proto)
{
	struct xfrm_usersa_flush *x = xfrm_msg_start(m, XFRM_MSG_FLUSHSA, NLM_F_ACK, sizeof(*x));

	x->proto = proto;
}

int xfrm_sad_flush(struct ipsec *ip, uint8_t proto)
{
	struct xfrm_msg m;
	int err;

	xfrm_sad_flush_put(&m, proto);
	err = xfrm_request(ip, &m, NULL, NULL);
	return err && err != -ESRCH ? xfrm_explain(ip, err, xfrm_door(ip)->ask.words) : err;
}

struct sa_dump {
	ipsec_sa_fn *fn;
	void *arg;
	uint64_t now;
	bool ended;			/* by fn: then the result is its own, not an error of ours */
};

static int dump_one_sa(const struct nlmsghdr *nlh, void *arg)
{
	struct sa_dump *d = arg;
	struct ipsec_sa sa;
	int err;

	if (nlh->nlmsg_type != XFRM_MSG_NEWSA)
		return 0;
	err = xfrm_sa_get(nlh, &sa);
	if (!err) {
		xfrm_sa_age(&sa, d->now);
		err = d->fn(&sa, d->arg);
		d->ended = err != 0;
	}
	explicit_bzero(&sa, sizeof(sa));
	return err;
}

int xfrm_sad_dump(struct ipsec *ip, ipsec_sa_fn *fn, void *arg)
{
	struct sa_dump d = { .fn = fn, .arg = arg, .now = (uint64_t)time(NULL) };
	int err = xfrm_dump(ip, XFRM_MSG_GETSA, dump_one_sa, &d);

	return err && !d.ended ? xfrm_explain(ip, err, "") : err;
}

int xfrm_sad_alloc(struct ipsec *ip, const struct ipsec_sa *larval, uint32_t min, uint32_t max, uint32_t *spi)
{
	struct ipsec_sa got = { 0 };
	struct xfrm_msg m;
	int err;

	xfrm_spi_put(&m, larval, min, max);
	err = xfrm_request(ip, &m, take_sa, &got);
	if (err == -ENOENT)
		return ipsec_fail(ip, err, "no SPI between %#x and %#x is free", min, max);
	if (err)
		return xfrm_explain(ip, err, xfrm_door(ip)->ask.words);
	*spi = got.spi;
	return 0;
}
