// SPDX-License-Identifier: MIT
/* Deeds in bulk, phase by phase; what was done is marked, so that it can be taken back from behind. */
#include "setkey/sync/do.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "setkey/sync/diff.h"
#include "setkey/sync/order.h"
#include "setkey/sync/pack.h"
#include "setkey/sync/tell.h"

#define CHUNK 256			/* deeds that may be done behind one that fails */
#define OSEQ_LEAD (1u << 20)		/* more than an SA sends between our question and its end; skipping numbers does no harm */

struct run {
	struct sync_plan *plan;
	struct apply *ap;
	sigset_t signals;		/* blocked while we are at it, and asked for */
	const struct sync_deed *failed;
	int err;
	char why[256];
	bool back;			/* taking back */
	bool plain;			/* the backend cannot resume SAs: they come back with numbers from 1 */
};

union value {
	struct ipsec_sa sa;
	struct ipsec_policy policy;
};

static struct sync_change *change_of(const struct run *r, const struct sync_deed *d)
{
	return &r->plan->changes[d->change];
}

static void sa_id_of(const struct ipsec_sa *sa, struct ipsec_sa_id *id)
{
	*id = (struct ipsec_sa_id){ sa->dst, sa->proto, sa->spi, sa->mark };
}

/* To go on where the numbers have got to, and a bit further, for packets that leave meanwhile. */
static void resume(struct ipsec_sa *sa, const struct ipsec_usage *usage)
{
	uint64_t max = sa->flags & IPSEC_SA_ESN ? UINT64_MAX : UINT32_MAX;

	/* IPComp has no numbers, and an SA that was not used has none behind it. */
	if (sa->proto == IPPROTO_COMP || !(usage->seq || usage->oseq || usage->packets || usage->use_time))
		return;
	sa->resume = true;
	sa->usage = *usage;
	if (sa->usage.oseq)
		sa->usage.oseq = max - sa->usage.oseq > OSEQ_LEAD ? sa->usage.oseq + OSEQ_LEAD : max;
}

/* The SA that takes the place of an old one: with any of its keys, it must not begin to count again. */
static void resume_if_shared(const struct sync_change *c, struct ipsec_sa *sa)
{
	struct ipsec_sa old;

	sync_change_old_sa(c, &old);
	if (sync_sa_shares_key(sa, &old) || sync_sa_keys_blank(&old)) {
		resume(sa, &old.usage);
		/* Its lifetime is its own. */
		sa->usage.add_time = sa->usage.use_time = sa->usage.bytes = sa->usage.packets = 0;
	}
	explicit_bzero(&old, sizeof(old));
}

/* Keys that the kernel does not show: those of the file, which were taken to be the same, or none. */
static int restore_keys(const struct run *r, const struct sync_change *c, struct ipsec_sa *old)
{
	struct ipsec_sa new;

	if (!r->plan->keys_hidden || !sync_sa_keys_blank(old))
		return 0;
	if (!c->wish || c->op == SYNC_DELETE || c->diff & SYNC_DIFF_ALG || sync_change_new_sa(c, &new))
		return -ENOKEY;
	old->aead = new.aead;
	old->enc = new.enc;
	old->auth = new.auth;
	explicit_bzero(&new, sizeof(new));
	return 0;
}

static int sa_value(const struct run *r, const struct sync_deed *d, enum sync_value which, struct ipsec_sa *sa)
{
	const struct sync_change *c = change_of(r, d);
	int err = 0;

	if (which == SYNC_VALUE_OLD) {
		sync_change_old_sa(c, sa);
		if (r->back && d->type == IPSEC_OP_SA_DELETE && !r->plain)
			resume(sa, &sa->usage);
		return r->back ? restore_keys(r, c, sa) : 0;
	}
	err = sync_change_new_sa(c, sa);
	if (!err && c->op == SYNC_REPLACE)
		resume_if_shared(c, sa);
	return err;
}

static int policy_value(const struct run *r, const struct sync_deed *d, enum sync_value which, struct ipsec_policy *pol)
{
	const struct sync_change *c = change_of(r, d);
	int err;

	if (which == SYNC_VALUE_OLD)
		return sync_change_old_policy(c, pol);
	err = sync_change_new_policy(c, pol);
	if (!err && which != SYNC_VALUE_NEW)
		err = sync_bridge(pol, which == SYNC_VALUE_BRIDGE_1);
	return err;
}

static bool is_sa_type(enum ipsec_op_type type)
{
	return type == IPSEC_OP_SA_ADD || type == IPSEC_OP_SA_UPDATE || type == IPSEC_OP_SA_DELETE;
}

/* Puts the deed, or its contrary, into the batch. 0, or -errno when it could not even be asked for. */
static int put_deed(struct run *r, const struct sync_deed *d)
{
	static const uint8_t contrary[IPSEC_OPS] = {
		[IPSEC_OP_SA_ADD] = IPSEC_OP_SA_DELETE,
		[IPSEC_OP_SA_UPDATE] = IPSEC_OP_SA_UPDATE,
		[IPSEC_OP_SA_DELETE] = IPSEC_OP_SA_ADD,
		[IPSEC_OP_POLICY_ADD] = IPSEC_OP_POLICY_DELETE,
		[IPSEC_OP_POLICY_UPDATE] = IPSEC_OP_POLICY_UPDATE,
		[IPSEC_OP_POLICY_DELETE] = IPSEC_OP_POLICY_ADD,
	};
	bool update = d->type == IPSEC_OP_SA_UPDATE || d->type == IPSEC_OP_POLICY_UPDATE;
	enum sync_value which = r->back && update ? SYNC_VALUE_OLD : d->value;
	struct ipsec_op op = { .type = r->back ? contrary[d->type] : d->type, .tag = (uint64_t)(d - r->plan->deeds) };
	struct ipsec_sa_id id;
	union value v;
	int err;

	err = is_sa_type(op.type) ? sa_value(r, d, which, &v.sa) : policy_value(r, d, which, &v.policy);
	if (!err) {
		if (op.type == IPSEC_OP_SA_DELETE) {
			sa_id_of(&v.sa, &id);
			op.sa_id = &id;
		} else if (is_sa_type(op.type)) {
			op.sa = &v.sa;
		} else {
			/* By its selector: somebody may have given the index to another one. */
			if (op.type == IPSEC_OP_POLICY_DELETE)
				v.policy.index = 0;
			op.policy = &v.policy;
		}
		err = ipsec_batch_put(r->ap->ip, &op);
	}
	explicit_bzero(&v, sizeof(v));
	return err;
}

/* What shall go and is not there any more is gone. */
static bool is_gone(enum ipsec_op_type type, int err)
{
	return (type == IPSEC_OP_SA_DELETE && err == -ESRCH) || (type == IPSEC_OP_POLICY_DELETE && err == -ENOENT);
}

static void fail(struct run *r, const struct sync_deed *d, int err, const char *why)
{
	if (r->err)
		return;
	r->failed = d;
	r->err = err;
	snprintf(r->why, sizeof(r->why), "%s", why);
}

static void done(uint64_t tag, int err, void *arg)
{
	struct run *r = arg;
	struct sync_deed *d = &r->plan->deeds[tag];

	if (!err)
		d->done = true;
	else if (!is_gone(d->type, err))
		fail(r, d, err, ipsec_error(r->ap->ip));
}

/* ---- forward ---- */

/* Did somebody ask us to stop? Waits so long for it. */
static bool asked_to_stop(const struct run *r, unsigned int ms)
{
	const struct timespec wait = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	return sigtimedwait(&r->signals, NULL, &wait) > 0;
}

/* An SA that is used has moved on since it was read. One that is gone needs no way back. */
static void refresh(struct run *r, struct sync_change *c)
{
	struct ipsec_sa old, now;
	struct ipsec_sa_id id;
	const void *packed;

	sync_change_old_sa(c, &old);
	sa_id_of(&old, &id);
	if (!ipsec_sa_get(r->ap->ip, &id, &now)) {
		old.usage = now.usage;
		packed = sync_pack(&r->plan->arena, &old, sizeof(old));
		if (packed)
			c->old = packed;
	}
	explicit_bzero(&old, sizeof(old));
	explicit_bzero(&now, sizeof(now));
}

/*
 * Those that may stand in one batch: of several that are put together, the ones behind a failure are done as well. So a
 * policy that lets packets pass in clear waits until those before it, which may be what it stands behind, are known to be there.
 */
static size_t chunk_end(const struct run *r, size_t begin)
{
	const struct sync_deed *deeds = r->plan->deeds;
	struct ipsec_policy pol;
	size_t i;

	for (i = begin; i < r->plan->ndeeds && i - begin < CHUNK && deeds[i].phase == deeds[begin].phase; i++) {
		if (deeds[i].phase == SYNC_PHASE_SA_REPLACE && i - begin == 2)
			break;
		if (deeds[i].phase == SYNC_PHASE_POLICY_NEW && i > begin &&
		    !policy_value(r, &deeds[i], deeds[i].value, &pol) && !pol.ntmpl)
			break;
	}
	return i;
}

static void run_chunk(struct run *r, size_t begin, size_t end)
{
	const struct sync_deed *deeds = r->plan->deeds;
	int err;

	for (size_t i = begin; i < end; i++)
		if (deeds[i].type == IPSEC_OP_SA_DELETE &&
		    (change_of(r, &deeds[i])->in_use || deeds[i].phase == SYNC_PHASE_SA_REPLACE))
			refresh(r, change_of(r, &deeds[i]));
	err = ipsec_batch_begin(r->ap->ip, done, r);
	for (size_t i = begin; i < end && !err; i++)
		err = put_deed(r, &deeds[i]);
	if (!err)
		err = ipsec_batch_end(r->ap->ip);
	else
		ipsec_batch_end(r->ap->ip);
	if (err)
		fail(r, &deeds[begin], err, ipsec_error(r->ap->ip));
}

/* Only SAs that carried packets are worth waiting for. */
static bool used_sa_goes(const struct run *r, size_t begin)
{
	for (size_t i = begin; i < r->plan->ndeeds; i++)
		if (r->plan->deeds[i].phase == SYNC_PHASE_SA_OLD && change_of(r, &r->plan->deeds[i])->in_use)
			return true;
	return false;
}

static void run_all(struct run *r, unsigned int drain_ms)
{
	const struct sync_plan *plan = r->plan;
	bool drained = false;
	size_t end;

	for (size_t i = 0; i < plan->ndeeds && !r->err; i = end) {
		if (plan->deeds[i].phase < SYNC_PHASE_SA_REPLACE && asked_to_stop(r, 0)) {
			fail(r, NULL, -EINTR, "");
			return;
		}
		if (plan->deeds[i].phase == SYNC_PHASE_SA_OLD && !drained) {
			drained = true;
			if (drain_ms && used_sa_goes(r, i))
				asked_to_stop(r, drain_ms);
		}
		end = chunk_end(r, i);
		run_chunk(r, i, end);
	}
}

/* ---- back ---- */

static void undone(uint64_t tag, int err, void *arg)
{
	struct run *r = arg;
	struct sync_deed *d = &r->plan->deeds[tag];
	bool was_added = d->type == IPSEC_OP_SA_ADD || d->type == IPSEC_OP_POLICY_ADD;

	if (!err || (was_added && (err == -ESRCH || err == -ENOENT)))
		d->done = false;
	else if (err == -EOPNOTSUPP && d->type == IPSEC_OP_SA_DELETE && !r->plain)
		return;		/* tried once more, without going on from its numbers */
	else
		sync_refuse_change(r->ap, change_of(r, d), err, ipsec_error(r->ap->ip));
}

static void undo_all(struct run *r)
{
	struct sync_deed *deeds = r->plan->deeds;

	for (size_t end = r->plan->ndeeds, begin; end; end = begin) {
		begin = end > CHUNK ? end - CHUNK : 0;
		if (ipsec_batch_begin(r->ap->ip, undone, r))
			return;
		for (size_t i = end; i-- > begin;)
			if (deeds[i].done)
				put_deed(r, &deeds[i]);		/* if that fails, it stays done and is counted */
		ipsec_batch_end(r->ap->ip);
	}
}

/* Counter modes would use their nonces again: such an SA is better lost. */
static bool may_begin_again(const struct run *r, const struct sync_deed *d)
{
	const struct ipsec_alg_info *info;
	struct ipsec_sa old;
	bool may;

	sync_change_old_sa(change_of(r, d), &old);
	info = ipsec_alg_by_kernel(IPSEC_ALG_ENC, old.enc.name, 0);
	may = !old.aead.name[0] && info && !(info->flags & IPSEC_ALG_STREAM);
	explicit_bzero(&old, sizeof(old));
	return may || !old.usage.oseq;
}

static void undo_plain(struct run *r)
{
	const struct sync_deed *deeds = r->plan->deeds;
	size_t n = 0;

	r->plain = true;
	if (ipsec_batch_begin(r->ap->ip, undone, r))
		return;
	for (size_t i = r->plan->ndeeds; i-- > 0;)
		if (deeds[i].done && deeds[i].type == IPSEC_OP_SA_DELETE && may_begin_again(r, &deeds[i]) &&
		    !put_deed(r, &deeds[i]))
			n++;
	ipsec_batch_end(r->ap->ip);
	if (n)
		sync_say(r->ap, "%zu SAs came back with sequence numbers from 1, as this backend cannot set them", n);
}

/* Policies that were deleted, or changed their priority, come back behind others of their priority. */
static bool order_lost(const struct run *r)
{
	for (size_t i = 0; i < r->plan->ndeeds; i++) {
		const struct sync_deed *d = &r->plan->deeds[i];
		const struct sync_change *c = change_of(r, d);

		if (!d->done || !c->policy || c->again)
			continue;
		if (d->type == IPSEC_OP_POLICY_DELETE || (d->type == IPSEC_OP_POLICY_UPDATE && c->diff & SYNC_DIFF_PRIORITY))
			return true;
	}
	return false;
}

static size_t count_done(const struct run *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->plan->ndeeds; i++)
		n += r->plan->deeds[i].done;
	return n;
}

static void take_back(struct run *r)
{
	bool order = order_lost(r);
	size_t left;

	r->back = true;
	undo_all(r);
	left = count_done(r);
	if (left) {
		undo_plain(r);
		left = count_done(r);
	}
	if (left)
		sync_say(r->ap, "%zu changes could not be taken back; everything else was", left);
	else
		sync_say(r->ap, "Nothing was changed: what had been done was taken back");
	if (order)
		sync_say(r->ap, "Policies that came back now stand behind others of the same priority");
}

/* ---- rehearsal ---- */

/* Its own self, but where no template and no packet finds it. */
static void disguise(struct ipsec_sa *sa, unsigned int attempt)
{
	uint16_t family = sa->dst.family;

	sa->src = sa->dst = (struct ipsec_addr){ .family = family };	/* 0.0.0.0 or :: */
	sa->reqid = UINT32_MAX;
	sa->spi = (sa->proto == IPPROTO_COMP ? 0xffff : UINT32_MAX) - attempt;
	sa->offload = (struct ipsec_offload){ 0 };	/* a device would begin to work */
	sa->nat_keepalive = 0;
	memset(&sa->sel, 0, sizeof(sa->sel));
	sa->flags &= (uint16_t)~IPSEC_SA_AF_UNSPEC;
}

/* What replaces an SA must be something that the kernel takes, before that SA goes. */
static void rehearse(struct run *r, const struct sync_deed *d)
{
	struct ipsec_sa_id id;
	struct ipsec_sa sa;
	int err = -EEXIST;

	for (unsigned int i = 0; i < 16 && err == -EEXIST; i++) {
		if (sa_value(r, d, SYNC_VALUE_NEW, &sa))
			return;
		disguise(&sa, i);
		err = ipsec_sa_add(r->ap->ip, &sa);
	}
	sa_id_of(&sa, &id);
	if (!err)
		err = ipsec_sa_delete(r->ap->ip, &id);
	if (err) {
		fail(r, d, err, ipsec_error(r->ap->ip));
		ipsec_sa_delete(r->ap->ip, &id);	/* should it be there */
	}
	explicit_bzero(&sa, sizeof(sa));
}

static void rehearse_all(struct run *r)
{
	for (size_t i = 0; i < r->plan->ndeeds && !r->err; i++) {
		const struct sync_deed *d = &r->plan->deeds[i];

		if (d->phase == SYNC_PHASE_SA_REPLACE && d->type == IPSEC_OP_SA_ADD)
			rehearse(r, d);
	}
}

/* A policy that cannot be halved is better told before than after. */
static void check_bridges(struct run *r)
{
	bool marks = strcmp(ipsec_backend_name(r->ap->ip), "pfkey") != 0;
	struct ipsec_policy pol;

	for (size_t i = 0; i < r->plan->ndeeds && !r->err; i++) {
		const struct sync_deed *d = &r->plan->deeds[i];

		if (d->value != SYNC_VALUE_BRIDGE_0)
			continue;
		if (!marks || policy_value(r, d, d->value, &pol) == -EOPNOTSUPP)
			fail(r, d, -EOPNOTSUPP, marks ?
			     "its mark has no free bit, which it takes to order policies of one priority without a gap; "
			     "give it a priority of its own" :
			     "PF_KEY has no marks, which it takes to order policies of one priority without a gap; give it a "
			     "priority of its own, or use --backend xfrm");
	}
}

int sync_do(struct sync_plan *plan, struct apply *ap, unsigned int drain_ms)
{
	struct run r = { .plan = plan, .ap = ap };
	sigset_t before;

	sigemptyset(&r.signals);
	sigaddset(&r.signals, SIGINT);
	sigaddset(&r.signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &r.signals, &before);
	check_bridges(&r);
	rehearse_all(&r);
	if (!r.err)
		run_all(&r, drain_ms);
	if (r.err) {
		if (r.failed)
			sync_refuse_change(ap, change_of(&r, r.failed), r.err, r.why);
		else
			sync_say(ap, "Interrupted");
		take_back(&r);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return r.err;
}
