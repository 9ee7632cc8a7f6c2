// SPDX-License-Identifier: MIT
// What stories are asked for: who, where the setting stands that decided, what has nothing in common.
#include "keyd/ike/story.h"

#include "keyd/conf/id.h"
#include "keyd/conf/load.h"
#include "keyd/ike/child_sa.h"
#include "keyd/ike/exchange.h"
#include "keyd/ike/report.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

void story_header(const struct ike_sa *sa, struct engine_story *s)
{
	report_peer(sa, s->peer, sizeof(s->peer));
	s->local = sa->local;
	s->remote = sa->remote;
	s->local_port = sa->local_port;
	s->remote_port = sa->remote_port;
	memcpy(s->spi_i, sa->spi_i, sizeof(s->spi_i));
	memcpy(s->spi_r, sa->spi_r, sizeof(s->spi_r));
	s->local_id = sa->local_id;
	s->remote_id = sa->remote_id;
	conf_at_format(&sa->e->conf, sa->secret_at, s->secret_at, sizeof(s->secret_at));
}

/* Which statement of a peer a reason is about. The words are those of keyd.conf. */
static const struct {
	uint8_t stmt;
	const char *word;
} settings[ENGINE_REASONS] = {
	[REASON_NO_ANSWER] = { CONF_STMT_ADDRESS, "address" },
	[REASON_PEER_DEAD] = { CONF_STMT_RETRANSMIT, "retransmit" },
	[REASON_NO_PROPOSAL_IKE] = { CONF_STMT_IKE, "ike" },
	[REASON_INVALID_KE] = { CONF_STMT_IKE, "ike" },
	[REASON_NO_PROPOSAL_ESP] = { CONF_STMT_ESP, "esp" },
	[REASON_NO_SECRET] = { CONF_STMT_PSK, "psk" },
	[REASON_WRONG_SECRET] = { CONF_STMT_PSK, "psk" },
	[REASON_AUTH_REFUSED] = { CONF_STMT_ID_LOCAL, "id local" },
	[REASON_UNEXPECTED_ID] = { CONF_STMT_ID_REMOTE, "id remote" },
	[REASON_CERT_UNTRUSTED] = { CONF_STMT_CA, "ca" },
	[REASON_CERT_EXPIRED] = { CONF_STMT_EXPIRED, "expired" },
	[REASON_CERT_REVOKED] = { CONF_STMT_REVOKED, "revoked" },
	[REASON_REVOCATION_UNKNOWN] = { CONF_STMT_REVOCATION, "revocation" },
	[REASON_CERT_UNFIT] = { CONF_STMT_KEY_FLOOR, "key-floor" },
	[REASON_SIGNATURE_SCHEME] = { CONF_STMT_SIGNATURES, "signatures" },
	[REASON_WRONG_KEY] = { CONF_STMT_REMOTE_KEY, "remote-key" },
	[REASON_NOT_SERVED] = { CONF_STMT_SERVE, "serve" },
	[REASON_EXCHANGE] = { CONF_STMT_EXCHANGE, "exchange" },
};

bool story_named(const struct conf_peer *conf)
{
	return conf->section.line && conf->remote.family && conf->remote_len == ipsec_addr_bits(conf->remote.family);
}

void story_places(const struct engine *e, const struct conf_peer *conf, struct engine_story *s)
{
	const char *word = settings[s->reason].word;
	struct conf_at at = word ? conf->at[settings[s->reason].stmt] : (struct conf_at){ 0 };
	char *colon;

	if (s->reason == REASON_HALF_OPEN_LIMIT) {
		word = "half-open";
		at = e->conf.at[CONF_STMT_HALF_OPEN];
	}
	snprintf(s->setting, sizeof(s->setting), "%s", word ? word : "");
	conf_at_format(&e->conf, at, s->setting_at, sizeof(s->setting_at));
	if (strcmp(conf->name, "default"))
		conf_at_format(&e->conf, conf->section, s->section_at, sizeof(s->section_at));
	conf_at_format(&e->conf, e->conf.secrets, s->secrets_file, sizeof(s->secrets_file));
	colon = strrchr(s->secrets_file, ':');
	if (colon)
		*colon = 0;
}

/* --- asked for --- */

static bool names(const struct engine_story *s, const char *peer)
{
	char addr[IPSEC_ADDR_STRLEN], id[CONF_ID_STRLEN];

	return !strcmp(s->peer, peer) || !strcmp(ipsec_addr_format(&s->remote, addr, sizeof(addr)), peer) ||
	       (s->remote_id.type && !strcmp(conf_id_format(&s->remote_id, id, sizeof(id)), peer));
}

static bool wanted(const struct engine_story *s, const char *peer)
{
	return *peer ? names(s, peer) : s->outcome == STORY_FAILED;
}

/* What an SA is doing at this moment. */
static void refresh(struct story *st)
{
	const struct ike_sa *sa = st->sa;
	const struct exchange *x = sa->active;

	story_header(sa, &st->s);
	story_places(sa->e, &sa->peer->conf, &st->s);
	st->s.sendings = x ? (uint16_t)sa->sendings : 0;
	st->s.message_id = x ? x->message_id : 0;
	if (x)
		snprintf(st->s.exchange, sizeof(st->s.exchange), "%s", x->ops->name);
}

struct telling {
	const char *peer;
	void (*fn)(void *arg, const struct engine_story *);
	void *arg;
	uint32_t n;
};

static void tell_ring(struct telling *t, struct list *ring)
{
	list_each(st, ring, struct story, link) {
		if (st->sa)
			refresh(st);
		if (!wanted(&st->s, t->peer))
			continue;
		t->n++;
		t->fn(t->arg, &st->s);
	}
}

/* What there is of a peer that nothing has been tried with. */
static void tell_end(struct engine *e, const char *peer, struct engine_explain_end *end)
{
	const struct conf_peer *conf = conf_peer_by_name(&e->conf, peer);
	struct ipsec_addr remote, local = { 0 };
	char *colon;

	if (!ipsec_addr_parse(&remote, peer))
		conf = conf_peer_find(&e->conf, NULL, &remote);
	else
		remote = conf ? conf->remote : (struct ipsec_addr){ 0 };
	end->known = conf && conf != &e->conf.defaults;
	if (end->known)
		conf_at_format(&e->conf, conf->section, end->section_at, sizeof(end->section_at));
	conf_at_format(&e->conf, e->conf.secrets, end->secrets_file, sizeof(end->secrets_file));
	colon = strrchr(end->secrets_file, ':');
	if (colon)
		*colon = 0;
	if (!remote.family)
		return;
	list_each(sa, &e->sas, struct ike_sa, link)
		end->established += sa->state == IKE_ESTABLISHED && ipsec_addr_equal(&sa->remote, &remote);
	list_each(p, &e->spd.policies, struct spd_policy, link) {
		const struct ipsec_tmpl *t = &p->pol.tmpl[0];

		local = t->mode == IPSEC_MODE_TUNNEL ? t->src : p->pol.sel.src;
		end->policies += t->proto == IPPROTO_ESP && spd_policy_joins(&p->pol, &local, &remote);
	}
}

void engine_explain(struct engine *e, uint64_t now, const char *peer,
		    void (*fn)(void *arg, const struct engine_story *), void *arg, struct engine_explain_end *end)
{
	struct telling t = { .peer = peer ? peer : "", .fn = fn, .arg = arg };

	e->now = now;
	*end = (struct engine_explain_end){ 0 };
	tell_ring(&t, &e->stories.strange);
	tell_ring(&t, &e->stories.known);
	end->n = t.n;
	if (*t.peer)
		tell_end(e, t.peer, end);
}
