// SPDX-License-Identifier: MIT
// mode_cfg of racoon.conf: which addresses clients get, and what they are told beside them.
#include "keyd/import/racoon.h"

#include "keyd/conf/parser.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void racoon_cfg_network(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	(void)p;
	r->network = s;
}

void racoon_cfg_size(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	(void)p;
	r->size = s;
}

void racoon_cfg_dns(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	(void)p;
	for (unsigned i = 1; i < s->nwords; i++) {
		struct ipsec_addr a;

		if (import_word_is(s, i, ","))
			continue;
		if (ipsec_addr_parse(&a, import_word(s, i)) || ipsec_addr_is_any(&a) || r->ndns == CONF_DNS_MAX) {
			racoon_note(r, NULL, IMPORT_NOT, s, "dns4: '%s' is no address of a server, or one too many",
				    import_word(s, i));
			continue;
		}
		r->dns = draft_text(r->d, "%s%s%s", r->dns ?: "", r->ndns++ ? ", " : "", import_word(s, i));
	}
}

void racoon_cfg_domain(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	const char *name = import_word(s, 1);

	(void)p;
	if (conf_domain_ok(name, strlen(name)))
		r->domain = draft_quote(r->d, name);
	else
		racoon_note(r, NULL, IMPORT_NOT, s, "default_domain: '%s' is no name of a domain", name);
}

/* A file that is not there, or too long, is no reason to refuse clients. */
void racoon_cfg_banner(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	const char *word = import_word(s, 1);
	const char *name = *word == '/' ? word : draft_text(r->d, "%s/%s", racoon_dir(r), word);
	struct stat st;

	(void)p;
	if (stat(name, &st) || st.st_size >= CONF_BANNER_MAX)
		racoon_note(r, NULL, IMPORT_NOT, s,
			    "banner: '%s' is not there, or longer than %u bytes: clients are told none",
			    name, CONF_BANNER_MAX - 1);
	else
		r->banner = draft_text(r->d, "file %s", draft_quote(r->d, name));
}

/* "split_network include 10.0.0.0/8, 192.168.0.0/16" */
void racoon_cfg_split(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	(void)p;
	if (!import_word_is(s, 1, "include")) {
		racoon_note(r, NULL, IMPORT_NOT, s,
			    "split_network %s: what stays outside of the tunnel is not told to clients; "
			    "name what goes inside", import_word(s, 1));
		return;
	}
	for (unsigned i = 2; i < s->nwords; i++) {
		struct draft_net n = { .len = 0 };
		struct ipsec_addr last;

		if (import_word_is(s, i, ","))
			continue;
		if (!conf_remote_parse(import_word(s, i), &n.addr, &n.len) || n.len > ipsec_addr_bits(n.addr.family) ||
		    r->nsplit == RACOON_NETS_MAX) {
			racoon_note(r, NULL, IMPORT_NOT, s, "split_network: '%s' is no network, or one too many",
				    import_word(s, i));
			continue;
		}
		ipsec_addr_prefix_range(&n.addr, n.len, &n.addr, &last);
		r->split[r->nsplit++] = n;
	}
}

#define POOL_SIZE 255			/* racoon's own */

/* NETWORK4 and the addresses behind it. */
void racoon_make_pool(struct racoon *r)
{
	struct draft_pool *pool;
	struct ipsec_addr first, last;
	unsigned long n = r->size ? strtoul(import_word(r->size, 1), NULL, 10) : POOL_SIZE;
	char text[IPSEC_ADDR_STRLEN];
	uint32_t v;

	if (!r->network)
		return;
	if (ipsec_addr_parse(&first, import_word(r->network, 1)) || first.family != AF_INET || !n || n > 1 << 20) {
		racoon_note(r, NULL, IMPORT_NOT, r->network,
			    "network4 and pool_size: an IPv4 address and a number are expected");
		return;
	}
	v = ntohl(first.v4.s_addr);
	last = first;
	last.v4.s_addr = htonl(v > UINT32_MAX - (uint32_t)(n - 1) ? UINT32_MAX : v + (uint32_t)(n - 1));
	pool = draft_pool_add(r->d, NULL, r->network->at, "clients",
			      draft_text(r->d, "%s-%s", import_word(r->network, 1),
					 ipsec_addr_format(&last, text, sizeof(text))));
	if (!pool)
		return;
	pool->dns = r->dns;
	pool->domain = r->domain;
	pool->banner = r->banner;
	if (!r->size)
		racoon_note(r, NULL, IMPORT_CHOICE, r->network,
			    "network4: racoon's pool has %u addresses without pool_size", POOL_SIZE);
	r->pool = pool;
}
