// SPDX-License-Identifier: MIT
// IKE_AUTH as responder: who they are, who we are, and the first child (RFC 7296 1.2, 2.15).
#include "keyd/ike/duplicate.h"
#include "keyd/ike/reauth.h"
#include "keyd/ike/report.h"
#include "keyd/ikev2/auth_id.h"
#include "keyd/ikev2/auth_proof.h"
#include "keyd/ikev2/child.h"
#include "keyd/ikev2/cp.h"
#include "keyd/ikev2/exchanges.h"
#include "keyd/ikev2/message.h"
#include "keyd/ikev2/nat.h"
#include "keyd/ikev2/window.h"

static const char exchange_name[] = "IKE_AUTH";

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
	if (!why)
		why = auth_rounds_differ(x);
	if (why) {
		serve_failed(x, why);
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
