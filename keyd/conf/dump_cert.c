// SPDX-License-Identifier: MIT
// The part of a dump that is about proofs, certificates and keys. Passphrases are not in it.
#include "keyd/conf/load.h"
#include "keyd/conf/parser.h"
#include "keyd/crypto/key_text.h"
#include "keyd/crypto/sig.h"

#include <string.h>

static void put_file(FILE *out, const char *what, const char *name)
{
	fprintf(out, "\t%s ", what);
	conf_dump_name(out, name);
}

static void put_ways(FILE *out, const char *what, const uint8_t ways[CONF_ROUNDS_MAX])
{
	static const char *const words[] = { [CONF_AUTH_PSK] = "psk", [CONF_AUTH_CERT] = "cert", [CONF_AUTH_KEY] = "key" };

	fprintf(out, "\t%s%s", what, ways[0] ? "" : " none");
	for (unsigned i = 0; i < CONF_ROUNDS_MAX && ways[i]; i++)
		fprintf(out, "%s %s", i ? "," : "", words[ways[i] % 4]);
	putc('\n', out);
}

static void put_auth(FILE *out, const struct conf_peer *peer, const struct conf_peer *base)
{
	size_t n = sizeof(peer->auth_local);

	if (base && !memcmp(peer->auth_local, base->auth_local, n) && !memcmp(peer->auth_remote, base->auth_remote, n))
		return;
	if (!memcmp(peer->auth_local, peer->auth_remote, n)) {
		put_ways(out, "auth", peer->auth_local);
	} else {
		put_ways(out, "auth local", peer->auth_local);
		put_ways(out, "auth remote", peer->auth_remote);
	}
}

/* A PIN is not in it, but where it comes from. */
static void put_token(FILE *out, const struct conf_token *t)
{
	static const char *const pins[] = { [CONF_PIN_ASK] = "ask", [CONF_PIN_ASK_KEEP] = "ask keep", [CONF_PIN_PAD] = "pad" };
	static const char *const from[] = { [CONF_PIN_FILE] = "file ", [CONF_PIN_CREDENTIAL] = "credential ", [CONF_PIN_FD] = "fd " };

	put_file(out, t->cert ? "cert" : "key", t->uri);
	putc('\n', out);
	if (t->pin == CONF_PIN_GIVEN && t->from == CONF_PIN_TEXT) {
		fputs("\t# and a PIN\n", out);
	} else if (t->pin == CONF_PIN_GIVEN) {
		fprintf(out, "\tpin %s", from[t->from % 4]);
		conf_dump_name(out, t->pin_name);
		putc('\n', out);
	} else if (t->pin != CONF_PIN_ASK) {
		fprintf(out, "\tpin %s\n", pins[t->pin % 4]);
	}
	if (t->each)
		fputs("\tlogin each\n", out);
}

static void put_own(FILE *out, const struct conf *c, const struct conf_peer *peer, const struct conf_peer *base)
{
	const struct conf_cred *cred = conf_cred_find(c, &peer->key);

	if (!cred || (base && conf_digest_equal(&peer->key, &base->key)))
		return;
	if (*cred->cert_file) {
		put_file(out, "cert", cred->cert_file);
		putc('\n', out);
	}
	for (unsigned i = 0; i < c->ntokens; i++)
		if (conf_digest_equal(&c->tokens[i].key, &peer->key)) {
			put_token(out, &c->tokens[i]);
			return;
		}
	if (!*cred->key_file && !*cred->passphrase_file && !cred->passphrase)
		return;
	put_file(out, "key", *cred->key_file ? cred->key_file : cred->cert_file);
	if (*cred->passphrase_file) {
		fputs(" passphrase file ", out);
		conf_dump_name(out, cred->passphrase_file);
	}
	fputs(cred->passphrase ? "\t# and a passphrase\n" : "\n", out);
}

static void put_pulled(FILE *out, const struct conf_peer *peer, const struct conf_peer *base)
{
	static const char *const words[] = {
		[CONF_PULLED_KEEP] = "keep", [CONF_PULLED_NO_REKEY] = "no-rekey", [CONF_PULLED_DOWN] = "down",
	};

	if (base && peer->pulled == base->pulled && peer->pulled_after == base->pulled_after)
		return;
	fprintf(out, "\tpulled %s", words[peer->pulled % 3]);
	if (peer->pulled_after)
		fprintf(out, " after %us", peer->pulled_after);
	putc('\n', out);
}

static void put_cas(FILE *out, const struct conf *c, const struct conf_trust *t, const struct conf_trust *base)
{
	const char *before = "\tca ";

	if (base ? t->ncas == base->ncas && !memcmp(t->ca, base->ca, t->ncas * sizeof(*t->ca)) : !t->ncas)
		return;
	for (unsigned i = 0; i < t->ncas; i++)
		for (unsigned j = 0; j < c->ncas; j++) {
			if (!conf_digest_equal(&t->ca[i], &c->cas[j].set))
				continue;
			fputs(before, out);
			conf_dump_name(out, c->cas[j].file);
			before = ", ";
		}
	putc('\n', out);
}

static void put_pins(FILE *out, const struct conf *c, const struct conf_trust *t, const struct conf_trust *base)
{
	char text[CRYPTO_SPKI_TEXT_MAX];
	const char *before = "\tremote-key ";

	if (base ? t->npins == base->npins && !memcmp(t->pin, base->pin, t->npins * sizeof(*t->pin)) : !t->npins)
		return;
	for (unsigned i = 0; i < t->npins; i++)
		for (unsigned j = 0; j < c->npins; j++) {
			const struct conf_pin *pin = &c->pins[j];

			if (!conf_digest_equal(&t->pin[i], &pin->key))
				continue;
			fprintf(out, "%s%s", before, crypto_spki_text((struct view){ pin->spki, pin->nspki }, text));
			before = ", ";
		}
	putc('\n', out);
}

static void put_trust(FILE *out, const struct conf_trust *t, const struct conf_trust *base)
{
	static const char *const revocation[] = { [CONF_REVOCATION_OFF] = "off", [CONF_REVOCATION_LENIENT] = "lenient",
						  [CONF_REVOCATION_STRICT] = "strict" };
	static const char *const lost[] = { [CONF_LOST_CERT_DOWN] = "down", [CONF_LOST_CERT_NO_REKEY] = "no-rekey",
					    [CONF_LOST_CERT_KEEP] = "keep" };
	const char *before = "\tsignatures ";
	const struct crypto_sig *s = NULL;

	if (!base || t->schemes != base->schemes) {
		for (unsigned i = 0; (s = crypto_sig_next(s)); i++) {
			if (!(t->schemes & 1U << i))
				continue;
			fprintf(out, "%s%s", before, s->name);
			before = ", ";
		}
		putc('\n', out);
	}
	if (!base || t->rsa_bits != base->rsa_bits || t->ec_bits != base->ec_bits)
		fprintf(out, "\tkey-floor rsa %u, ec %u\n", t->rsa_bits, t->ec_bits);
	if (!base || t->revocation != base->revocation)
		fprintf(out, "\trevocation %s\n", revocation[t->revocation % 3]);
	if (!base || t->expired != base->expired)
		fprintf(out, "\texpired %s\n", lost[t->expired % 3]);
	if (!base || t->revoked != base->revoked)
		fprintf(out, "\trevoked %s\n", lost[t->revoked % 3]);
}

void conf_dump_cert(FILE *out, const struct conf *c, const struct conf_peer *peer, const struct conf_peer *base)
{
	const struct conf_trust *t = base ? &base->trust : NULL;

	put_auth(out, peer, base);
	put_own(out, c, peer, base);
	put_pulled(out, peer, base);
	put_cas(out, c, &peer->trust, t);
	put_pins(out, c, &peer->trust, t);
	put_trust(out, &peer->trust, t);
}

void conf_dump_revocation(FILE *out, const struct conf *c)
{
	for (unsigned i = 0; i < c->ncrls; i++) {
		fputs("crl ", out);
		conf_dump_name(out, c->crls[i].where);
		putc('\n', out);
	}
	if (*c->modules[0]) {
		fputs("module ", out);
		for (unsigned i = 0; i < CONF_MODULES_MAX && *c->modules[i]; i++) {
			fputs(i ? ", " : "", out);
			conf_dump_name(out, c->modules[i]);
		}
		fputs(c->native ? ", native\n" : "\n", out);
	} else if (c->native) {
		fputs("module native\n", out);
	}
	fprintf(out, "pin-tries %u\ntoken-timeout %us\ntoken-check %us\n", c->pin_tries, c->token_timeout, c->token_check);
	fprintf(out, "fetch %s\n", c->fetch ? "yes" : "no");
	if (c->expiry_warning)
		fprintf(out, "expiry-warning %ud\n", c->expiry_warning);
	else
		fputs("expiry-warning never\n", out);
}
