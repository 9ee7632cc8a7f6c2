// SPDX-License-Identifier: MIT
// Gathers sections, settings and remarks.
#include "keyd/import/draft.h"

#include "keyd/conf/load.h"

#include "keyd/conf/id.h"
#include "keyd/conf/parser.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct chunk {
	struct chunk *next;
	char s[];
};

void draft_init(struct draft *d, const struct import_tree *t, const struct import_options *o)
{
	*d = (struct draft){ .tree = t, .options = o };
	d->defaults.at.line = 1;
	d->end = &d->peers;
	d->notes.end = &d->notes.first;
	d->defaults.notes.end = &d->defaults.notes.first;
}

void draft_free(struct draft *d)
{
	for (struct chunk *c = d->chunks, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	*d = (struct draft){ 0 };
}

void *draft_keep(struct draft *d, size_t n)
{
	struct chunk *c = d->size + n <= DRAFT_TEXT_MAX ? calloc(1, sizeof(*c) + n) : NULL;

	if (!c) {
		d->failed = true;
		return NULL;
	}
	d->size += n;
	c->next = d->chunks;
	d->chunks = c;
	return c->s;
}

static const char *vtext(struct draft *d, const char *fmt, va_list ap)
{
	va_list again;
	char *s;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	s = n < 0 ? NULL : draft_keep(d, (size_t)n + 1);
	if (s)
		vsnprintf(s, (size_t)n + 1, fmt, again);
	va_end(again);
	return s ?: "";
}

const char *draft_text(struct draft *d, const char *fmt, ...)
{
	const char *s;
	va_list ap;

	va_start(ap, fmt);
	s = vtext(d, fmt, ap);
	va_end(ap);
	return s;
}

const char *draft_quote(struct draft *d, const char *s)
{
	char *to = draft_keep(d, 4 * strlen(s) + 3), *at = to;

	if (!to)
		return "\"\"";
	*at++ = '"';
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < 0x20 || c >= 0x7f) {
			at += sprintf(at, "\\x%02x", c);
			continue;
		}
		if (c == '"' || c == '\\')
			*at++ = '\\';
		*at++ = *s;
	}
	*at++ = '"';
	return to;
}

/* No line of ours may become two. */
static void flatten(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = ' ';
}

const char *draft_flat(struct draft *d, const char *text)
{
	const char *copy = draft_text(d, "%s", text);

	if (*copy)
		flatten((char *)copy);
	return copy;
}

void draft_refuse(struct draft *d, struct draft_peer *p, const char *fmt, ...)
{
	va_list ap;

	if (p->off && !p->idle)
		return;
	va_start(ap, fmt);
	p->off = vtext(d, fmt, ap);
	va_end(ap);
	p->idle = false;
}

void draft_note(struct draft *d, struct draft_peer *p, enum import_how how, struct import_at at, const char *fmt, ...)
{
	struct draft_notes *notes = p ? &p->notes : &d->notes;
	struct draft_note *n = draft_keep(d, sizeof(*n));
	va_list ap;

	if (!n)
		return;
	va_start(ap, fmt);
	*n = (struct draft_note){ .how = how, .at = at, .text = vtext(d, fmt, ap) };
	va_end(ap);
	if (*n->text)
		flatten((char *)n->text);
	*notes->end = n;
	notes->end = &n->next;
}

const char *draft_name(struct draft *d, const char *wanted)
{
	char name[CONF_NAME_MAX - 8], with[CONF_NAME_MAX];
	struct ipsec_addr a;
	uint8_t len;

	snprintf(name, sizeof(name), "%s", *wanted ? wanted : "peer");
	flatten(name);
	if (conf_remote_parse(name, &a, &len) || !strcmp(name, "default"))
		snprintf(with, sizeof(with), "to-%s", name);
	else
		snprintf(with, sizeof(with), "%s", name);
	for (unsigned i = d->npeers + 1;; i++) {
		const struct draft_peer *p = d->peers;

		while (p && strcmp(p->name, with) != 0)
			p = p->next;
		if (!p)
			return draft_text(d, "%s", with);
		snprintf(with, sizeof(with), "%s-%u", name, i);
	}
}

struct draft_peer *draft_peer_add(struct draft *d, struct import_at at, const char *name, const char *head)
{
	struct draft_peer *p = d->npeers < CONF_PEERS_MAX ? draft_keep(d, sizeof(*p)) : NULL;

	if (!p) {
		d->failed = true;
		return NULL;
	}
	*p = (struct draft_peer){
		.at = at, .name = draft_name(d, name), .head = draft_flat(d, head), .action = "ipsec",
	};
	p->notes.end = &p->notes.first;
	*d->end = p;
	d->end = &p->next;
	d->npeers++;
	return p;
}

struct draft_peer *draft_peer_copy(struct draft *d, struct draft_peer *p)
{
	struct draft_peer *copy = d->npeers < CONF_PEERS_MAX ? draft_keep(d, sizeof(*copy)) : NULL;

	if (!copy) {
		d->failed = true;
		return NULL;
	}
	*copy = *p;
	copy->name = draft_name(d, p->name);
	copy->notes = (struct draft_notes){ .end = &copy->notes.first };
	copy->nids = 0;
	p->next = copy;
	d->end = d->end == &p->next ? &copy->next : d->end;
	d->npeers++;
	return copy;
}

void draft_id_add(struct draft *d, struct draft_peer *p, struct import_at at, const char *id)
{
	for (unsigned i = 0; i < p->nids; i++)
		if (!strcmp(p->id[i].text, id))
			return;
	if (!strcmp(p->set[SET_ID_REMOTE], id))
		return;
	if (p->nids == DRAFT_IDS_MAX)
		draft_refuse(d, p, "it has more than %u identities: make several sections of it", DRAFT_IDS_MAX + 1);
	else
		p->id[p->nids++] = (struct draft_value){ id, at };
}

void draft_secrets(struct draft *d, struct import_at at, const char *path)
{
	for (unsigned i = 0; i < d->nsecrets; i++)
		if (!strcmp(d->secrets[i].text, path))
			return;
	if (d->nsecrets < sizeof(d->secrets) / sizeof(*d->secrets))
		d->secrets[d->nsecrets++] = (struct draft_value){ path, at };
	else
		draft_note(d, NULL, IMPORT_NOT, at,
			   "\"%s\": more files of secrets than are read: include one in the other", path);
}

void draft_place(struct draft_places *p, struct import_at at)
{
	struct import_at *to = p->n & (p->n - 1) ? p->at :
			       reallocarray(p->at, p->n ? 2 * (size_t)p->n : 1, sizeof(*to));

	if (!to) {
		p->failed = true;
		return;
	}
	p->at = to;
	to[p->n++] = at;
}

bool draft_host(struct draft *d, struct draft_peer *p, struct import_at at, const char *host)
{
	const char *whole = strchr(host, '.') ? host : draft_text(d, "%s.", host);

	if (!conf_host_ok(whole, strlen(whole)))
		return false;
	p->host = whole;
	draft_say(p, SET_ADDRESS, at, whole);
	return true;
}

bool draft_is_single(const struct draft_peer *p)
{
	return p->host || (p->remote.family && p->remote_len == ipsec_addr_bits(p->remote.family));
}

static bool same_net(const struct draft_net *a, const struct draft_net *b)
{
	return ipsec_addr_equal(&a->addr, &b->addr) && a->len == b->len && a->port == b->port && a->proto == b->proto;
}

bool draft_pair_add(struct draft *d, struct draft_peer *p, struct import_at at, const struct draft_pair *pair)
{
	for (unsigned i = 0; i < p->npairs; i++)
		if (same_net(&p->pair[i].local, &pair->local) && same_net(&p->pair[i].remote, &pair->remote))
			return true;
	if (p->npairs == DRAFT_NETS_MAX) {
		draft_note(d, p, IMPORT_NOT, at,
			   "more than %u pairs of networks in one section: add the rest to setkey's policies",
			   DRAFT_NETS_MAX);
		return false;
	}
	p->pair[p->npairs++] = *pair;
	return true;
}

const char *draft_net_text(struct draft *d, const struct draft_net *n, bool port)
{
	char text[IPSEC_ADDR_STRLEN];

	if (!n->addr.family)
		return port && n->port ? draft_text(d, "ADDRESS[%u]", n->port) : "ADDRESS";
	ipsec_addr_format(&n->addr, text, sizeof(text));
	if (port && n->port)
		return draft_text(d, "%s/%u[%u]", text, n->len, n->port);
	if (n->len == ipsec_addr_bits(n->addr.family))
		return draft_text(d, "%s", text);
	return draft_text(d, "%s/%u", text, n->len);
}

const char *draft_seconds(struct draft *d, unsigned long long s)
{
	static const struct {
		unsigned long long n;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' } };

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (s && s % units[i].n == 0)
			return draft_text(d, "%llu%c", s / units[i].n, units[i].unit);
	return draft_text(d, "%llus", s);
}

#define FIRST_LEAST 50ULL		/* ms that keyd takes, */
#define FIRST_MOST 60000ULL
#define FIRST_USUAL 500ULL		/* and its own */
#define SUM(tries) ((1ULL << (tries)) - 1)	/* of waits, each twice as long as the last, in those of the first */
#define TRIES_MOST 16			/* of a minute, less than a day in all */

const char *draft_retransmit(struct draft *d, unsigned long long first, unsigned long long total)
{
	unsigned tries = 1;

	while (tries < TRIES_MOST && (first ? first * SUM(tries) < total : FIRST_USUAL * SUM(tries + 1) <= total))
		tries++;
	if (!first)
		first = total / SUM(tries);
	if (first < FIRST_LEAST || first > FIRST_MOST || first << tries > 86400000)
		return NULL;
	return draft_text(d, "%llums %u", first, tries);
}

const char *draft_id(struct draft *d, struct draft_peer *p, struct import_at at, uint8_t type, const char *text)
{
	static const char *const words[] = {
		[CONF_ID_IPV4] = "address", [CONF_ID_IPV6] = "address", [CONF_ID_FQDN] = "fqdn",
		[CONF_ID_RFC822] = "user", [CONF_ID_DN] = "dn", [CONF_ID_KEY_ID] = "keyid",
	};
	const char *why = NULL;
	struct conf_id id;

	if (type == CONF_ID_DN ? conf_id_set_dn(&id, text, strlen(text), &why) :
				 conf_id_set(&id, type, text, strlen(text))) {
		draft_note(d, p, IMPORT_NOT, at,
			   "\"%s\" cannot be an identity of type %s%s%s: say what is meant with 'id'", text,
			   words[type], why ? ": " : "", why ?: "");
		return NULL;
	}
	if (type == CONF_ID_IPV4 || type == CONF_ID_IPV6)
		return draft_text(d, "%s", text);
	return draft_text(d, "%s %s", words[type], draft_quote(d, text));
}
