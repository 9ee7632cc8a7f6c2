// SPDX-License-Identifier: MIT
// Identities in IKE_AUTH, and the section that they choose.
#include "keyd/ikev2/auth_id.h"

#include "keyd/conf/id.h"
#include "keyd/conf/load.h"
#include "keyd/ike/creds.h"
#include "keyd/ike/proposal.h"
#include "keyd/ike/reauth.h"
#include "keyd/ike/report.h"
#include "keyd/ike/section.h"
#include "keyd/ike/version.h"
#include "keyd/wire/id.h"
#include "keyd/wire/ikev2.h"

#include <stdio.h>
#include <string.h>

static const char exchange_name[] = "IKE_AUTH";

/* Where "id local" is not stated, each name of our certificate is one of ours. arg is the IKE SA. */
static bool in_our_cert(void *arg, const struct conf_peer *conf, const struct conf_id *id)
{
	const struct ike_sa *sa = arg;
	const struct cred *cred = conf->id_of_cert ? creds_find(&sa->e->creds, &conf->key) : NULL;

	return cred && conf_cred_has_name(&cred->conf, id);
}

void auth_id_ours(struct ike_sa *sa)
{
	const struct ike_sa *old = reauth_old(sa);

	sa->local_id = sa->peer->conf.local_id;
	if (old && in_our_cert(sa, &sa->peer->conf, &old->local_id))
		sa->local_id = old->local_id;	/* as the peer knows us, who had asked for that name */
	if (sa->local_id.type == CONF_ID_ANY)
		conf_id_from_addr(&sa->local_id, &sa->local);
}

struct view auth_id_body(const struct conf_id *id, uint8_t buf[ID_BODY_MAX])
{
	struct wire_id w = { .type = id->type, .data = { id->data, id->len } };
	struct wr body = wr_of(buf, ID_BODY_MAX);

	wire_id_put(&body, &w);
	return wr_view(&body);
}

void auth_id_put(struct wire_out *out, uint8_t type, const struct conf_id *id)
{
	uint8_t buf[ID_BODY_MAX];

	wire_payload_put(out, type, auth_id_body(id, buf));
}

struct conf_id auth_id_expected(const struct ike_sa *sa)
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

/* 0, or -1: it is no identification (told). */
static int take(struct exchange *x, uint8_t payload, struct conf_id *out)
{
	const struct wire_payload *p = wire_find(&x->m, payload);
	struct wire_id id;

	if (p && !wire_id_get(&id, p->body) && id.data.n <= CONF_ID_MAX) {
		*out = (struct conf_id){ .type = id.type, .len = (uint16_t)id.data.n };
		memcpy(out->data, id.data.p, id.data.n);
		return 0;
	}
	report_reason(x->sa, REASON_INVALID_SYNTAX);
	report_sa(x->sa, LOG_LEVEL_WARNING, exchange_name, "failed", "the peer's identification is malformed, or longer than %u bytes",
		  CONF_ID_MAX);
	return -1;
}

static int unexpected(struct ike_sa *sa)
{
	char got[CONF_ID_STRLEN], want[CONF_ID_STRLEN];
	struct conf_id expected = auth_id_expected(sa);

	conf_id_format(&sa->remote_id, got, sizeof(got));
	conf_id_format(&expected, want, sizeof(want));
	report_reason(sa, REASON_UNEXPECTED_ID);
	report_sides(sa, want, got);
	report_sa(sa, LOG_LEVEL_WARNING, exchange_name, "failed",
		  "the peer says it is \"%s\"; expected \"%s\" (\"id remote\" in its peer section says otherwise)", got, want);
	return -1;
}

static struct conf_claim claim_of(const struct ike_sa *sa)
{
	return (struct conf_claim){ .local = &sa->local, .remote = &sa->remote, .remote_id = &sa->remote_id,
				    .nat = sa->nat_remote };
}

/* Whoever takes over from an SA is who that was with; others are measured by "id remote" of the section alone. */
static bool fits(const struct ike_sa *sa)
{
	struct conf_claim claim = claim_of(sa);
	const struct ike_sa *old = reauth_old(sa);

	return (!old || conf_id_equal(&old->remote_id, &sa->remote_id)) && conf_peer_fits(&sa->peer->conf, &claim) == CONF_FITS;
}

/* Whoever proves himself again does so under the same name. */
static int same_as_before(struct exchange *x, uint8_t payload)
{
	struct conf_id id;

	if (take(x, payload, &id))
		return -1;
	if (conf_id_equal(&id, &x->sa->remote_id))
		return 0;
	report_reason(x->sa, REASON_UNEXPECTED_ID);
	report_sa(x->sa, LOG_LEVEL_WARNING, exchange_name, "failed",
		  "the peer calls itself otherwise in its second proof than in the first");
	return -1;
}

int auth_id_check(struct exchange *x)
{
	if (x->proof.round)
		return same_as_before(x, IKEV2_PL_IDR);
	if (take(x, IKEV2_PL_IDR, &x->sa->remote_id))
		return -1;
	return fits(x->sa) ? 0 : unexpected(x->sa);
}

/* Would this section have agreed to the algorithms of the SA? */
static bool takes_suite(void *arg, const struct conf_peer *conf)
{
	const struct ike_sa *sa = arg;
	const struct proposal_choice c = { .number = 1, .encr = sa->suite.encr, .prf = sa->suite.prf,
					   .integ = sa->suite.integ, .ke = sa->ke };
	struct proposal_choice again;
	struct wire_sa chosen;

	if (ike_version_of(conf) != sa->version)
		return false;
	proposal_answer(&c, IKEV2_PROTO_IKE, (struct view){ 0 }, &chosen);
	return &sa->peer->conf == conf || proposal_choose(&conf->ike, &chosen, IKEV2_PROTO_IKE, PROPOSAL_KE_REQUIRED, &again);
}

/* From now on another section's settings count; what IKE_SA_INIT agreed by those of the first is narrowed. */
static void serve_by(struct ike_sa *sa, struct peer *peer)
{
	const struct conf_peer *conf = &peer->conf;

	if (sa->fragment_size && conf->fragment_size < sa->fragment_size)
		sa->fragment_size = conf->fragment_size;
	peer_put(sa->peer);
	sa->peer = peer_get(peer);
}

int auth_id_choose(struct exchange *x)
{
	struct ike_sa *sa = x->sa;
	struct conf_claim claim = claim_of(sa);
	const struct conf_peer *conf;
	struct conf_choice choice;
	struct conf_id asked;

	/* Who has nothing more to prove may not say again who it is (strongSwan does not). */
	if (x->proof.round)
		return wire_find(&x->m, IKEV2_PL_IDI) || wire_find(&x->m, IKEV2_PL_AUTH) ? same_as_before(x, IKEV2_PL_IDI) : 0;
	if (take(x, IKEV2_PL_IDI, &sa->remote_id))
		return -1;
	if (wire_find(&x->m, IKEV2_PL_IDR)) {
		if (take(x, IKEV2_PL_IDR, &asked))
			return -1;
		claim.local_id = &asked;
		claim.in_our_cert = in_our_cert;
		claim.arg = sa;
	}
	conf = conf_peer_choose(&sa->e->conf, &claim, takes_suite, sa, &choice);
	if (!conf && claim.local_id) {		/* then it sees who we are, and can say that it expected another (RFC 7296 2.15) */
		claim.local_id = NULL;
		conf = conf_peer_choose(&sa->e->conf, &claim, takes_suite, sa, &choice);
	}
	if (conf) {
		serve_by(sa, section_peer(sa->e, conf));
		auth_id_ours(sa);
		if (claim.local_id && in_our_cert(sa, conf, &asked))
			sa->local_id = asked;
		return 0;
	}
	if (choice.n == 1 && choice.tried[0].why < CONF_MISFIT_MAY)
		return unexpected(sa);
	section_none(sa, exchange_name, &choice, "its \"ike\" algorithms are others");
	return -1;
}
