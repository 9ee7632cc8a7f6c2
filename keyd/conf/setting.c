// SPDX-License-Identifier: MIT
// The statements of a peer, one by one; peer.c checks them together.
#include "keyd/conf/file.h"
#include "keyd/conf/id.h"
#include "keyd/conf/parser.h"
#include "keyd/crypto/alg.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LIFETIME_MOST (366 * 86400)	/* seconds; what is longer was meant otherwise */
#define CHILD_MOST (24 * 86400)		/* the kernel holds no SA of ours for more than 31 days, its hard limit */
#define RETRANSMIT_LEAST 50		/* ms */
#define RETRANSMIT_MOST 60000		/* ms */
#define TRIES_MOST 20
#define REPLAY_MOST 4096		/* the kernel's limit */
#define FRAGMENT_LEAST 576		/* bytes, what every IPv4 path takes */
#define FRAGMENT_MOST 9000
#define CHILDREN_MOST 100000
#define TFC_MOST 65535			/* bytes; the kernel pads no further than the MTU */
#define KEEPALIVE_MOST 3600		/* seconds; no NAT waits that long */
#define JITTER_MOST 50			/* per cent */

bool conf_seconds(struct conf_parser *p, const struct conf_word *w, uint32_t min, uint32_t max, uint32_t *out)
{
	uint64_t v;
	int r = quantity_seconds(w->s, &v);

	if (r == -EINVAL) {
		conf_err(p, &w->at, "'%s' is not a duration: a number and s, m, h, d or w are expected, such as 90s or 8h", w->s);
	} else if (r < 0 || v < min || v > max) {
		conf_err(p, &w->at, "%s is outside of %us to %us", w->s, min, max);
	} else {
		*out = (uint32_t)v;
		return true;
	}
	return false;
}

bool conf_remote_parse(const char *text, struct ipsec_addr *addr, uint8_t *len)
{
	char host[IPSEC_ADDR_STRLEN];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	uint64_t bits;

	if (n >= sizeof(host))
		return false;
	memcpy(host, text, n);
	host[n] = 0;
	if (ipsec_addr_parse(addr, host) < 0)
		return false;
	bits = ipsec_addr_bits(addr->family);
	if (slash && (quantity_count(slash + 1, &bits) < 0 || bits > ipsec_addr_bits(addr->family)))
		bits = UINT8_MAX;	/* an address, but no prefix length: conf_remote says so */
	*len = (uint8_t)bits;
	return true;
}

/* Puts an address or a prefix into the peer. false: it is neither (not reported). */
bool conf_remote(struct conf_parser *p, const struct conf_word *w)
{
	struct ipsec_addr addr, first, last;
	char text[IPSEC_ADDR_STRLEN];
	uint8_t len;

	if (strlen(w->s) != w->n || !conf_remote_parse(w->s, &addr, &len))
		return false;
	p->address_set = true;
	if (len == UINT8_MAX) {
		conf_err(p, &w->at, "'%s' is no prefix length of %s: 0 to %u", strchr(w->s, '/') + 1,
			 addr.family == AF_INET ? "an IPv4 address" : "an IPv6 address", ipsec_addr_bits(addr.family));
		return true;
	}
	ipsec_addr_prefix_range(&addr, len, &first, &last);
	if (!ipsec_addr_equal(&addr, &first))
		conf_err(p, &w->at, "%s has bits beyond its length; did you mean %s/%u?", w->s,
			 ipsec_addr_format(&first, text, sizeof(text)), len);
	p->peer.remote = addr;
	p->peer.remote_len = len;
	return true;
}

/* A name of DNS: with a dot, so that it is no slip of the finger, and with a letter in its last label, as addresses have none. */
bool conf_host_ok(const char *s, size_t n)
{
	const char *dot = memrchr(s, '.', n && s[n - 1] == '.' ? n - 1 : n), *last = dot ? dot + 1 : s;
	bool ok = n && n < CONF_HOST_MAX && memchr(s, '.', n) && s[0] != '.' && s[0] != '-';

	for (size_t i = 0; ok && i < n; i++)
		ok = isalnum((unsigned char)s[i]) || s[i] == '-' || s[i] == '_' || (s[i] == '.' && (!i || s[i - 1] != '.'));
	for (; ok && last < s + n; last++)
		if (isalpha((unsigned char)*last))
			return true;
	return false;
}

void conf_do_address(struct conf_parser *p, const struct conf_word *at, const struct conf_word *w)
{
	if (!conf_once(p, CONF_STMT_ADDRESS, at))
		return;
	if (p->is_default) {
		conf_err(p, &at->at, "the defaults have no address: they are for every peer");
	} else if (p->address_set) {
		conf_err(p, &at->at, "the name of this peer is its address already");
	} else if (!w) {
		p->address_set = true;
	} else if (conf_remote(p, w)) {
		return;
	} else if (conf_host_ok(w->s, w->n)) {
		memcpy(p->peer.host, w->s, w->n + 1);
		p->address_set = true;
	} else {
		conf_err(p, &w->at, "'%s' is not an address, a prefix such as 192.0.2.0/24 or a host name such as gw.example.org", w->s);
		p->address_set = true;
	}
}

void conf_do_local(struct conf_parser *p, const struct conf_word *w)
{
	if (conf_once(p, CONF_STMT_LOCAL, w))
		conf_address(p, w, &p->peer.local);
}

void conf_do_local_any(struct conf_parser *p, const struct conf_word *at)
{
	if (conf_once(p, CONF_STMT_LOCAL, at))
		p->peer.local = (struct ipsec_addr){ 0 };
}

void conf_do_peer_port(struct conf_parser *p, bool nat, const struct conf_word *w)
{
	uint32_t v;

	if (conf_once(p, nat ? CONF_STMT_PEER_NAT_PORT : CONF_STMT_PEER_PORT, w) && conf_number(p, w, 1, 65535, &v))
		*(nat ? &p->peer.nat_port : &p->peer.port) = (uint16_t)v;
}

/* What w is, of a type or (-1) of the one that it looks like. false: it is wrong, which was reported. */
static bool identity(struct conf_parser *p, int type, const struct conf_word *w, struct conf_id *id)
{
	const char *why = NULL;
	int r = -EINVAL;

	if (type == CONF_ID_DN)
		r = conf_id_set_dn(id, w->s, w->n, &why);
	else if (type >= 0)
		r = conf_id_set(id, (uint8_t)type, w->s, w->n);
	else if (strlen(w->s) == w->n)
		r = conf_id_parse(id, w->s);
	if (!r)
		return true;
	if (why)
		conf_err(p, &w->at, "'%s' is no DN: %s", w->s, why);
	else
		conf_err(p, &w->at, "'%s' is no %s", w->s,
			 type == CONF_ID_IPV4 ? "address" : type == CONF_ID_FQDN ? "host name" :
			 type == CONF_ID_RFC822 ? "user@host" : "identity of 1 to 512 bytes");
	return false;
}

void conf_do_id(struct conf_parser *p, bool local, int type, const struct conf_word *w)
{
	struct conf_id *id = local ? &p->peer.local_id : &p->peer.remote_id;

	if (!conf_once(p, local ? CONF_STMT_ID_LOCAL : CONF_STMT_ID_REMOTE, w))
		return;
	if (type == CONF_ID_ANY)
		*id = (struct conf_id){ 0 };
	else if (identity(p, type, w, id) && local && conf_id_is_pattern(id))
		conf_err(p, &w->at, "'%s' is a pattern: only 'id remote' may be one", w->s);
}

static void set_psk(struct conf_parser *p, const struct conf_where *at, const char *s, size_t n, bool hex)
{
	const char *why = psk_key_parse(&p->psk, s, n, hex);

	p->has_psk = !why;
	if (why)
		conf_err(p, at, "%s", why);
}

void conf_do_psk(struct conf_parser *p, const struct conf_word *w)
{
	if (!conf_once(p, CONF_STMT_PSK, w))
		return;
	if (p->place.exposed) {
		conf_err(p, &w->at, "%s", p->place.exposed);
		p->error = -EACCES;
	} else if (!w->quoted && strncmp(w->s, "0x", 2)) {
		conf_err(p, &w->at, "a secret stands in double quotes, or is 0x and hexadecimal digits");
	} else {
		set_psk(p, &w->at, w->s, w->n, !w->quoted);
	}
}

void conf_do_psk_file(struct conf_parser *p, const struct conf_word *path)
{
	const char *name;
	struct conf_file f;
	char why[256];
	int r;

	if (!conf_once(p, CONF_STMT_PSK, path))
		return;
	name = conf_path(p, path);
	if (!name)
		return;
	r = conf_file_read(&f, name, PSK_KEY_MAX * 2 + 4, why, sizeof(why));
	if (r < 0) {
		conf_err(p, &path->at, "'%s' %s", name, why);
		p->error = r;
		return;
	}
	if (*f.exposed) {
		conf_err(p, &path->at, "%s", f.exposed);
		p->error = -EACCES;
	} else {
		size_t n = f.n && f.text[f.n - 1] == '\n' ? f.n - 1 : f.n;	/* the newline that editors add */

		set_psk(p, &path->at, f.text, n, n > 2 && !strncmp(f.text, "0x", 2));
	}
	conf_file_clear(&f);
}

void conf_do_version(struct conf_parser *p, const struct conf_word *w)
{
	uint32_t v;

	if (conf_once(p, CONF_STMT_VERSION, w) && conf_number(p, w, 1, 2, &v))
		p->peer.version = (uint8_t)v;
}

void conf_do_exchanges(struct conf_parser *p, const struct conf_word *at)
{
	if (conf_once(p, CONF_STMT_EXCHANGE, at))
		p->peer.exchange_both = false;
}

/* No keywords of their own: files and peers may well have such names. */
void conf_do_exchange(struct conf_parser *p, const struct conf_word *w, bool first)
{
	static const char *const words[] = { [CONF_EXCHANGE_MAIN] = "main", [CONF_EXCHANGE_AGGRESSIVE] = "aggressive" };

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i], w->s) != 0)
			continue;
		if (first)
			p->peer.exchange = (uint8_t)i;
		else if (i == p->peer.exchange)
			conf_err(p, &w->at, "'%s' stands twice", w->s);
		else
			p->peer.exchange_both = true;
		return;
	}
	conf_err(p, &w->at, "'%s' is no exchange that begins: main or aggressive is expected", w->s);
}

/* The first proposal in the file takes the place of the default ones. */
void conf_do_proposals(struct conf_parser *p, bool esp, const struct conf_word *at)
{
	if (!conf_once(p, esp ? CONF_STMT_ESP : CONF_STMT_IKE, at))
		return;
	*(esp ? &p->peer.esp : &p->peer.ike) = (struct conf_proposals){ 0 };
}

/* They are never offered without being named, and this is the place. */
static void warn_of_old(struct conf_parser *p, bool esp, const struct conf_word *w, const struct conf_proposal *one)
{
	char names[256] = "";

	for (unsigned i = 0; i < one->n; i++) {
		const struct crypto_alg *alg = crypto_alg_by_id(one->t[i].type, one->t[i].id, one->t[i].key_bits);

		if (alg && alg->flags & CRYPTO_LEGACY && alg->kind != CRYPTO_PRF)
			snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", *names ? ", " : "", alg->name);
	}
	if (*names)
		conf_warn(p, &w->at, "%s: too weak today, and offered only because %s", names, esp ? "'esp' names it" : "'ike' names it");
}

void conf_do_proposal(struct conf_parser *p, bool esp, const struct conf_word *w)
{
	struct conf_proposals *ps = esp ? &p->peer.esp : &p->peer.ike;
	struct conf_proposal one;

	if (!conf_proposal_parse(p, esp, w, &one))
		return;
	if (ps->n == CONF_PROPOSALS_MAX)
		conf_err(p, &w->at, "more than %u proposals; one may name several algorithms of a kind", CONF_PROPOSALS_MAX);
	else
		ps->p[ps->n++] = one;
	warn_of_old(p, esp, w, &one);
}

void conf_do_pfs(struct conf_parser *p, const struct conf_word *at, bool on)
{
	if (conf_once(p, CONF_STMT_PFS, at))
		p->peer.pfs = on;
}

void conf_do_childless(struct conf_parser *p, const struct conf_word *at, enum conf_childless how)
{
	if (conf_once(p, CONF_STMT_CHILDLESS, at))
		p->peer.childless = (uint8_t)how;
}

void conf_do_serve(struct conf_parser *p, const struct conf_word *at, bool yes)
{
	if (conf_once(p, CONF_STMT_SERVE, at))
		p->peer.refuse = !yes;
}

void conf_do_single_pair(struct conf_parser *p, const struct conf_word *at, bool on)
{
	if (conf_once(p, CONF_STMT_SINGLE_PAIR, at))
		p->peer.single_pair = on;
}

void conf_do_tfc(struct conf_parser *p, const struct conf_word *w, bool off)
{
	uint32_t size = 0;

	if (conf_once(p, CONF_STMT_TFC, w) && (off || conf_number(p, w, 1, TFC_MOST, &size)))
		p->peer.tfc = (uint16_t)size;
}

void conf_do_unique(struct conf_parser *p, const struct conf_word *at, enum conf_unique how)
{
	if (conf_once(p, CONF_STMT_UNIQUE, at))
		p->peer.unique = (uint8_t)how;
}

void conf_do_children(struct conf_parser *p, const struct conf_word *w)
{
	if (conf_once(p, CONF_STMT_CHILDREN, w))
		conf_number(p, w, 1, CHILDREN_MOST, &p->peer.children);
}

void conf_do_life_ike(struct conf_parser *p, const struct conf_word *w)
{
	if (conf_once(p, CONF_STMT_LIFE_IKE, w))
		conf_seconds(p, w, 1, LIFETIME_MOST, &p->peer.ike_lifetime);
}

void conf_do_life_reauth(struct conf_parser *p, const struct conf_word *at, const struct conf_word *w)
{
	if (!conf_once(p, CONF_STMT_LIFE_REAUTH, at))
		return;
	if (w)
		conf_seconds(p, w, 1, LIFETIME_MOST, &p->peer.reauth_lifetime);
	else
		p->peer.reauth_lifetime = 0;
}

/* Volumes of the defaults do not outlive a statement that names none. */
void conf_do_life_child(struct conf_parser *p, const struct conf_word *at)
{
	if (conf_once(p, CONF_STMT_LIFE_CHILD, at))
		p->peer.child_bytes = p->peer.child_packets = 0;
}

void conf_do_life_amount(struct conf_parser *p, const struct conf_word *w)
{
	uint64_t v;

	if (quantity_seconds(w->s, &v) != -EINVAL)
		conf_seconds(p, w, 1, CHILD_MOST, &p->peer.child_lifetime);
	else if (quantity_bytes(w->s, &v) == 0 && v)
		p->peer.child_bytes = v;
	else
		conf_err(p, &w->at, "'%s' is no lifetime: a duration such as 1h, a volume such as 10G, or a number of packets "
			 "such as '1M packets' is expected", w->s);
}

void conf_do_life_packets(struct conf_parser *p, const struct conf_word *w)
{
	uint64_t v;

	if (quantity_count(w->s, &v) == 0 && v)
		p->peer.child_packets = v;
	else
		conf_err(p, &w->at, "'%s' is no number of packets", w->s);
}

void conf_do_jitter(struct conf_parser *p, const struct conf_word *w)
{
	uint64_t v;

	if (!conf_once(p, CONF_STMT_JITTER, w))
		return;
	if (quantity_percent(w->s, &v) < 0 || v > JITTER_MOST)
		conf_err(p, &w->at, "'%s' is no percentage from 0%% to %u%%", w->s, JITTER_MOST);
	else
		p->peer.jitter = (uint32_t)v;
}

void conf_do_dpd(struct conf_parser *p, const struct conf_word *w, bool off)
{
	if (!conf_once(p, CONF_STMT_DPD, w))
		return;
	if (off)
		p->peer.dpd = 0;
	else
		conf_seconds(p, w, 1, LIFETIME_MOST, &p->peer.dpd);
}

void conf_do_retransmit(struct conf_parser *p, const struct conf_word *wait, const struct conf_word *tries)
{
	uint64_t ms;

	if (!conf_once(p, CONF_STMT_RETRANSMIT, wait))
		return;
	if (quantity_milliseconds(wait->s, &ms) < 0 || ms < RETRANSMIT_LEAST || ms > RETRANSMIT_MOST)
		conf_err(p, &wait->at, "'%s' is no wait from %ums to %us, such as 500ms", wait->s, RETRANSMIT_LEAST,
			 RETRANSMIT_MOST / 1000);
	else
		p->peer.retransmit_ms = (uint32_t)ms;
	if (tries)
		conf_number(p, tries, 1, TRIES_MOST, &p->peer.retransmit_tries);
}

void conf_do_replay(struct conf_parser *p, const struct conf_word *w)
{
	if (conf_once(p, CONF_STMT_REPLAY, w))
		conf_number(p, w, 0, REPLAY_MOST, &p->peer.replay_window);
}

void conf_do_fragment(struct conf_parser *p, const struct conf_word *w, bool off)
{
	uint32_t size = 0;

	if (!conf_once(p, CONF_STMT_FRAGMENT, w))
		return;
	if (off)
		p->peer.fragment_size = 0;
	else if (conf_number(p, w, FRAGMENT_LEAST, FRAGMENT_MOST, &size))
		p->peer.fragment_size = (uint16_t)size;
}

void conf_do_linger(struct conf_parser *p, const struct conf_word *w)
{
	if (conf_once(p, CONF_STMT_LINGER, w))
		conf_seconds(p, w, 0, LIFETIME_MOST, &p->peer.linger);
}

void conf_do_nat(struct conf_parser *p, const struct conf_word *at, enum conf_nat nat)
{
	if (conf_once(p, CONF_STMT_NAT, at))
		p->peer.nat = (uint8_t)nat;
}

void conf_do_keepalive(struct conf_parser *p, const struct conf_word *w, bool off)
{
	if (!conf_once(p, CONF_STMT_KEEPALIVE, w))
		return;
	if (off)
		p->peer.keepalive = 0;
	else
		conf_seconds(p, w, 1, KEEPALIVE_MOST, &p->peer.keepalive);
}
