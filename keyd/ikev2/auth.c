// SPDX-License-Identifier: MIT
// IKE_AUTH as initiator: who we are, who they are, and the first child (RFC 7296 1.2, 2.15).
#include "keyd/conf/id.h"
#include "keyd/ike/duplicate.h"
#include "keyd/ike/reauth.h"
#include "keyd/ike/report.h"
#include "keyd/ike/tunnel.h"
#include "keyd/ikev2/auth_id.h"
#include "keyd/ikev2/auth_proof.h"
#include "keyd/ikev2/child.h"
#include "keyd/ikev2/child_early.h"
#include "keyd/ikev2/cp.h"
#include "keyd/ikev2/exchanges.h"
#include "keyd/ikev2/message.h"

#include <stdio.h>
#include <string.h>

static const char exchange_name[] = "IKE_AUTH";

/* Whom we want, what we want to see, and the first child, whose key material comes from the SA's own nonces. */
static void put_wishes(struct exchange *x, struct wire_out *out)
{
	struct ike_sa *sa = x->sa;
	struct conf_id want = auth_id_expected(sa);

	if (reauth_old(sa))
		auth_id_put(out, IKEV2_PL_IDR, &sa->remote_id);
	else if (sa->peer->conf.remote_id.type != CONF_ID_ANY && !conf_id_is_pattern(&sa->peer->conf.remote_id))
		auth_id_put(out, IKEV2_PL_IDR, &sa->peer->conf.remote_id);
	if (sa->peer->conf.unique != CONF_UNIQUE_NEVER && duplicate_alone(sa, &want))
		message_put_notify(out, IKEV2_N_INITIAL_CONTACT, (struct view){ 0 });
	if (sa->auth.multiple && auth_may_repeat(sa))
		message_put_notify(out, IKEV2_N_MULTIPLE_AUTH_SUPPORTED, (struct view){ 0 });
	auth_put_requests(sa, out);
	cp_put_request(sa, out);
	if (x->child) {
		child_put_offer(x, out, PROPOSAL_KE_NONE);
		ikev2_put_confirm(out);
	}
}

static bool auth_build(struct exchange *x, struct wire_out *out)
{
	auth_id_put(out, IKEV2_PL_IDI, &x->sa->local_id);
	auth_put_proof(x, out);
	if (auth_more_of_us(x))
		message_put_notify(out, IKEV2_N_ANOTHER_AUTH_FOLLOWS, (struct view){ 0 });
	if (!x->proof.round)
		put_wishes(x, out);
	return true;
}

static void proved(struct exchange *x, const char *why)
{
	if (why) {
		ike_sa_end(x->sa, why);
		return;
	}
	x->not_before = 0;
	ike_sa_kick(x->sa);
}

/* Also without a child: the peer may have begun another IKE SA at the same time. */
static void done(struct exchange *x)
{
	duplicate_drop(x->sa);
	exchange_done(x);
}

static void first_child_done(struct exchange *x, struct child_sa *child)
{
	if (child)
		ikev2_confirm(x->sa);
	done(x);
}

/* Without an address of ours there is nothing to be done here, and to ask again at once would not help (3.15.4). */
static void no_address(struct exchange *x, const char *why)
{
	struct tunnel *t = tunnel_of(x->sa);
	struct ike_sa *sa = x->sa;

	sa->e->stats.failed++;
	report_reason(sa, REASON_ADDRESS_FAILURE);
	report_sa(sa, LOG_LEVEL_WARNING, exchange_name, "failed", "%s", why);
	report_event(sa, x->child, ENGINE_FAILED, "%s", why);
	if (t)
		tunnel_pause(t);
	exchange_done(x);
	info_delete_ike_begin(sa);
}

static const char *address_refused(uint16_t error)
{
	if (error == IKEV2_N_INTERNAL_ADDRESS_FAILURE)
		return "the peer has no address left for us (INTERNAL_ADDRESS_FAILURE): its pool must be larger";
	if (error == IKEV2_N_FAILED_CP_REQUIRED)
		return "the peer wants us to ask for an address (FAILED_CP_REQUIRED): add \"virtual-address\" to its section";
	return NULL;
}

static void auth_resume(struct exchange *x)
{
	child_install(x, first_child_done);
}

static void take_child(struct exchange *x)
{
	uint16_t error = message_error(&x->m);
	const char *why = address_refused(error);
	struct ike_sa *sa = x->sa;

	ike_sa_established(sa, "established");
	message_take_auth_lifetime(x);
	if (!why)
		why = cp_take(x);
	if (why) {
		no_address(x, why);
		return;
	}
	if (!x->child) {
		done(x);
		return;
	}
	if (error && !wire_find(&x->m, IKEV2_PL_SA) && child_ask_otherwise(x, error)) {
		struct child_sa *c = x->child;

		x->child = NULL;
		create_begin(sa, c);
		done(x);
		return;
	}
	if (error && !wire_find(&x->m, IKEV2_PL_SA)) {
		child_refused(x, error, PROPOSAL_KE_NONE);
		done(x);
		return;
	}
	if (child_take_answer(x, PROPOSAL_KE_NONE) ||
	    child_derive(x, secret_view(&sa->ni), secret_view(&sa->nr))) {
		sa->e->stats.failed++;
		report_reason(sa, REASON_PEER_ANSWER);
		report_event(sa, x->child, ENGINE_FAILED, "the peer's answer for the child does not fit");
		info_delete_offered(x->child);
		done(x);
		return;
	}
	child_install(x, first_child_done);
}

static bool begin_round(struct ike_sa *sa, struct child_sa *child, const struct exchange *before);

/* RFC 4739 2.1: the next request has the next proof of whoever has one. */
static void next_round(struct exchange *x)
{
	struct child_sa *child = x->child;
	struct ike_sa *sa = x->sa;

	x->child = NULL;
	if (begin_round(sa, child, x))
		exchange_done(x);
}

static void checked(struct exchange *x, const char *why)
{
	if (!why)
		why = auth_rounds_differ(x);
	if (why) {
		info_disown(x->sa, IKEV2_N_AUTHENTICATION_FAILED);
		ike_sa_end(x->sa, why);
	} else if (auth_more_of_us(x) || auth_more_of_peer(x)) {
		next_round(x);
	} else {
		take_child(x);
	}
}

static void why_not_believed(const struct ike_sa *sa, char *text, size_t n)
{
	char id[CONF_ID_STRLEN];

	conf_id_format(&sa->remote_id, id, sizeof(id));
	snprintf(text, n, "; %s", auth_disbelief(sa));
	if (sa->peer->conf.remote_id.type != CONF_ID_ANY)
		snprintf(text + strlen(text), n - strlen(text), ", or it is not \"%.255s\"", id);
}

/*
 * The peer refuses, or its answer is no answer. An error that nobody here knows means that all has failed (RFC 7296 3.10.1);
 * the others may speak of the child alone. False: there is something to be checked.
 */
static bool refused(struct exchange *x)
{
	bool proof = auth_is_answered(x);
	uint16_t error = proof ? message_unknown_error(&x->m) : message_error(&x->m);
	char reason[CHILD_REFUSAL_LEN + 100], why[CHILD_REFUSAL_LEN] = "";

	if (proof && !error)
		return false;
	/* Some refuse all when it is only the child that they do not want (openiked). */
	if (error == IKEV2_N_NO_PROPOSAL_CHOSEN && x->child)
		child_refusal(x, error, PROPOSAL_KE_NONE, why, sizeof(why));
	if (error == IKEV2_N_AUTHENTICATION_FAILED)
		why_not_believed(x->sa, why, sizeof(why));
	if (error)
		snprintf(reason, sizeof(reason), "the peer refused IKE_AUTH: %s (%u)%s", ikev2_notify_name(error), error, why);
	else
		snprintf(reason, sizeof(reason), "the peer's answer to IKE_AUTH proves nothing: IDr or AUTH is missing");
	if (proof || !error)
		info_disown(x->sa, IKEV2_N_AUTHENTICATION_FAILED);
	report_refusal(x->sa, error, false);
	ike_sa_end(x->sa, reason);
	return true;
}

static void auth_answer(struct exchange *x)
{
	struct ike_sa *sa = x->sa;

	if (refused(x))
		return;
	if (wire_find(&x->m, IKEV2_PL_IDR) && auth_id_check(x)) {
		info_disown(sa, IKEV2_N_AUTHENTICATION_FAILED);
		ike_sa_end(sa, "the peer is somebody else than expected");
		return;
	}
	auth_judge(x, checked);
}

const struct exchange_ops ikev2_auth_ops = {
	.kept = KEPT_AUTH,
	.resume = auth_resume,
	.name = exchange_name,
	.type = IKEV2_EXCH_IKE_AUTH,
	.build = auth_build,
	.answer = auth_answer,
};

static void prove(struct exchange *x)
{
	auth_prove(x, proved);
}

/* What was asked for in the first round is had in the last. before NULL: this is the first. False: the SA has ended, and all of it. */
static bool begin_round(struct ike_sa *sa, struct child_sa *child, const struct exchange *before)
{
	struct exchange *x = exchange_new(sa, &ikev2_auth_ops);

	if (!x) {
		if (child)
			child_free(child);
		ike_sa_end(sa, "out of memory");
		return false;
	}
	x->child = child;
	if (before) {
		x->early = before->early;
		x->ts_local = before->ts_local;
		x->ts_remote = before->ts_remote;
		x->proof.round = before->proof.round + 1;
	}
	x->not_before = ENGINE_NEVER;	/* until the proof is here */
	exchange_queue_first(x);
	if (before || !child_early(x, prove))
		prove(x);
	return sa->state != IKE_DEAD;
}

void auth_begin(struct ike_sa *sa, struct child_sa *child)
{
	if (!child && !sa->childless) {
		ike_sa_end(sa, "there is no policy for a child, and the peer does not let an IKE SA begin without one "
			   "(CHILDLESS_IKEV2_SUPPORTED): load a policy");
		return;
	}
	if (child && sa->childless && sa->peer->conf.childless == CONF_CHILDLESS_PREFER) {
		create_begin(sa, child);
		child = NULL;
	}
	auth_id_ours(sa);
	sa->remote_id = auth_id_expected(sa);
	begin_round(sa, child, NULL);
}
