// SPDX-License-Identifier: MIT
// The configuration as a value: its defaults, its end, and the places that it names.
#include "keyd/conf/load.h"
#include "keyd/conf/parser.h"

#include "keyd/crypto/sig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Written as an administrator would; the order is what we like best first. */
#define GROUPS "-x25519-ecp256-ecp384-modp2048-modp3072-modp4096"
#define PRFS "-prfsha256-prfsha384-prfsha512"
static const char *const default_ike[] = {
	"aes128gcm16-aes256gcm16-chacha20poly1305" PRFS GROUPS,
	"aes128-aes256-sha256-sha384-sha512" PRFS GROUPS,
	NULL
};
static const char *const default_esp[] = {
	"aes128gcm16-aes256gcm16-chacha20poly1305-noesn",
	"aes128-aes256-sha256-sha384-sha512-noesn",
	NULL
};

static void default_proposals(struct conf_proposals *ps, bool esp, const char *const *texts)
{
	struct conf_parser p = { .place.file = "defaults" };

	for (; *texts; texts++) {
		struct conf_word w = { .s = (char *)(uintptr_t)*texts, .n = strlen(*texts) };

		if (conf_proposal_parse(&p, esp, &w, &ps->p[ps->n]))
			ps->n++;
	}
}

static void default_schemes(struct conf_trust *t)
{
	const struct crypto_sig *s = NULL;

	for (unsigned i = 0; (s = crypto_sig_next(s)); i++)
		if (!s->legacy && !s->bare)
			t->schemes |= 1U << i;
}

void conf_defaults(struct conf *c)
{
	*c = (struct conf){
		.port = 500,
		.nat_port = 4500,
		.cookie_threshold = 64,
		.half_open_max = 1024,
		.half_open_per_source = 128,
		.defaults = {
			.name = "default",
			.version = 2,
			.pfs = true,
			.children = 1000,
			.ike_lifetime = 4 * 3600,
			.child_lifetime = 3600,
			.jitter = 10,
			.dpd = 30,
			.replay_window = 128,
			.retransmit_ms = 500,
			.retransmit_tries = 7,
			.fragment_size = 1280,
			.keepalive = 20,
			.linger = 10,
			.auth_local = { CONF_AUTH_PSK },
			.auth_remote = { CONF_AUTH_PSK },
			.trust = { .rsa_bits = 2048, .ec_bits = 256, .revocation = CONF_REVOCATION_LENIENT },
		},
		.native = true,
		.pin_tries = 2,
		.token_timeout = 30,
		.token_check = 60,
		.fetch = true,
		.expiry_warning = 14,
	};
	default_schemes(&c->defaults.trust);
	default_proposals(&c->defaults.ike, false, default_ike);
	default_proposals(&c->defaults.esp, true, default_esp);
}

uint8_t conf_file_number(struct conf *c, const char *name)
{
	size_t at = 0, n = strlen(name) + 1;
	unsigned number = 1;

	for (; c->files[at]; at += strlen(c->files + at) + 1, number++)
		if (!strcmp(c->files + at, name))
			return (uint8_t)number;
	if (number > UINT8_MAX || n >= sizeof(c->files) - at)	/* an empty name must fit behind it */
		return 0;
	memcpy(c->files + at, name, n);
	return (uint8_t)number;
}

const char *conf_at_format(const struct conf *c, struct conf_at at, char *buf, size_t n)
{
	const char *name = c->files, *end = c->files + sizeof(c->files) - 1;

	for (unsigned i = 1; i < at.file && name < end; i++)
		name += strnlen(name, (size_t)(end - name)) + 1;
	if (!at.line)
		*buf = 0;
	else if (!at.file || name >= end || !*name)
		snprintf(buf, n, "line %u of another file", at.line);
	else
		snprintf(buf, n, "%.*s:%u", (int)strnlen(name, (size_t)(end - name)), name, at.line);
	return buf;
}

void conf_free(struct conf *c)
{
	for (unsigned i = 0; i < c->ncreds; i++) {
		free(c->creds[i].chain);
		free(c->creds[i].spki);
	}
	for (unsigned i = 0; i < c->ncas; i++)
		free(c->cas[i].certs);
	for (unsigned i = 0; i < c->npins; i++)
		free(c->pins[i].spki);
	free(c->creds);
	free(c->cas);
	free(c->pins);
	free(c->crls);
	free(c->tokens);
	free(c->peers);
	free(c->pools);
	*c = (struct conf){ 0 };
}
