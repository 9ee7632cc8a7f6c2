// SPDX-License-Identifier: MIT
// racoon.conf: the table of its statements, and those that are outside of remote and sainfo.
#include "keyd/import/racoon.h"

#include "keyd/conf/parser.h"

#include <stdlib.h>
#include <string.h>

static racoon_fn path_psk, path_cert, path_script, listen_isakmp, listen_natt, timer_keepalive, timer_counter,
	timer_interval;

#define ROW(block, name, how, text, take) { { block, name, IMPORT_##how, text }, take }
#define TAKEN(block, name, take) ROW(block, name, CHOICE, NULL, take)
#define NO_RADIUS "users and passwords are in 'users FILE' of keyd.conf, and nowhere else"
#define NO_PADDING "keyd pads as RFC 4303 and RFC 7296 say"
#define NO_PHASE "an exchange ends when 'retransmit' does"
#define NO_TIMER \
	"keyd's own waits count: 500 ms at first, twice as long each time, 63.5 s in all; 'retransmit' changes that"

static const struct racoon_row rows[] = {
	ROW("", "path include", IDLE, "files are included already", NULL),
	TAKEN("", "path pre_shared_key", path_psk),
	TAKEN("", "path certificate", path_cert),
	TAKEN("", "path script", path_script),
	ROW("", "path backupsa", NOT, "what keyd must not lose is kept by itself (docs/restart.md): leave it out",
	    NULL),
	ROW("", "path pidfile", IDLE, "keyd stays in the foreground, where a service manager finds it", NULL),
	ROW("", "include", IDLE, "the file stands in place of this line", NULL),
	ROW("", "log", IDLE, "keyd -v, or 'keydctl log debug' while it runs", NULL),
	ROW("", "complex_bundle", NOT, "AH, and AH with ESP, are not done: ESP alone protects as well", NULL),
	ROW("", "pfkey_buffer", IDLE, "keyd sizes its buffers by itself", NULL),
	ROW("", "gss_id_enc", NOT, "GSS-API belongs to IKEv1: use certificates", NULL),
	ROW("privsep", "user", IDLE, "keyd's processes give up their rights by themselves", NULL),
	ROW("privsep", "group", IDLE, "keyd's processes give up their rights by themselves", NULL),
	ROW("privsep", "chroot", IDLE, "keyd's processes have an empty file system by themselves", NULL),
	ROW("padding", "randomize", IDLE, NO_PADDING, NULL),
	ROW("padding", "randomize_length", IDLE, NO_PADDING, NULL),
	ROW("padding", "maximum_length", IDLE, NO_PADDING, NULL),
	ROW("padding", "strict_check", IDLE, NO_PADDING, NULL),
	ROW("padding", "exclusive_tail", IDLE, NO_PADDING, NULL),
	TAKEN("listen", "isakmp", listen_isakmp),
	TAKEN("listen", "isakmp_natt", listen_natt),
	ROW("listen", "admin", IDLE, "keydctl has a socket of its own", NULL),
	ROW("listen", "adminsock", IDLE, "keydctl has a socket of its own: keyd --run-dir, group gapless", NULL),
	ROW("listen", "strict_address", IDLE, "an address that is not there is waited for", NULL),
	TAKEN("timer", "counter", timer_counter),
	TAKEN("timer", "interval", timer_interval),
	ROW("timer", "persend", IDLE, "one copy is sent each time", NULL),
	ROW("timer", "phase1", IDLE, NO_PHASE, NULL),
	ROW("timer", "phase2", IDLE, NO_PHASE, NULL),
	TAKEN("timer", "natt_keepalive", timer_keepalive),
	TAKEN("mode_cfg", "network4", racoon_cfg_network),
	TAKEN("mode_cfg", "pool_size", racoon_cfg_size),
	ROW("mode_cfg", "netmask4", IDLE, "clients get single addresses", NULL),
	TAKEN("mode_cfg", "dns4", racoon_cfg_dns),
	TAKEN("mode_cfg", "default_domain", racoon_cfg_domain),
	TAKEN("mode_cfg", "split_network", racoon_cfg_split),
	ROW("mode_cfg", "split_dns", NOT, "'domain' of a pool names one domain: write it there", NULL),
	ROW("mode_cfg", "nbns4", NOT, "keyd tells no WINS servers: use DNS", NULL),
	ROW("mode_cfg", "wins4", NOT, "keyd tells no WINS servers: use DNS", NULL),
	ROW("mode_cfg", "auth_source", NOT, NO_RADIUS, NULL),
	ROW("mode_cfg", "auth_groups", NOT, NO_RADIUS, NULL),
	ROW("mode_cfg", "group_source", NOT, NO_RADIUS, NULL),
	ROW("mode_cfg", "conf_source", NOT, "addresses come from 'pool' only", NULL),
	ROW("mode_cfg", "accounting", NOT, "'keydctl watch --json' tells who comes and goes", NULL),
	TAKEN("mode_cfg", "banner", racoon_cfg_banner),
	ROW("mode_cfg", "auth_throttle", IDLE, "who mistypes a password waits, longer each time", NULL),
	ROW("mode_cfg", "pfs_group", IDLE, "it is negotiated", NULL),
	ROW("mode_cfg", "save_passwd", NOT, "clients decide about their passwords themselves", NULL),
	TAKEN("remote", "remote_address", racoon_remote_address),
	TAKEN("remote", "exchange_mode", racoon_exchange_mode),
	ROW("remote", "doi", IDLE, "there is but one", NULL),
	ROW("remote", "situation", IDLE, "there is but one", NULL),
	TAKEN("remote", "my_identifier", racoon_my_identifier),
	TAKEN("remote", "peers_identifier", racoon_peers_identifier),
	TAKEN("remote", "verify_identifier", racoon_verify_identifier),
	TAKEN("remote", "certificate_type", racoon_certificate_type),
	TAKEN("remote", "ca_type", racoon_ca_type),
	TAKEN("remote", "peers_certfile", racoon_peers_certfile),
	TAKEN("remote", "verify_cert", racoon_verify_cert),
	ROW("remote", "send_cert", IDLE, "our certificate is sent whenever it is the proof", NULL),
	ROW("remote", "send_cr", IDLE, "keyd says which CAs it believes", NULL),
	ROW("remote", "match_empty_cr", IDLE, "keyd shows the certificate of the section", NULL),
	TAKEN("remote", "lifetime", racoon_life_ike),
	TAKEN("remote", "initial_contact", racoon_initial_contact),
	TAKEN("remote", "passive", racoon_passive),
	ROW("remote", "proposal_check", IDLE, "each side has lifetimes of its own, and takes the peer's", NULL),
	TAKEN("remote", "generate_policy", racoon_generate_policy),
	ROW("remote", "support_proxy", IDLE, "IKEv2 always says which traffic is meant", NULL),
	TAKEN("remote", "nat_traversal", racoon_nat_traversal),
	TAKEN("remote", "ike_frag", racoon_ike_frag),
	ROW("remote", "esp_frag", NOT, "make the packets smaller: ip route change ... mtu BYTES, or clamp TCP's MSS",
	    NULL),
	TAKEN("remote", "script", racoon_script),
	TAKEN("remote", "mode_cfg", racoon_mode_cfg_on),
	ROW("remote", "weak_phase1_check", IDLE, "what is not protected ends nothing", NULL),
	TAKEN("remote", "ph1id", racoon_ph1id),
	ROW("remote", "rekey", IDLE, "IKE SAs are renewed before they run out", NULL),
	TAKEN("remote", "dpd", racoon_dpd),
	TAKEN("remote", "dpd_delay", racoon_dpd_delay),
	ROW("remote", "dpd_retry", IDLE, NO_TIMER, NULL),
	ROW("remote", "dpd_maxfail", IDLE, NO_TIMER, NULL),
	ROW("remote", "nonce_size", IDLE, "keyd's nonces have 32 bytes", NULL),
	ROW("remote", "keepalive", IDLE, "racoon does not heed it either; 'keepalive' of keyd.conf is about NAT", NULL),
	TAKEN("remote", "xauth_login", racoon_xauth_login),
	ROW("remote", "gss_id", NOT, "GSS-API belongs to IKEv1: use certificates", NULL),
	ROW("remote", "gssapi_id", NOT, "GSS-API belongs to IKEv1: use certificates", NULL),
	ROW("remote", "dnssec", NOT, "keys come from 'remote-key', not from DNS", NULL),
	TAKEN("remote", "dh_group", racoon_dh_group),
	TAKEN("remote", "proposal", racoon_proposal),
};

static const struct racoon_row blocks_not[] = {
	ROW("", "ldapcfg", NOT, NO_RADIUS, NULL),
	ROW("", "radiuscfg", NOT, NO_RADIUS, NULL),
};

/* Told in words of their own, where they are taken. */
static const struct import_row others[] = {
	{ "", "remote", IMPORT_CHOICE, "peer" }, { "", "sainfo", IMPORT_CHOICE, "esp, pfs, lifetime child" },
	{ "", "listen", IMPORT_CHOICE, "listen" }, { "", "timer", IMPORT_CHOICE, NULL },
	{ "", "padding", IMPORT_IDLE, NULL }, { "", "privsep", IMPORT_IDLE, NULL },
	{ "", "mode_cfg", IMPORT_CHOICE, "pool" },
	{ "proposal", "encryption_algorithm", IMPORT_CHOICE, "ike" },
	{ "proposal", "hash_algorithm", IMPORT_CHOICE, "ike" },
	{ "proposal", "authentication_method", IMPORT_CHOICE, "auth" },
	{ "proposal", "dh_group", IMPORT_CHOICE, "ike" }, { "proposal", "lifetime", IMPORT_CHOICE, "lifetime ike" },
	{ "proposal", "gss_id", IMPORT_NOT, NULL }, { "proposal", "gssapi_id", IMPORT_NOT, NULL },
	{ "sainfo", "pfs_group", IMPORT_CHOICE, "pfs yes, and the group in esp" },
	{ "sainfo", "lifetime", IMPORT_CHOICE, "lifetime child" },
	{ "sainfo", "encryption_algorithm", IMPORT_CHOICE, "esp" },
	{ "sainfo", "authentication_algorithm", IMPORT_CHOICE, "esp" },
	{ "sainfo", "compression_algorithm", IMPORT_IDLE, NULL }, { "sainfo", "my_identifier", IMPORT_IDLE, NULL },
	{ "sainfo", "remoteid", IMPORT_CHOICE, NULL },
};

#define N(a) (sizeof(a) / sizeof(*(a)))

const struct import_row *import_racoon_row(unsigned i)
{
	if (i < N(rows))
		return &rows[i].row;
	i -= N(rows);
	if (i < N(blocks_not))
		return &blocks_not[i].row;
	i -= N(blocks_not);
	return i < N(others) ? &others[i] : NULL;
}

/* Is this its row? "path certificate" is known by both words. */
static bool row_is(const struct racoon_row *row, const char *block, const struct import_stmt *s)
{
	const char *blank = strchr(row->row.name, ' ');
	char first[32];

	if (strcmp(row->row.block, block) != 0)
		return false;
	if (!blank)
		return import_word_is(s, 0, row->row.name);
	snprintf(first, sizeof(first), "%.*s", (int)(blank - row->row.name), row->row.name);
	return import_word_is(s, 0, first) && import_word_is(s, 1, blank + 1);
}

void racoon_take(struct racoon *r, struct draft_peer *p, const char *block, const struct import_stmt *s)
{
	for (size_t i = 0; i < N(rows); i++) {
		if (!row_is(&rows[i], block, s))
			continue;
		if (rows[i].take)
			rows[i].take(r, p, s);
		else
			racoon_note(r, p, rows[i].row.how, s, "%s: %s", rows[i].row.name, rows[i].row.text);
		return;
	}
	racoon_note(r, p, IMPORT_UNKNOWN, s, "'%s' is no statement of %s: see racoon.conf(5)",
		    import_word(s, 0), *block ? block : "racoon.conf");
}

int racoon_switch(struct racoon *r, struct draft_peer *p, const struct import_stmt *s, const char *const *words)
{
	if (import_word_is(s, 1, "on"))
		return 1;
	if (import_word_is(s, 1, "off"))
		return 0;
	for (int i = 0; words && words[i]; i++)
		if (import_word_is(s, 1, words[i]))
			return 2 + i;
	racoon_note(r, p, IMPORT_NOT, s, "%s: after it 'on' or 'off' is expected, and not '%s'",
		    import_word(s, 0), import_word(s, 1));
	return -1;
}

static const struct unit {
	const char *name;
	unsigned long long n;
	bool bytes;
} units[] = {
	{ "sec", 1, false }, { "secs", 1, false }, { "second", 1, false }, { "seconds", 1, false },
	{ "min", 60, false }, { "mins", 60, false }, { "minute", 60, false }, { "minutes", 60, false },
	{ "hour", 3600, false }, { "hours", 3600, false }, { "B", 1, true }, { "byte", 1, true }, { "bytes", 1, true },
	{ "KB", 1024, true }, { "MB", 1 << 20, true }, { "TB", 1ULL << 40, true },
};

/* words i and i + 1: a number and its unit; 0: they are none. */
static unsigned long long quantity(const struct import_stmt *s, unsigned i, bool bytes)
{
	char *end;
	unsigned long long n = strtoull(import_word(s, i), &end, 10), v;

	if (*import_word(s, i) < '0' || *import_word(s, i) > '9')
		return 0;
	for (size_t u = 0; u < N(units); u++)
		if (units[u].bytes == bytes && !strcmp(*end ? end : import_word(s, i + 1), units[u].name))
			return __builtin_mul_overflow(n, units[u].n, &v) ? 0 : v;
	return 0;
}

unsigned long long racoon_lifetime(struct racoon *r, struct draft_peer *p, const struct import_stmt *s, bool *bytes)
{
	unsigned long long v;

	*bytes = import_word_is(s, 1, "byte");
	v = *bytes || import_word_is(s, 1, "time") ? quantity(s, 2, *bytes) : 0;
	if (!v)
		racoon_note(r, p, IMPORT_NOT, s,
			    "lifetime: 'time' or 'byte', "
			    "a number above 0 and a unit (sec, min, hour; B, KB, MB, TB) are expected");
	return v;
}

/* --- statements outside of remote and sainfo --- */

const char *racoon_dir(struct racoon *r)
{
	const char *name = r->d->tree->files[0], *slash = strrchr(name, '/');

	return draft_text(r->d, "%.*s", slash ? (int)(slash - name) : 1, slash ? name : ".");
}

static void path_psk(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	const char *name = import_word(s, 2);

	(void)p;
	if (*name)
		draft_secrets(r->d, s->at, *name == '/' ? name : draft_text(r->d, "%s/%s", racoon_dir(r), name));
	else
		racoon_note(r, NULL, IMPORT_NOT, s, "path pre_shared_key: the name of a file is expected");
}

static void path_cert(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	(void)p;
	r->cert_dir = import_word(s, 2);
}

static void path_script(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	(void)p;
	r->script_dir = import_word(s, 2);
}

/* "[500]"; 0: that is no port. */
static unsigned port_of(const char *word)
{
	char *end;
	unsigned long n = *word == '[' ? strtoul(word + 1, &end, 10) : 0;

	return n > 0 && n < 65536 && *end == ']' ? (unsigned)n : 0;
}

static void listen_on(struct racoon *r, const struct import_stmt *s, struct draft_value *port, unsigned usual)
{
	struct ipsec_addr a;
	unsigned n = s->nwords > 2 ? port_of(import_word(s, 2)) : usual;
	const char *text;

	if (ipsec_addr_parse(&a, import_word(s, 1)) || !n) {
		racoon_note(r, NULL, IMPORT_NOT, s, "%s: an address and perhaps a port in [ ] are expected",
			    import_word(s, 0));
		return;
	}
	if (n != usual && !port->text)
		*port = (struct draft_value){ draft_text(r->d, "%u", n), s->at };
	else if ((port->text ? (unsigned)atoi(port->text) : usual) != n)
		racoon_note(r, NULL, IMPORT_NOT, s, "keyd has one port for all addresses: '%s %s' counts",
			    usual == 500 ? "port" : "nat-port", port->text ?: usual == 500 ? "500" : "4500");
	text = import_word(s, 1);
	if (ipsec_addr_is_any(&a))
		return;			/* all addresses: that is so by itself */
	for (const char *at = r->d->listen.text; at; at = strchr(at, ',')) {
		at += strspn(at, ", ");
		if (!strncmp(at, text, strlen(text)) && (!at[strlen(text)] || at[strlen(text)] == ','))
			return;
	}
	text = draft_text(r->d, "%s%s%s", r->d->listen.text ?: "", r->d->listen.text ? ", " : "", text);
	r->d->listen = (struct draft_value){ text, s->at };
}

static void listen_isakmp(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	(void)p;
	listen_on(r, s, &r->d->port, 500);
}

static void listen_natt(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	(void)p;
	listen_on(r, s, &r->d->nat_port, 4500);
}

static void timer_keepalive(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	unsigned long long v = quantity(s, 1, false);

	(void)p;
	if (v > 3600 || (!v && strcmp(import_word(s, 1), "0") != 0))
		racoon_note(r, &r->d->defaults, IMPORT_NOT, s, "natt_keepalive: 0 to 3600 seconds are expected");
	else
		draft_say(&r->d->defaults, SET_KEEPALIVE, s->at, v ? draft_seconds(r->d, v) : "off");
}

static void timer_counter(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	(void)p;
	r->counter = s;
}

static void timer_interval(struct racoon *r, struct draft_peer *p, const struct import_stmt *s)
{
	(void)p;
	r->interval = s;
}

/* racoon waits as long each time; keyd twice as long as before, and a silent peer is as dead after the same time. */
static void set_retransmit(struct racoon *r)
{
	const struct import_stmt *s = r->interval ?: r->counter;
	unsigned long long times = r->counter ? strtoul(import_word(r->counter, 1), NULL, 10) : 5;
	unsigned long long wait = r->interval ? quantity(r->interval, 1, false) : 10;
	bool sane = times && times < 1000 && wait && wait <= 3600;
	const char *text = s && sane ? draft_retransmit(r->d, 0, times * wait * 1000) : NULL;

	if (!s)
		return;
	draft_say(&r->d->defaults, SET_RETRANSMIT, s->at, text);
	racoon_note(r, &r->d->defaults, text ? IMPORT_CHOICE : IMPORT_NOT, s,
		    text ? "racoon sends %llu times, each %llu s after the last: "
			   "keyd waits longer each time, and as long in all" :
			   "%llu times and %llu s: keyd's own waits count", times, wait);
}

/* --- all of it --- */

static void take_inside(struct racoon *r, const struct import_stmt *s)
{
	for (const struct import_stmt *at = s->inside; at; at = at->next)
		racoon_take(r, NULL, s->words[0].s, at);
}

static bool takes_inside(const struct import_stmt *s)
{
	static const char *const names[] = { "listen", "timer", "padding", "privsep", "mode_cfg" };

	for (size_t i = 0; i < N(names); i++)
		if (s->block && import_word_is(s, 0, names[i]))
			return true;
	return false;
}

/* All but remote and sainfo, which come last: they want to know the rest. */
static void take_global(struct racoon *r, const struct import_stmt *s)
{
	if (takes_inside(s)) {
		take_inside(r, s);
		return;
	}
	for (size_t i = 0; i < N(blocks_not); i++)
		if (import_word_is(s, 0, blocks_not[i].row.name)) {
			racoon_note(r, NULL, blocks_not[i].row.how, s, "%s: %s", blocks_not[i].row.name,
				    blocks_not[i].row.text);
			return;
		}
	racoon_take(r, NULL, "", s);
}

static const struct racoon_remote *find_remote(const struct racoon *r, const struct import_stmt *s, unsigned from)
{
	for (unsigned i = 0; i < r->nremotes; i++)
		if (!strcmp(import_word(r->remotes[i].stmt, 1), import_word(s, from)))
			return &r->remotes[i];
	return NULL;
}

/* The word behind "inherit"; 0: there is none. */
static unsigned parent_at(const struct import_stmt *s)
{
	for (unsigned i = 2; i + 1 < s->nwords; i++)
		if (import_word_is(s, i, "inherit"))
			return i + 1;
	return 0;
}

static bool has_proposal(const struct import_stmt *s)
{
	for (const struct import_stmt *at = s->inside; at; at = at->next)
		if (import_word_is(at, 0, "proposal"))
			return true;
	return false;
}

/* What the statement inherits, then what it says. With proposals of its own it inherits none. */
static void apply_remote(struct racoon *r, struct racoon_remote *m, const struct import_stmt *s, unsigned depth)
{
	unsigned from = parent_at(s);
	const struct racoon_remote *parent = from ? find_remote(r, s, from) : NULL;

	if (from && (!parent || depth == RACOON_INHERIT_MAX || parent->stmt == s))
		draft_note(r->d, m->peer, IMPORT_NOT, s->at, "inherit %s: %s", import_word(s, from),
			   parent ? "it inherits from itself" : "there is no such remote");
	else if (parent)
		apply_remote(r, m, parent->stmt, depth + 1);
	if (has_proposal(s)) {
		draft_propose_none(m->peer);
		m->auth = NULL;
		r->dh_group = NULL;
	}
	r->quiet = s != m->stmt;
	for (const struct import_stmt *at = s->inside; at; at = at->next)
		racoon_take(r, m->peer, "remote", at);
	r->quiet = false;
}

static unsigned count(const struct import_tree *t, const char *word)
{
	unsigned n = 0;

	for (const struct import_stmt *s = t->first; s; s = s->next)
		n += import_word_is(s, 0, word);
	return n;
}

static void take_remotes(struct racoon *r)
{
	for (const struct import_stmt *s = r->d->tree->first; s; s = s->next) {
		struct racoon_remote *m = &r->remotes[r->nremotes];

		if (!import_word_is(s, 0, "remote"))
			continue;
		*m = (struct racoon_remote){ .stmt = s, .verify_cert = true };
		racoon_remote_head(r, m);
		if (m->peer)
			r->nremotes++;
	}
	for (unsigned i = 0; i < r->nremotes && !r->d->failed; i++) {
		r->now = &r->remotes[i];
		r->dh_group = NULL;
		apply_remote(r, r->now, r->now->stmt, 0);
		racoon_remote_finish(r, r->now);
	}
}

void import_racoon(struct draft *d)
{
	struct racoon r = { .d = d };

	r.cert_dir = draft_text(d, "%s/certs", racoon_dir(&r));
	r.script_dir = racoon_dir(&r);
	r.remotes = calloc(count(d->tree, "remote") + 1, sizeof(*r.remotes));
	if (!r.remotes) {
		d->failed = true;
		return;
	}
	for (const struct import_stmt *s = d->tree->first; s; s = s->next)
		if (!import_word_is(s, 0, "remote") && !import_word_is(s, 0, "sainfo"))
			take_global(&r, s);
	set_retransmit(&r);
	racoon_take_crls(&r);
	racoon_make_pool(&r);
	take_remotes(&r);
	for (const struct import_stmt *s = d->tree->first; s && !d->failed; s = s->next)
		if (import_word_is(s, 0, "sainfo"))
			racoon_sainfo(&r, s);
	racoon_sainfo_finish(&r);
	free(r.remotes);
}
