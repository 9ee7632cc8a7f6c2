// SPDX-License-Identifier: MIT
// The statements outside of peers.
#include "keyd/conf/parser.h"

#include <errno.h>
#include <string.h>

#define HALF_OPEN_MOST 1000000
#define DAY 86400U			/* seconds */
#define EXPIRY_WARNING_MOST 3660U	/* days */

bool conf_once(struct conf_parser *p, enum conf_stmt stmt, const struct conf_word *at)
{
	struct conf_at *places = stmt < CONF_STMT_PEER_END ? p->peer.at : p->conf->at;
	struct conf_where *seen = &p->seen[stmt];

	if (seen->line) {
		conf_err(p, &at->at, "this is set twice: first at %s:%u", seen->file, seen->line);
		return false;
	}
	*seen = at->at;
	places[stmt] = conf_at_of(p, &at->at);
	return true;
}

/* A number within bounds, or an error that names them. */
bool conf_number(struct conf_parser *p, const struct conf_word *w, uint64_t min, uint64_t max, uint32_t *out)
{
	uint64_t v;
	int r = quantity_count(w->s, &v);

	if (r == -EINVAL) {
		conf_err(p, &w->at, "'%s' is not a number", w->s);
	} else if (r < 0 || v < min || v > max) {
		conf_err(p, &w->at, "%s is outside of %llu to %llu", w->s, (unsigned long long)min, (unsigned long long)max);
	} else {
		*out = (uint32_t)v;
		return true;
	}
	return false;
}

bool conf_address(struct conf_parser *p, const struct conf_word *w, struct ipsec_addr *out)
{
	if (strlen(w->s) == w->n && !ipsec_addr_parse(out, w->s))
		return true;
	conf_err(p, &w->at, "'%s' is not an IPv4 or IPv6 address", w->s);
	return false;
}

void conf_do_include(struct conf_parser *p, const struct conf_word *path)
{
	const char *name = conf_path(p, path);

	if (!name)
		return;
	if (p->place.depth >= CONF_DEPTH_MAX) {
		conf_err(p, &path->at, "%u files include one another: does '%s' include itself?", CONF_DEPTH_MAX, name);
		return;
	}
	conf_parse_file(p, name, &path->at);
}

static void be_quiet(const char *line, void *arg)
{
	(void)line;
	(void)arg;
}

void conf_foresee_secrets(struct conf_parser *p, const struct conf_word *path)
{
	struct conf_secrets unused = { 0 };
	const char *name = conf_path(p, path);

	unused.file = name ? conf_file_number(p->conf, name) : 0;
	if (name)
		psk_file_load(&unused, &p->ipsec, p->conf, name, be_quiet, NULL);
	conf_secrets_free(&unused);
}

/* A file of secrets reports by itself; its lines count as our mistakes. Warnings do not: the result tells. */
void conf_do_secrets(struct conf_parser *p, const struct conf_word *path)
{
	bool foreseen = p->secrets_foreseen && p->place.depth == 1;
	struct ipsec_secrets again = { 0 };
	const char *name = conf_path(p, path);
	int r;

	if (name) {
		p->secrets->file = conf_file_number(p->conf, name);
		p->conf->secrets = (struct conf_at){ .line = 1, .file = p->secrets->file };
	}
	r = name ? psk_file_load(p->secrets, foreseen ? &again : &p->ipsec, p->conf, name, p->err, p->err_arg) : 0;
	ipsec_secrets_free(&again);

	if (r < 0) {
		if (p->place.origins)
			conf_err(p, &path->at, "this is where '%s' is named", name);
		else
			p->errors++;
		p->error = r;
	} else if (!foreseen && p->conf->npeers && (p->ipsec.nkeys || p->ipsec.npins)) {
		conf_warn(p, &path->at, "the keys and PINs of this file are for sections below it, and there are some above");
	}
}

void conf_do_listen(struct conf_parser *p, const struct conf_word *addr)
{
	struct conf *c = p->conf;
	struct ipsec_addr a;

	if (!conf_address(p, addr, &a))
		return;
	for (unsigned i = 0; i < c->nlisten; i++) {
		if (ipsec_addr_equal(&c->listen[i], &a)) {
			conf_err(p, &addr->at, "%s is listened on already", addr->s);
			return;
		}
	}
	if (c->nlisten == CONF_LISTEN_MAX)
		conf_err(p, &addr->at, "more than %u addresses to listen on; without any, keyd listens on all", CONF_LISTEN_MAX);
	else
		c->listen[c->nlisten++] = a;
}

void conf_do_port(struct conf_parser *p, const struct conf_word *w)
{
	uint32_t v;

	if (conf_once(p, CONF_STMT_PORT, w) && conf_number(p, w, 1, 65535, &v))
		p->conf->port = (uint16_t)v;
}

void conf_do_nat_port(struct conf_parser *p, const struct conf_word *w, bool off)
{
	uint32_t v = 0;

	if (conf_once(p, CONF_STMT_NAT_PORT, w) && (off || conf_number(p, w, 1, 65535, &v)))
		p->conf->nat_port = (uint16_t)v;
}

void conf_do_larval(struct conf_parser *p, const struct conf_word *at, bool keep)
{
	if (conf_once(p, CONF_STMT_LARVAL, at))
		p->conf->larval_drop = keep;
}

void conf_do_cookie(struct conf_parser *p, const struct conf_word *w)
{
	if (conf_once(p, CONF_STMT_COOKIE, w))
		conf_number(p, w, 0, HALF_OPEN_MOST, &p->conf->cookie_threshold);
}

void conf_do_half_open(struct conf_parser *p, const struct conf_word *w)
{
	if (conf_once(p, CONF_STMT_HALF_OPEN, w))
		conf_number(p, w, 1, HALF_OPEN_MOST, &p->conf->half_open_max);
}

static void check_ports(struct conf_parser *p)
{
	const struct conf_where *at = &p->seen[CONF_STMT_PORT];
	const struct conf *c = p->conf;

	if (c->port == c->nat_port)
		conf_err(p, at->line ? at : &p->seen[CONF_STMT_NAT_PORT],
			 "port and nat-port are both %u: give nat-port another number, or turn it off", c->port);
}

void conf_do_half_open_source(struct conf_parser *p, const struct conf_word *w)
{
	if (conf_once(p, CONF_STMT_HALF_OPEN_SOURCE, w))
		conf_number(p, w, 1, HALF_OPEN_MOST, &p->conf->half_open_per_source);
}

/* A file of configuration names it relative to itself, a daemon works elsewhere: so only whole names. */
void conf_do_keylog(struct conf_parser *p, const struct conf_word *w)
{
	if (!conf_once(p, CONF_STMT_KEYLOG, w))
		return;
	if (*w->s != '/' || strlen(w->s) != w->n || w->n >= sizeof(p->conf->keylog))
		conf_err(p, &w->at, "the key log needs the whole name of a directory, from / on, of at most %zu bytes",
			 sizeof(p->conf->keylog) - 1);
	else
		memcpy(p->conf->keylog, w->s, w->n + 1);
}

void conf_do_fetch(struct conf_parser *p, const struct conf_word *at, bool yes)
{
	if (conf_once(p, CONF_STMT_FETCH, at))
		p->conf->fetch = yes;
}

void conf_do_expiry_warning(struct conf_parser *p, const struct conf_word *at, const struct conf_word *w)
{
	uint64_t v = 0;

	if (!conf_once(p, CONF_STMT_EXPIRY_WARNING, at))
		return;
	if (w && (quantity_seconds(w->s, &v) < 0 || v < DAY || v > EXPIRY_WARNING_MOST * DAY))
		conf_err(p, &w->at, "'%s' is no time from 1d to %ud, such as 14d", w->s, EXPIRY_WARNING_MOST);
	else
		p->conf->expiry_warning = (uint32_t)((v + DAY - 1) / DAY);
}

void conf_globals_check(struct conf_parser *p)
{
	const struct conf_where *at = &p->seen[CONF_STMT_COOKIE];
	const struct conf *c = p->conf;

	check_ports(p);
	conf_pools_check(p);
	if (c->cookie_threshold <= c->half_open_max)
		return;
	conf_err(p, at->line ? at : &p->seen[CONF_STMT_HALF_OPEN],
		 "cookies would never be asked for: cookie threshold %u is above half-open %u", c->cookie_threshold,
		 c->half_open_max);
}
