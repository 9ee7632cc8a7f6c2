// SPDX-License-Identifier: MIT
// IKE_AUTH: who we are, who they are, and the first child (RFC 7296 1.2, 2.15).
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
#include "keyd/ikev2/nat.h"
#include "keyd/ikev2/window.h"

#include <stdio.h>
#include <string.h>

static const char exchange_name[] = "IKE_AUTH";

/* --- initiator --- */

static bool announces(const struct wire_message *m)
{
	return message_has_notify(m, IKEV2_N_ANOTHER_AUTH_FOLLOWS, NULL);
}

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

/* What both ends have announced must be what the section asks for. NULL, or why not. */
static const char *rounds_differ(const struct exchange *x)
{
	if (auth_more_of_peer(x) && !announces(&x->m))
		return "the peer proves its identity once; \"auth\" in its section asks for two proofs (RFC 4739)";
	if (!auth_more_of_peer(x) && announces(&x->m))
		return "the peer wants to prove its identity twice (RFC 4739); \"auth\" in its section asks for one proof";
	return NULL;
}

static void say_rounds_differ(struct ike_sa *sa, const char *why)
{
	report_reason(sa, REASON_AUTH_METHOD);
	report_sa(sa, LOG_LEVEL_WARNING, exchange_name, "failed", "%s", why);
}

static void checked(struct exchange *x, const char *why)
{
	const char *differ = why ? NULL : rounds_differ(x);

	if (differ)
		say_rounds_differ(x->sa, differ);
	if (why || differ) {
		info_disown(x->sa, IKEV2_N_AUTHENTICATION_FAILED);
		ike_sa_end(x->sa, why ? why : differ);
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

/* --- responder --- */

/* Sends AUTHENTICATION_FAILED and forgets the SA. */
static void serve_failed(struct exchange *x, const char *reason)
{
	struct ike_sa *sa = x->sa;

	report_notify(sa, IKEV2_N_AUTHENTICATION_FAILED, true);
	window_refuse(x, IKEV2_N_AUTHENTICATION_FAILED);
	ike_sa_end(sa, reason);
}

static void put_ours(struct exchange *x, struct wire_out *out)
{
	if (!x->proof.method)
		return;
	auth_id_put(out, IKEV2_PL_IDR, &x->sa->local_id);
	auth_put_proof(x, out);
}

static void serve_answer(struct exchange *x, struct child_sa *child)
{
	struct ike_sa *sa = x->sa;
	uint16_t refuse = child ? 0 : x->refuse;
	struct wire_out out;

	window_answer_begin(x, &out);
	put_ours(x, &out);
	if (!cp_is_refusal(x->refuse))
		cp_put_reply(x, &out);
	if (reauth_asked_of_peer(sa))
		message_put_auth_lifetime(&out, reauth_asked_of_peer(sa));
	if (child) {
		x->child = child;
		child_put_answer(x, &out);
		x->child = NULL;
		child->first = true;
		child->sign_promised = ikev2_will_confirm(&x->m);
		child_wait_for_peer(child, child->sign_promised ? CHILD_SETTLE_SIGN : CHILD_SETTLE);
	} else if (x->refuse) {
		message_put_notify(&out, x->refuse, (struct view){ 0 });
	}
	window_answer_end(x, &out);
	ike_sa_established(sa, "established");
	if (refuse) {
		report_notify(sa, refuse, true);
		report_event(sa, NULL, ENGINE_FAILED, "we refuse the child: %s", ikev2_notify_name(refuse));
	}
	if (!child)
		duplicate_supersede(sa);
	duplicate_drop(sa);
}

static void serve_installed(struct exchange *x, struct child_sa *child)
{
	if (!child)
		x->refuse = IKEV2_N_TEMPORARY_FAILURE;
	serve_answer(x, child);
}

/* Both sides have proved who they are. */
static void serve_child(struct exchange *x)
{
	struct ike_sa *sa = x->sa;

	if (!wire_find(&x->m, IKEV2_PL_SA) && sa->peer->conf.childless == CONF_CHILDLESS_NEVER) {
		report_reason(sa, REASON_INVALID_SYNTAX);
		window_refuse(x, IKEV2_N_INVALID_SYNTAX);
		ike_sa_end(sa, "the peer asks for no child, which \"childless never\" in its section forbids");
		return;
	}
	x->refuse = cp_serve(x);
	if (!x->refuse && !wire_find(&x->m, IKEV2_PL_SA)) {
		serve_answer(x, NULL);
		return;
	}
	if (!x->refuse)
		x->refuse = child_choose(x, PROPOSAL_KE_NONE);
	if (!x->refuse && child_derive(x, secret_view(&sa->ni), secret_view(&sa->nr)))
		x->refuse = IKEV2_N_TEMPORARY_FAILURE;
	if (!x->refuse) {
		child_install(x, serve_installed);
		return;
	}
	sa->e->stats.failed++;
	serve_answer(x, NULL);
}

/* Another proof follows, of one side or of both: what the peer wants beside it waits. */
static void serve_round(struct exchange *x)
{
	struct wire_out out;

	window_answer_begin(x, &out);
	put_ours(x, &out);
	if (auth_more_of_us(x))
		message_put_notify(&out, IKEV2_N_ANOTHER_AUTH_FOLLOWS, (struct view){ 0 });
	window_answer_end(x, &out);
}

static void serve_proved(struct exchange *x, const char *why)
{
	struct ike_sa *sa = x->sa;
	bool more = auth_more_of_us(x) || auth_more_of_peer(x);

	if (!why && more && !x->proof.round && exchange_hold(x))
		why = "out of memory";
	if (why) {
		serve_failed(x, why);
		return;
	}
	sa->auth.round++;
	if (more) {
		serve_round(x);
		return;
	}
	exchange_release(x);
	serve_child(x);
}

static void serve_checked(struct exchange *x, const char *why)
{
	const char *differ = why ? NULL : rounds_differ(x);

	if (differ)
		say_rounds_differ(x->sa, differ);
	if (why || differ) {
		serve_failed(x, why ? why : differ);
		return;
	}
	if (!auth_more_of_peer(x) && duplicate_unwelcome(x->sa)) {
		report_reason(x->sa, REASON_NOT_UNIQUE);
		serve_failed(x, "the peer has an IKE SA from elsewhere already (\"unique keep\")");
		return;
	}
	x->sa->newcomer = true;
	auth_prove(x, serve_proved);
}

static void serve_eap(struct exchange *x)
{
	report_sa(x->sa, LOG_LEVEL_WARNING, exchange_name, "failed",
		  "the peer wants to prove who it is by EAP (there is no AUTH payload): make it use a shared key or a certificate");
	serve_failed(x, "the peer wants EAP, which is not spoken here");
}

static void serve_first(struct exchange *x)
{
	struct ike_sa *sa = x->sa;

	ike_sa_set_state(sa, IKE_AUTH);
	nat_settle(sa);
	auth_id_ours(sa);
	auth_take_requests(sa, &x->m);
	sa->initial_contact = message_has_notify(&x->m, IKEV2_N_INITIAL_CONTACT, NULL);
}

/* NULL, or why such a request is none that can be asked now. */
static const char *out_of_place(const struct exchange *x)
{
	if (x->sa->initiator)
		return "who answers an IKE_SA_INIT does not begin an IKE_AUTH";
	if (x->sa->auth.held)
		return NULL;
	if (x->sa->state == IKE_AUTH)
		return "no further proof was announced";
	return wire_find(&x->m, IKEV2_PL_IDI) ? NULL : "there is no IDi payload in the peer's request";
}

void auth_serve(struct exchange *x)
{
	const char *wrong = out_of_place(x);
	struct ike_sa *sa = x->sa;

	if (wrong) {
		report_sa(sa, LOG_LEVEL_WARNING, exchange_name, "refused", "INVALID_SYNTAX: %s", wrong);
		window_refuse(x, IKEV2_N_INVALID_SYNTAX);
		return;
	}
	x->proof.round = sa->auth.round;
	if (sa->state == IKE_INIT)
		serve_first(x);
	if (!wire_find(&x->m, IKEV2_PL_AUTH) && !x->proof.round) {
		serve_eap(x);
		return;
	}
	if (auth_id_choose(x)) {
		serve_failed(x, "the peer is somebody else than expected");
		return;
	}
	auth_judge(x, serve_checked);
}
