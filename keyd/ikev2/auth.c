// SPDX-License-Identifier: MIT
// IKE_AUTH: who we are, who they are, and the first child (RFC 7296 1.2, 2.15).
#include "keyd/conf/id.h"
#include "keyd/ike/duplicate.h"
#include "keyd/ike/reauth.h"
#include "keyd/ike/report.h"
#include "keyd/ike/tunnel.h"
#include "keyd/ikev2/child.h"
#include "keyd/ikev2/child_early.h"
#include "keyd/ikev2/cp.h"
#include "keyd/ikev2/exchanges.h"
#include "keyd/ikev2/message.h"
#include "keyd/ikev2/nat.h"
#include "keyd/ikev2/window.h"
#include "keyd/wire/auth.h"
#include "keyd/wire/id.h"

#include <stdio.h>
#include <string.h>

#define ID_BODY_MAX (4 + CONF_ID_MAX)

static const char exchange_name[] = "IKE_AUTH";

/* Our identity: configured, or the address that we speak from. */
static void choose_local_id(struct ike_sa *sa)
{
	sa->local_id = sa->peer->conf.local_id;
	if (sa->local_id.type == CONF_ID_ANY)
		conf_id_from_addr(&sa->local_id, &sa->local);
}

static struct view id_body(const struct conf_id *id, uint8_t buf[ID_BODY_MAX])
{
	struct wire_id w = { .type = id->type, .data = { id->data, id->len } };
	struct wr body = wr_of(buf, ID_BODY_MAX);

	wire_id_put(&body, &w);
	return wr_view(&body);
}

static void put_id(struct wire_out *out, uint8_t type, const struct conf_id *id)
{
	uint8_t buf[ID_BODY_MAX];

	wire_payload_put(out, type, id_body(id, buf));
}

static void put_auth(struct wire_out *out, const struct secret *data)
{
	struct wire_auth auth = { .method = IKEV2_AUTH_PSK, .data = secret_view(data) };
	size_t mark = wire_payload_begin(out, IKEV2_PL_AUTH);

	wire_auth_put(&out->w, &auth);
	wire_payload_end(out, mark);
}

/* Whom we mean to reach: what it then says of itself must not choose the secret that it is measured by. */
static struct conf_id expected_id(const struct ike_sa *sa)
{
	const struct ike_sa *old = reauth_old(sa);
	struct conf_id id = sa->peer->conf.remote_id;

	/* Who takes over from an SA is who that was with; the configuration may leave it open. */
	if (old && (id.type == CONF_ID_ANY || conf_id_match(&id, &old->remote_id)))
		return old->remote_id;
	if (id.type == CONF_ID_ANY)
		conf_id_from_addr(&id, &sa->remote);
	return id;
}

/*
 * Asks for the AUTH data of one end over an identification payload's body. The initiator signs its IKE_SA_INIT and the
 * responder's nonce; the responder the other way round.
 */
static void ask_proof(struct exchange *x, bool of_initiator, struct view body,
		      void (*fn)(struct ask *a, const struct auth_answer *an))
{
	struct ike_sa *sa = x->sa;
	uint8_t macid[CRYPTO_PRF_MAX];
	struct auth_request rq = { .way = CONF_AUTH_PSK, .prf = sa->suite.prf->ikev2_id };

	if (ikev2_auth_octets_macid(sa->suite.prf, secret_view(of_initiator ? &sa->keys.sk_pi : &sa->keys.sk_pr),
				    body, macid)) {
		ike_sa_end(sa, "the proof of identity could not be computed");
		return;
	}
	rq.local = sa->local_id;
	rq.remote = sa->initiator ? expected_id(sa) : sa->remote_id;
	rq.local_addr = sa->local;
	rq.remote_addr = sa->remote;
	rq.message = secret_view(of_initiator ? &sa->init_request : &sa->init_response);
	rq.nonce = secret_view(of_initiator ? &sa->nr : &sa->ni);
	rq.macid = (struct view){ macid, sa->suite.prf->prf };
	ask_auth(sa->e, &x->ask, &rq, fn);
}

static void say_no_secret(struct ike_sa *sa)
{
	char local[CONF_ID_STRLEN], remote[CONF_ID_STRLEN], reason[192];

	report_sa(sa, LOG_LEVEL_WARNING, exchange_name, "failed",
		  "no secret for peer \"%s\" (we are \"%s\"): add a line for it to psk.txt, or psk to its peer section",
		  conf_id_format(&sa->remote_id, remote, sizeof(remote)),
		  conf_id_format(&sa->local_id, local, sizeof(local)));
	snprintf(reason, sizeof(reason), "no secret for peer \"%.120s\"", remote);
	report_reason(sa, REASON_NO_SECRET);
	ike_sa_end(sa, reason);
}

/*
 * Where nothing is configured, a name may be any, but an address must be the one that it talks from; behind a NAT a peer
 * knows only an address that nobody else does.
 */
static bool id_expected(const struct ike_sa *sa)
{
	const struct conf_id *want = &sa->peer->conf.remote_id;
	const struct ike_sa *old = reauth_old(sa);
	struct conf_id here;

	if (old && !conf_id_equal(&old->remote_id, &sa->remote_id))
		return false;
	if (want->type != CONF_ID_ANY)
		return conf_id_match(want, &sa->remote_id);
	conf_id_from_addr(&here, &sa->remote);
	return (sa->remote_id.type != CONF_ID_IPV4 && sa->remote_id.type != CONF_ID_IPV6) || sa->nat_remote ||
	       conf_id_equal(&here, &sa->remote_id);
}

/* The peer's identity from its payload, if the configuration expects it. 0 or -1 (logged). */
static int take_remote_id(struct exchange *x, uint8_t payload)
{
	char got[CONF_ID_STRLEN], want[CONF_ID_STRLEN];
	const struct wire_payload *p = wire_find(&x->m, payload);
	struct ike_sa *sa = x->sa;
	struct conf_id expected;
	struct wire_id id;

	if (!p || wire_id_get(&id, p->body) || id.data.n > CONF_ID_MAX) {
		report_reason(sa, REASON_INVALID_SYNTAX);
		report_sa(sa, LOG_LEVEL_WARNING, exchange_name, "failed", "the peer's identification is malformed");
		return -1;
	}
	sa->remote_id = (struct conf_id){ .type = id.type, .len = (uint16_t)id.data.n };
	memcpy(sa->remote_id.data, id.data.p, id.data.n);
	if (id_expected(sa))
		return 0;
	expected = expected_id(sa);
	conf_id_format(&sa->remote_id, got, sizeof(got));
	conf_id_format(&expected, want, sizeof(want));
	report_reason(sa, REASON_UNEXPECTED_ID);
	report_sides(sa, want, got);
	report_sa(sa, LOG_LEVEL_WARNING, exchange_name, "failed",
		  "the peer says it is \"%s\"; expected \"%s\" (\"id remote\" in its peer section says otherwise)", got, want);
	return -1;
}

/* Is the AUTH payload in x->m the one that only a holder of the secret can make? */
static bool proof_fits(struct exchange *x, const struct auth_answer *an)
{
	const struct wire_payload *p = wire_find(&x->m, IKEV2_PL_AUTH);
	struct wire_auth auth;
	char remote[CONF_ID_STRLEN];

	if (p && !wire_auth_get(&auth, p->body) && auth.method == IKEV2_AUTH_PSK && !an->error &&
	    secret_equal(auth.data, (struct view){ an->data, an->n }))
		return true;
	conf_id_format(&x->sa->remote_id, remote, sizeof(remote));
	x->sa->secret_at = an->at;
	if (p && !wire_auth_get(&auth, p->body) && auth.method != IKEV2_AUTH_PSK)
		report_reason(x->sa, REASON_AUTH_METHOD);
	else
		report_reason(x->sa, REASON_WRONG_SECRET);
	if (p && !wire_auth_get(&auth, p->body) && auth.method != IKEV2_AUTH_PSK)
		report_sa(x->sa, LOG_LEVEL_WARNING, exchange_name, "failed",
			  "\"%s\" authenticates by %s (%u); only a shared key is configured here", remote,
			  ikev2_auth_method_name(auth.method), auth.method);
	else
		report_sa(x->sa, LOG_LEVEL_WARNING, exchange_name, "failed",
			  "\"%s\" does not have the same secret as we have for it", remote);
	return false;
}

/* --- initiator --- */

/* The first child's key material comes from the SA's own nonces, so the exchange needs none of its own. */
static bool auth_build(struct exchange *x, struct wire_out *out)
{
	struct ike_sa *sa = x->sa;
	struct conf_id want;

	put_id(out, IKEV2_PL_IDI, &sa->local_id);
	if (reauth_old(sa))
		put_id(out, IKEV2_PL_IDR, &sa->remote_id);
	else if (sa->peer->conf.remote_id.type != CONF_ID_ANY)
		put_id(out, IKEV2_PL_IDR, &sa->peer->conf.remote_id);
	put_auth(out, &x->shared);
	want = expected_id(sa);
	if (sa->peer->conf.unique != CONF_UNIQUE_NEVER && duplicate_alone(sa, &want))
		message_put_notify(out, IKEV2_N_INITIAL_CONTACT, (struct view){ 0 });
	cp_put_request(sa, out);
	if (x->child) {
		child_put_offer(x, out, PROPOSAL_KE_NONE);
		ikev2_put_confirm(out);
	}
	return true;
}

static void auth_ready(struct ask *a, const struct auth_answer *an)
{
	struct exchange *x = container_of(a, struct exchange, ask);

	if (an->error) {
		say_no_secret(x->sa);
		return;
	}
	x->sa->secret_at = an->at;
	if (secret_set(&x->shared, an->data, an->n)) {
		ike_sa_end(x->sa, "out of memory");
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
	secret_clear(&x->shared);	/* held our AUTH data; the first child has no key exchange of its own */
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

static void auth_checked(struct ask *a, const struct auth_answer *an)
{
	struct exchange *x = container_of(a, struct exchange, ask);

	if (!proof_fits(x, an)) {
		info_disown(x->sa, IKEV2_N_AUTHENTICATION_FAILED);
		ike_sa_end(x->sa, "the peer's proof of identity is wrong: not the same secret on both sides");
		return;
	}
	take_child(x);
}

static void why_not_believed(const struct ike_sa *sa, char *text, size_t n)
{
	char id[CONF_ID_STRLEN];

	conf_id_format(&sa->remote_id, id, sizeof(id));
	snprintf(text, n, "; its secret for us or the identity it expects of us is another");
	if (sa->peer->conf.remote_id.type != CONF_ID_ANY)
		snprintf(text + strlen(text), n - strlen(text), ", or it is not \"%.255s\"", id);
}

/*
 * The peer refuses, or its answer is no answer. An error that nobody here knows means that all has failed (RFC 7296 3.10.1);
 * the others may speak of the child alone. False: there is something to be checked.
 */
static bool refused(struct exchange *x)
{
	bool proof = wire_find(&x->m, IKEV2_PL_AUTH) && wire_find(&x->m, IKEV2_PL_IDR);
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
	if (take_remote_id(x, IKEV2_PL_IDR)) {
		info_disown(sa, IKEV2_N_AUTHENTICATION_FAILED);
		ike_sa_end(sa, "the peer is somebody else than expected");
		return;
	}
	ask_proof(x, false, wire_find(&x->m, IKEV2_PL_IDR)->body, auth_checked);
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
	uint8_t buf[ID_BODY_MAX];

	ask_proof(x, true, id_body(&x->sa->local_id, buf), auth_ready);
}

void auth_begin(struct ike_sa *sa, struct child_sa *child)
{
	struct exchange *x = exchange_new(sa, &ikev2_auth_ops);

	if (!x) {
		if (child)
			child_free(child);
		ike_sa_end(sa, "out of memory");
		return;
	}
	if (!child && !sa->childless) {
		exchange_free(x);
		ike_sa_end(sa, "there is no policy for a child, and the peer does not let an IKE SA begin without one "
			   "(CHILDLESS_IKEV2_SUPPORTED): load a policy");
		return;
	}
	if (child && sa->childless && sa->peer->conf.childless == CONF_CHILDLESS_PREFER)
		create_begin(sa, child);
	else
		x->child = child;
	x->not_before = ENGINE_NEVER;	/* until the proof is here */
	choose_local_id(sa);
	sa->remote_id = expected_id(sa);
	exchange_queue_first(x);
	if (!child_early(x, prove))
		prove(x);
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

static void serve_answer(struct exchange *x, struct child_sa *child)
{
	struct ike_sa *sa = x->sa;
	uint16_t refuse = child ? 0 : x->refuse;
	struct wire_out out;

	window_answer_begin(x, &out);
	put_id(&out, IKEV2_PL_IDR, &sa->local_id);
	put_auth(&out, &x->nr);
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

/* Both sides have proved who they are; x->nr holds our AUTH data. */
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

static void serve_proof_ready(struct ask *a, const struct auth_answer *an)
{
	struct exchange *x = container_of(a, struct exchange, ask);

	if (an->error || secret_set(&x->nr, an->data, an->n)) {
		serve_failed(x, "our own proof of identity could not be made");
		return;
	}
	serve_child(x);
}

static void serve_checked(struct ask *a, const struct auth_answer *an)
{
	struct exchange *x = container_of(a, struct exchange, ask);
	char id[CONF_ID_STRLEN], reason[160];
	uint8_t buf[ID_BODY_MAX];

	if (an->error == AUTH_NO_SECRET) {
		snprintf(reason, sizeof(reason), "no secret for peer \"%.100s\"",
			 conf_id_format(&x->sa->remote_id, id, sizeof(id)));
		report_sa(x->sa, LOG_LEVEL_WARNING, exchange_name, "failed",
			  "%s: add a line for it to psk.txt, or psk to its peer section", reason);
		report_reason(x->sa, REASON_NO_SECRET);
		serve_failed(x, reason);
		return;
	}
	if (!proof_fits(x, an)) {
		serve_failed(x, "the peer's proof of identity is wrong: not the same secret on both sides");
		return;
	}
	if (duplicate_unwelcome(x->sa)) {
		report_reason(x->sa, REASON_NOT_UNIQUE);
		serve_failed(x, "the peer has an IKE SA from elsewhere already (\"unique keep\")");
		return;
	}
	x->sa->newcomer = true;
	ask_proof(x, false, id_body(&x->sa->local_id, buf), serve_proof_ready);
}

void auth_serve(struct exchange *x)
{
	struct ike_sa *sa = x->sa;

	ike_sa_set_state(sa, IKE_AUTH);
	nat_settle(sa);
	choose_local_id(sa);
	if (!wire_find(&x->m, IKEV2_PL_AUTH)) {
		report_sa(sa, LOG_LEVEL_WARNING, exchange_name, "failed",
			  "the peer wants to prove who it is by EAP (there is no AUTH payload): make it use a shared key");
		serve_failed(x, "the peer wants EAP, which is not spoken here");
		return;
	}
	if (take_remote_id(x, IKEV2_PL_IDI)) {
		serve_failed(x, "the peer is somebody else than expected");
		return;
	}
	sa->initial_contact = message_has_notify(&x->m, IKEV2_N_INITIAL_CONTACT, NULL);
	ask_proof(x, true, wire_find(&x->m, IKEV2_PL_IDI)->body, serve_checked);
}
