// SPDX-License-Identifier: MIT
/* A script as a program over the kernel's databases. */
#include "setkey/sync/model.h"

#include <errno.h>
#include <search.h>
#include <string.h>

#include "setkey/lang/convert.h"
#include "setkey/sync/diff.h"
#include "setkey/sync/tell.h"

/* "deleteall" of a pair of addresses: the number of the last one for each protocol. */
struct pair {
	struct sync_key key;
	unsigned int cleared[SYNC_PROTOS];
};

struct reading {
	struct sync_model *m;
	struct apply *ap;
	const struct statement *st;
};

static unsigned int proto_slot(uint8_t proto)
{
	static const uint8_t protos[] = { 0, IPPROTO_ESP, IPPROTO_AH, IPPROTO_COMP };

	for (unsigned int i = 0; i < sizeof(protos); i++)
		if (protos[i] == proto)
			return i;
	return SYNC_PROTOS - 1;
}

static unsigned int later(unsigned int a, unsigned int b)
{
	return a > b ? a : b;
}

/* The number of the last statement that removed all SAs like this one. */
static unsigned int sa_cleared(const struct sync_model *m, const struct ipsec_addr *src, const struct ipsec_addr *dst,
			       uint8_t proto)
{
	unsigned int slot = proto_slot(proto), seq = later(m->sas_flushed[0], m->sas_flushed[slot]);
	struct sync_key_buf buf;
	struct pair *const *found;
	struct sync_key key;

	if (!m->pairs)
		return seq;
	key = sync_key_pair(&buf, src, dst);
	found = tfind(&key, &m->pairs, sync_key_cmp);
	return found ? later(seq, later((*found)->cleared[0], (*found)->cleared[slot])) : seq;
}

bool sync_model_clears_sa(const struct sync_model *m, const struct ipsec_sa *sa)
{
	return sa_cleared(m, &sa->src, &sa->dst, sa->proto) != 0;
}

bool sync_model_clears_policies(const struct sync_model *m)
{
	return m->policies_flushed != 0;
}

bool sync_model_wants(const struct sync_model *m, const struct sync_wish *w)
{
	const struct statement *st = w->st;

	if (!w->present)
		return false;
	if (w->policy)
		return w->seq > m->policies_flushed;
	return w->seq > sa_cleared(m, &st->src.addrs[w->src], &st->dst.addrs[w->dst], st->proto);
}

struct sync_wish *sync_model_find(const struct sync_model *m, const struct sync_key *key)
{
	struct sync_wish *const *found = tfind(key, &m->wishes, sync_key_cmp);

	return found ? *found : NULL;
}

int sync_wish_sa(const struct sync_wish *w, struct ipsec_sa *sa, char *why, size_t n)
{
	return convert_sa(w->st, &w->st->src.addrs[w->src], &w->st->dst.addrs[w->dst], sa, why, n);
}

int sync_wish_policy(const struct sync_wish *w, struct ipsec_policy *pol, char *why, size_t n)
{
	unsigned int chosen = sync_wish_chosen(w);
	int err = convert_policy(w->st, pol, why, n);

	if (err)
		return err;
	if (w->twin)
		convert_to_fwd(w->st, pol);
	for (unsigned int i = 0; i < pol->ntmpl; i++)
		if (chosen & 1u << i)
			pol->tmpl[i].reqid = w->reqids[i];
	return 0;
}

static bool rule_wants_reqid(const struct rule_spec *rule)
{
	return rule->level == LEVEL_UNIQUE && !rule->reqid;
}

unsigned int sync_wish_chosen(const struct sync_wish *w)
{
	const struct policy_spec *spec = w->st->policy;
	unsigned int chosen = 0;

	/* The first rule of a twin takes any SA. */
	for (unsigned int i = w->twin; w->reqids && i < spec->nrules; i++)
		if (rule_wants_reqid(&spec->rules[i]))
			chosen |= 1u << i;
	return chosen;
}

/* ---- what statements do ---- */

static int no_memory(struct reading *r)
{
	return sync_refuse(r->ap, r->st, -ENOMEM, "", NULL);
}

static struct sync_wish *wish_new(struct reading *r, const struct sync_key *key)
{
	struct sync_model *m = r->m;
	struct sync_wish *w = arena_alloc(&m->arena, sizeof(*w));

	if (!w)
		return NULL;
	w->key.bytes = arena_copy(&m->arena, key->bytes, key->n);
	w->key.n = key->n;
	if (!w->key.bytes || !tsearch(w, &m->wishes, sync_key_cmp))
		return NULL;
	*m->last = w;
	m->last = &w->next;
	m->count++;
	return w;
}

static bool wish_equal(const struct sync_wish *a, const struct sync_wish *b)
{
	union { struct ipsec_sa sa; struct ipsec_policy policy; } x, y;
	char why[160];
	bool equal;

	if (a->policy)
		equal = !sync_wish_policy(a, &x.policy, why, sizeof(why)) &&
			!sync_wish_policy(b, &y.policy, why, sizeof(why)) &&
			sync_wish_chosen(a) == sync_wish_chosen(b) && !sync_policy_diff(&x.policy, &y.policy, 0);
	else
		equal = !sync_wish_sa(a, &x.sa, why, sizeof(why)) && !sync_wish_sa(b, &y.sa, why, sizeof(why)) &&
			!sync_sa_diff(&x.sa, &y.sa);
	explicit_bzero(&x, sizeof(x));
	explicit_bzero(&y, sizeof(y));
	return equal;
}

static bool is_update(const struct statement *st)
{
	return st->command == CMD_UPDATE || st->command == CMD_SPDUPDATE;
}

/* now: what the statement says of the thing with this key. */
static int wish_put(struct reading *r, const struct sync_key *key, const struct sync_wish *now)
{
	struct sync_wish *w = sync_model_find(r->m, key);

	if (w && now->present && sync_model_wants(r->m, w)) {
		/* A fwd policy that somebody wrote is meant, and one that merely follows is not. */
		if (now->twin && !w->twin)
			return 0;
		if (now->twin == w->twin && !is_update(r->st)) {
			if (wish_equal(w, now))
				return 0;
			if (!now->twin)		/* else it was told for the in policy */
				sync_contradiction(r->ap, r->st, w->st);
			return -1;
		}
	}
	if (!w)
		w = wish_new(r, key);
	if (!w)
		return no_memory(r);
	w->st = now->st;
	w->seq = now->seq;
	w->src = now->src;
	w->dst = now->dst;
	w->policy = now->policy;
	w->twin = now->twin;
	w->present = now->present;
	w->reqids = now->reqids;
	return 0;
}

static struct sync_wish wish_of(const struct reading *r, bool present)
{
	return (struct sync_wish){ .st = r->st, .seq = r->m->seq, .present = present, .policy = r->st->policy };
}

static int put_sa(struct reading *r, unsigned int i, unsigned int j)
{
	struct sync_wish now = wish_of(r, true);
	struct sync_key_buf buf;
	struct sync_key key;
	struct ipsec_sa sa;
	char why[200] = "";
	int err;

	now.src = (uint16_t)i;
	now.dst = (uint16_t)j;
	err = sync_wish_sa(&now, &sa, why, sizeof(why));
	if (!err)
		err = ipsec_sa_check(&sa, why, sizeof(why));
	if (!err)
		key = sync_key_sa(&buf, &(struct ipsec_sa_id){ sa.dst, sa.proto, sa.spi, sa.mark });
	explicit_bzero(&sa, sizeof(sa));
	return err ? sync_refuse(r->ap, r->st, err, why, NULL) : wish_put(r, &key, &now);
}

/* Every source with every destination of its family, as names may have several addresses. */
static int do_add(struct reading *r)
{
	const struct endpoint *src = &r->st->src, *dst = &r->st->dst;
	int err = 0;

	for (unsigned int i = 0; i < src->naddrs && !err; i++)
		for (unsigned int j = 0; j < dst->naddrs && !err; j++)
			if (src->addrs[i].family == dst->addrs[j].family)
				err = put_sa(r, i, j);
	return err;
}

static int do_delete(struct reading *r)
{
	struct sync_wish now = wish_of(r, false);
	struct sync_key_buf buf;
	struct ipsec_sa_id id;
	struct sync_key key;
	int err = 0;

	for (unsigned int i = 0; i < r->st->dst.naddrs && !err; i++) {
		convert_sa_id(r->st, &r->st->dst.addrs[i], &id);
		key = sync_key_sa(&buf, &id);
		err = wish_put(r, &key, &now);
	}
	return err;
}

static int clear_pair(struct reading *r, const struct ipsec_addr *src, const struct ipsec_addr *dst)
{
	struct sync_model *m = r->m;
	struct sync_key_buf buf;
	struct sync_key key = sync_key_pair(&buf, src, dst);
	struct pair **found = tfind(&key, &m->pairs, sync_key_cmp), *p = found ? *found : NULL;

	if (!p) {
		p = arena_alloc(&m->arena, sizeof(*p));
		if (!p)
			return no_memory(r);
		p->key.bytes = arena_copy(&m->arena, key.bytes, key.n);
		p->key.n = key.n;
		if (!p->key.bytes || !tsearch(p, &m->pairs, sync_key_cmp))
			return no_memory(r);
	}
	p->cleared[proto_slot(r->st->proto)] = m->seq;
	return 0;
}

static int do_deleteall(struct reading *r)
{
	const struct endpoint *src = &r->st->src, *dst = &r->st->dst;
	int err = 0;

	for (unsigned int i = 0; i < src->naddrs && !err; i++)
		for (unsigned int j = 0; j < dst->naddrs && !err; j++)
			err = clear_pair(r, &src->addrs[i], &dst->addrs[j]);
	return err;
}

static int do_flush(struct reading *r)
{
	r->m->sas_flushed[proto_slot(r->st->proto)] = r->m->seq;
	return 0;
}

static int do_spdflush(struct reading *r)
{
	r->m->policies_flushed = r->m->seq;
	return 0;
}

static int give_reqids(struct reading *r, struct sync_wish *now)
{
	const struct policy_spec *spec = r->st->policy;
	bool any = false;

	for (unsigned int i = 0; i < spec->nrules; i++)
		any |= rule_wants_reqid(&spec->rules[i]);
	if (!any)
		return 0;
	now->reqids = arena_alloc(&r->m->arena, IPSEC_TMPL_MAX * sizeof(*now->reqids));
	return now->reqids ? 0 : no_memory(r);
}

static int put_policy(struct reading *r, bool present)
{
	struct sync_wish now = wish_of(r, present);
	struct ipsec_policy pol;
	struct sync_key_buf buf;
	struct sync_key key;
	char why[200] = "";
	int err;

	if (present && give_reqids(r, &now))
		return -ENOMEM;
	err = convert_policy(r->st, &pol, why, sizeof(why));
	if (!err && present)
		err = ipsec_policy_check(&pol, why, sizeof(why));
	if (err)
		return sync_refuse(r->ap, r->st, err, why, NULL);
	key = sync_key_policy(&buf, &pol);
	err = wish_put(r, &key, &now);
	if (err || pol.dir != IPSEC_DIR_IN || r->ap->kernel_mode)
		return err;
	convert_to_fwd(r->st, &pol);
	key = sync_key_policy(&buf, &pol);
	now.twin = true;
	return wish_put(r, &key, &now);
}

static int do_spdadd(struct reading *r)
{
	return put_policy(r, true);
}

static int do_spddelete(struct reading *r)
{
	return put_policy(r, false);
}

static int do_question(struct reading *r)
{
	sync_no_state(r->ap, r->st);
	return -1;
}

static int (*const actions[COMMANDS])(struct reading *r) = {
	[CMD_ADD] = do_add,
	[CMD_UPDATE] = do_add,
	[CMD_GETSPI] = do_question,
	[CMD_GET] = do_question,
	[CMD_DELETE] = do_delete,
	[CMD_DELETEALL] = do_deleteall,
	[CMD_FLUSH] = do_flush,
	[CMD_DUMP] = do_question,
	[CMD_SPDADD] = do_spdadd,
	[CMD_SPDUPDATE] = do_spdadd,
	[CMD_SPDDELETE] = do_spddelete,
	[CMD_SPDFLUSH] = do_spdflush,
	[CMD_SPDDUMP] = do_question,
};

int sync_model_read(struct sync_model *m, struct apply *ap, const struct script *sc)
{
	struct reading r = { .m = m, .ap = ap };
	int err = 0;

	m->last = &m->first;
	for (const struct statement *st = sc->first; st; st = st->next) {
		int failed;

		m->seq++;
		r.st = st;
		failed = st->policy && st->policy->tag ? do_question(&r) : actions[st->command](&r);
		/* What cannot be read is the graver error. */
		if (failed && err != -1)
			err = failed;
	}
	return err;
}

static void nothing(void *node)
{
	(void)node;
}

void sync_model_clear(struct sync_model *m)
{
	tdestroy(m->wishes, nothing);
	tdestroy(m->pairs, nothing);
	arena_clear(&m->arena);
	memset(m, 0, sizeof(*m));
}
