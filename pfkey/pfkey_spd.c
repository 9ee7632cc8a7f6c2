// SPDX-License-Identifier: MIT
/* The pfkey backend's calls about policies. */
#include "pfkey/pfkey_door.h"
#include "pfkey/pfkey_error.h"

#include <errno.h>
#include <string.h>

static struct pfkey_sock *ask(struct ipsec *ip)
{
	return &((struct pfkey_door *)ip->state)->ask;
}

static int take_policy(const struct sadb_msg *msg, const struct pfkey_exts *t, void *arg)
{
	(void)msg;
	return pfkey_policy_get(t, arg);
}

static bool same_selector(const struct ipsec_selector *a, const struct ipsec_selector *b)
{
	return ipsec_addr_equal(&a->src, &b->src) && ipsec_addr_equal(&a->dst, &b->dst) && a->src_len == b->src_len &&
	       a->dst_len == b->dst_len && a->proto == b->proto && a->sport == b->sport && a->dport == b->dport;
}

/* ---- dumps ---- */

struct policy_dump {
	ipsec_policy_fn *fn;
	void *arg;
	bool ended;			/* by fn: then the result is its own */
};

static int dump_one(const struct sadb_msg *msg, const struct pfkey_exts *t, void *arg)
{
	struct policy_dump *d = arg;
	struct ipsec_policy pol;
	int err = pfkey_policy_get(t, &pol);

	(void)msg;
	if (err)
		return err;
	err = d->fn(&pol, d->arg);
	d->ended = err != 0;
	return err;
}

int pfkey_policy_dump(struct ipsec *ip, ipsec_policy_fn *fn, void *arg)
{
	struct policy_dump d = { .fn = fn, .arg = arg };
	struct pfkey_msg m;
	int err;

	pfkey_msg_start(&m, SADB_X_SPDDUMP, SADB_SATYPE_UNSPEC);
	err = pfkey_door_dump(ip, &m, dump_one, &d);
	return err && !d.ended ? pfkey_explain_dump(ip, err) : err;
}

struct search {
	const struct ipsec_policy *key;
	bool sockets;			/* their policies, too */
	struct ipsec_policy *out;
};

static int compare(const struct ipsec_policy *pol, void *arg)
{
	struct search *s = arg;
	const struct ipsec_policy *key = s->key;

	if (pol->socket && !s->sockets)
		return 0;
	if (key->index ? pol->index != key->index :
	    pol->dir != key->dir || !same_selector(&pol->sel, &key->sel) || strcmp(pol->ctx, key->ctx) != 0)
		return 0;
	*s->out = *pol;
	return 1;
}

static int search(struct ipsec *ip, const struct ipsec_policy *key, bool sockets, struct ipsec_policy *out)
{
	struct search s = { .key = key, .sockets = sockets, .out = out };
	int err = pfkey_policy_dump(ip, compare, &s);

	return err == 1 ? 0 : err ? err : -ENOENT;
}

/* ---- one policy ---- */

static int request_index(struct ipsec *ip, uint8_t type, uint32_t index, pfkey_answer_fn *fn, void *arg)
{
	struct pfkey_msg m;

	pfkey_policy_index_put(&m, type, index);
	return pfkey_sock_request(ask(ip), &m, fn, arg);
}

/* SADB_X_SPDGET knows no policy that has a mark or an if_id, or belongs to a socket; a dump does. */
int pfkey_policy_by_index(struct ipsec *ip, uint32_t index, struct ipsec_policy *out)
{
	const struct ipsec_policy key = { .index = index };
	int err = request_index(ip, SADB_X_SPDGET, index, take_policy, out);

	return err == -ENOENT || err == -EINVAL ? search(ip, &key, true, out) : err;
}

int pfkey_policy_read(struct ipsec *ip, const struct ipsec_policy *key, struct ipsec_policy *out)
{
	int err = pfkey_policy_key_refused(key, ip->error, sizeof(ip->error));

	if (err)
		return err;
	if (key->index) {
		err = pfkey_policy_by_index(ip, key->index, out);
		if (!err && out->socket)
			err = -ENOENT;
	} else {
		err = search(ip, key, false, out);
	}
	return err ? pfkey_explain_policy(ip, err, NULL) : 0;
}

/* PF_KEY lets the kernel choose the index. Asking for the one that the policy has already changes nothing. */
static int index_refused(struct ipsec *ip, const struct ipsec_policy *pol, bool update)
{
	struct ipsec_policy got;

	if (!pol->index)
		return 0;
	if (update && !request_index(ip, SADB_X_SPDGET, pol->index, take_policy, &got) && got.dir == pol->dir &&
	    same_selector(&got.sel, &pol->sel))
		return 0;
	return ipsec_fail(ip, -EOPNOTSUPP, "PF_KEY cannot carry the index of a policy to be added");
}

int pfkey_policy_add(struct ipsec *ip, const struct ipsec_policy *pol, bool update)
{
	struct pfkey_msg m;
	int err = pfkey_policy_refused(pol, ip->error, sizeof(ip->error));

	if (!err)
		err = index_refused(ip, pol, update);
	if (err)
		return err;
	pfkey_policy_put(&m, update ? SADB_X_SPDUPDATE : SADB_X_SPDADD, pol);
	err = pfkey_sock_request(ask(ip), &m, NULL, NULL);
	return err ? pfkey_explain_policy(ip, err, pol) : 0;
}

int pfkey_policy_delete(struct ipsec *ip, const struct ipsec_policy *key)
{
	struct pfkey_msg m;
	int err = pfkey_policy_key_refused(key, ip->error, sizeof(ip->error));

	if (err)
		return err;
	if (key->index) {
		err = request_index(ip, SADB_X_SPDDELETE2, key->index, NULL, NULL);
	} else {
		pfkey_policy_key_put(&m, key);
		err = pfkey_sock_request(ask(ip), &m, NULL, NULL);
	}
	return err ? pfkey_explain_policy(ip, err, NULL) : 0;
}

int pfkey_policy_flush(struct ipsec *ip)
{
	struct pfkey_msg m;
	int err;

	pfkey_msg_start(&m, SADB_X_SPDFLUSH, SADB_SATYPE_UNSPEC);
	err = pfkey_sock_request(ask(ip), &m, NULL, NULL);
	return err && err != -ESRCH ? pfkey_explain(ip, err) : err;
}
