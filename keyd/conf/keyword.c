// SPDX-License-Identifier: MIT
// The keywords of keyd.conf, what stands after each, and which one a typist may have meant.
#include "keyd/conf/parser.h"
#include "keyd/conf/conf.tab.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define DURATION "a duration such as 30s"
#define NUMBER "a number"
#define A_FILE "the name of a file"

static const struct conf_keyword conf_keywords[] = {
	{ "<->", BOTH_WAYS, "a network such as 10.0.0.0/24" },
	{ "address", ADDRESS, "an address or a prefix" },
	{ "after", AFTER, DURATION },
	{ "allow", ALLOW, NULL },
	{ "any", ANY, NULL },
	{ "ask", ASK, NULL },
	{ "assigned", ASSIGNED, NULL },
	{ "auth", AUTH, NULL },
	{ "auto", AUTO, NULL },
	{ "banner", BANNER, "a text in quotes" },
	{ "ca", CA, A_FILE },
	{ "cert", CERT, "a file's name or a token's URI" },
	{ "child", CHILD, NULL },
	{ "childless", CHILDLESS, NULL },
	{ "children", CHILDREN, NUMBER },
	{ "cookie", COOKIE, NULL },
	{ "credential", CREDENTIAL, "the name of a credential" },
	{ "crl", CRL, "a file, a folder or an http URL" },
	{ "default", DEFAULT, NULL },
	{ "dn", DN, "a name such as \"C=DE, CN=moon\"" },
	{ "dns", DNS, "an address" },
	{ "domain", DOMAIN_, "a domain such as corp.example" },
	{ "down", DOWN, NULL },
	{ "drop", DROP, "a network such as 10.0.0.0/24" },
	{ "dpd", DPD, DURATION },
	{ "each", EACH, NULL },
	{ "esp", ESP, "algorithms such as aes128gcm16" },
	{ "except", EXCEPT, "an address" },
	{ "exchange", EXCHANGE, "main or aggressive" },
	{ "expired", EXPIRED, NULL },
	{ "expiry-warning", EXPIRY_WARNING, "a time such as 14d" },
	{ "fd", FD, "a descriptor's number" },
	{ "fetch", FETCH, NULL },
	{ "file", FILE_, A_FILE },
	{ "force", FORCE, NULL },
	{ "fqdn", FQDN, "a host name" },
	{ "fragment", FRAGMENT, "a size in bytes such as 1280" },
	{ "half-open", HALF_OPEN, NUMBER },
	{ "id", ID, "an identity" },
	{ "ike", IKE, "algorithms such as aes128gcm16-prfsha256-x25519" },
	{ "include", INCLUDE, A_FILE },
	{ "ipv4", IPV4, NULL },
	{ "ipv6", IPV6, NULL },
	{ "jitter", JITTER, "a percentage such as 10%" },
	{ "keep", KEEP, NULL },
	{ "keepalive", KEEPALIVE, DURATION },
	{ "key", KEY, "a file's name or a token's URI" },
	{ "key-floor", KEY_FLOOR, "rsa or ec and a number of bits" },
	{ "keyid", KEYID, "a key id" },
	{ "keylog", KEYLOG, "the name of a directory" },
	{ "larval-drop", LARVAL_DROP, NULL },
	{ "lenient", LENIENT, NULL },
	{ "lifetime", LIFETIME, "a duration such as 1h" },
	{ "linger", LINGER, DURATION },
	{ "listen", LISTEN, "an address" },
	{ "local", LOCAL, "an address" },
	{ "login", LOGIN, NULL },
	{ "mode-config", MODE_CONFIG, "pull or push" },
	{ "module", MODULE, "a module such as opensc-pkcs11" },
	{ "nat", NAT, NULL },
	{ "nat-port", NAT_PORT, NUMBER },
	{ "native", NATIVE, NULL },
	{ "never", NEVER, NULL },
	{ "no", NO, NULL },
	{ "no-rekey", NO_REKEY, NULL },
	{ "none", NONE, NULL },
	{ "off", OFF, NULL },
	{ "on", ON, "the name of an interface" },
	{ "packets", PACKETS, NULL },
	{ "pad", PAD, NULL },
	{ "passphrase", PASSPHRASE, "a passphrase in quotes" },
	{ "peer", PEER, "an address, a prefix or a name" },
	{ "per-source", PER_SOURCE, NUMBER },
	{ "pfs", PFS, NULL },
	{ "pin", PIN, "a PIN in quotes" },
	{ "pin-tries", PIN_TRIES, NUMBER },
	{ "pool", POOL, "the name of a pool" },
	{ "port", PORT, NUMBER },
	{ "prefer", PREFER, NULL },
	{ "psk", PSK, "a secret in quotes" },
	{ "pulled", PULLED, NULL },
	{ "reauth", REAUTH, DURATION },
	{ "rekey", REKEY, NULL },
	{ "remote", REMOTE, NULL },
	{ "remote-key", REMOTE_KEY, "a public key such as MCowBQYDK2VwAyEA…" },
	{ "replace", REPLACE, NULL },
	{ "replay-window", REPLAY_WINDOW, NUMBER },
	{ "retransmit", RETRANSMIT, "a wait such as 500ms" },
	{ "revocation", REVOCATION, NULL },
	{ "revoked", REVOKED, NULL },
	{ "secrets", SECRETS, A_FILE },
	{ "serve", SERVE, NULL },
	{ "signatures", SIGNATURES, "signatures such as ed25519" },
	{ "single-pair", SINGLE_PAIR, NULL },
	{ "start", START, NULL },
	{ "strict", STRICT, NULL },
	{ "tfc", TFC, "a size in bytes such as 1400" },
	{ "threshold", THRESHOLD, NUMBER },
	{ "token-check", TOKEN_CHECK, DURATION },
	{ "token-timeout", TOKEN_TIMEOUT, DURATION },
	{ "traffic", TRAFFIC, "a network such as 10.0.0.0/24" },
	{ "unique", UNIQUE, NULL },
	{ "user", USER, "user@host" },
	{ "users", USERS, A_FILE },
	{ "version", VERSION, "1 or 2" },
	{ "virtual-address", VIRTUAL_ADDRESS, NULL },
	{ "xauth", XAUTH, "client, server or off" },
	{ "yes", YES, NULL },
};

const struct conf_keyword *conf_keyword_find(const char *text, size_t n)
{
	for (size_t i = 0; i < sizeof(conf_keywords) / sizeof(*conf_keywords); i++)
		if (!strncmp(conf_keywords[i].text, text, n) && !conf_keywords[i].text[n])
			return &conf_keywords[i];
	return NULL;
}

const struct conf_keyword *conf_keyword_of_token(int token)
{
	for (size_t i = 0; i < sizeof(conf_keywords) / sizeof(*conf_keywords); i++)
		if (conf_keywords[i].token == token)
			return &conf_keywords[i];
	return NULL;
}

bool conf_keyword_is_value(int token, int before)
{
	const struct conf_keyword *kw = conf_keyword_of_token(before);
	bool soft = token == USERS || token == BANNER || token == XAUTH || token == DROP ||
		    (token == NONE && before != LOCAL);	/* auth local none */

	return soft && kw && kw->value;
}

#define TYPED_MAX 32			/* longer words are no slip of the finger */

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	return a < b ? (a < c ? a : c) : (b < c ? b : c);
}

/* Insertions, deletions, changes and swaps of neighbours that lead from a to b (optimal string alignment). */
static unsigned edit_distance(const char *a, const char *b)
{
	unsigned d[3][TYPED_MAX + 1];
	size_t na = strlen(a), nb = strlen(b);
	unsigned *before = d[0], *above = d[1], *row = d[2];

	if (na > TYPED_MAX || nb > TYPED_MAX)
		return TYPED_MAX;
	for (size_t j = 0; j <= nb; j++)
		above[j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned *t = before;

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);

			row[j] = min3(row[j - 1] + 1, above[j] + 1, above[j - 1] + !same);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		before = above;
		above = row;
		row = t;
	}
	return above[nb];
}

const char *conf_did_you_mean(const char *text, const char *const *candidates)
{
	size_t n = strlen(text);
	unsigned best = n <= 2 ? 1 : n <= 4 ? 2 : 3;	/* one more than we forgive */
	const char *found = NULL;

	for (const char *const *c = candidates; *c; c++) {
		unsigned d = edit_distance(text, *c);

		if (d < best) {
			best = d;
			found = *c;
		}
	}
	for (const char *const *c = candidates; !found && n >= 3 && *c; c++)
		if (!strncasecmp(text, *c, n))
			found = *c;
	return found;
}
