// SPDX-License-Identifier: MIT
// What words of ipsec.secrets stand for: secrets, tokens, identities.
#include "keyd/conf/id.h"
#include "keyd/conf/ipsec_inside.h"
#include "keyd/conf/parser.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define KEYID_MAX 64			/* bytes of a key's id on a token */

/* --- secrets --- */

/* The value of a digit of base64, or -1. */
static int base64_digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

static const char *from_base64(struct secret *out, const char *s, size_t n)
{
	static const char *const wrong = "what follows 0s is not base64";
	uint32_t bits = 0;
	size_t pad = 0, len = 0, whole;

	while (pad < 2 && pad < n && s[n - 1 - pad] == '=')
		pad++;
	whole = n - pad;
	if (!whole || whole % 4 == 1 || (pad && n % 4))
		return wrong;
	if (secret_alloc(out, whole * 6 / 8) < 0)
		return "out of memory";
	for (size_t i = 0; i < whole; i++) {
		int digit = base64_digit(s[i]);

		if (digit < 0)
			return wrong;
		bits = bits << 6 | (uint32_t)digit;
		if (i % 4)		/* each digit but the first of four completes a byte */
			out->p[len++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	secret_cleanse(&bits, sizeof(bits));
	return NULL;
}

/* Pairs of digits, in groups with _ between them, as FreeS/WAN writes them. */
static const char *from_hex(struct secret *out, const char *s, size_t n)
{
	size_t digits = 0, at = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] != '_' && quantity_hex_digit(s[i]) < 0)
			return "what follows 0x are not hexadecimal digits";
		digits += s[i] != '_';
	}
	if (!digits || digits % 2)
		return "what follows 0x are no pairs of hexadecimal digits";
	if (secret_alloc(out, digits / 2) < 0)
		return "out of memory";
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '_')
			continue;
		out->p[at / 2] = (uint8_t)(out->p[at / 2] << 4 | quantity_hex_digit(s[i]));
		at++;
	}
	return NULL;
}

const char *ipsec_value_secret(struct secret *out, const struct ipsec_token *t, size_t max)
{
	const char *why, *s = t->s;
	size_t n = t->n;
	char form = 0;

	if (!t->quote && n >= 2 && *s == '0' && strchr("xst", tolower((unsigned char)s[1]))) {
		form = (char)tolower((unsigned char)s[1]);
		s += 2;
		n -= 2;
	}
	if (!n)
		return "the secret is empty";
	if (form == 'x')
		why = from_hex(out, s, n);
	else if (form == 's')
		why = from_base64(out, s, n);
	else
		why = secret_set(out, s, n) < 0 ? "out of memory" : NULL;
	if (!why && out->n > max)
		why = "the secret is too long";
	if (why)
		secret_clear(out);
	return why;
}

/* --- tokens --- */

struct text {
	char *to;
	size_t n, room;			/* n may exceed room: it was too long */
};

static void text_add(struct text *t, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++, t->n++)
		if (t->n < t->room)
			t->to[t->n] = s[i];
}

static void text_escaped(struct text *t, const char *s, size_t n)
{
	char three[4];

	for (size_t i = 0; i < n; i++) {
		bool plain = isascii((unsigned char)s[i]) && (isalnum((unsigned char)s[i]) || strchr("-._~", s[i]));

		if (plain)
			text_add(t, s + i, 1);
		else
			text_add(t, three, (size_t)snprintf(three, sizeof(three), "%%%02X", (unsigned char)s[i]));
	}
}

/* Hexadecimal, with as many digits as somebody liked. */
static const char *add_keyid(struct text *t, const char *s, size_t n)
{
	char three[4];
	size_t i = 0;

	if (n > 2 * KEYID_MAX)
		return "the id of the key, after the colon, is too long";
	for (; i < n; i++)
		if (quantity_hex_digit(s[i]) < 0)
			return "the id of the key, after the colon, must be hexadecimal";
	for (i = 0; i < n; i += i || !(n % 2) ? 2 : 1) {
		size_t digits = i || !(n % 2) ? 2 : 1;

		text_add(t, three, (size_t)snprintf(three, sizeof(three), "%%%s%.*s", digits == 1 ? "0" : "", (int)digits, s + i));
	}
	return NULL;
}

/* What stands behind "%smartcard": a slot, @ and a module, a colon and a key's id; each may lack. */
static const char *add_smartcard(struct text *t, const char *s, size_t n)
{
	const char *colon = memchr(s, ':', n), *id = colon ? colon + 1 : s + n, *end = s + n;
	const char *head = colon ? colon : end, *module = memchr(s, '@', (size_t)(head - s));
	const char *why = NULL, *separator = "";
	const char *slot_end = module ? module : head;

	if (s < slot_end && *s == '#')
		return "'%smartcard#N' counts certificates, in an order that nobody else knows: name the key by its id, "
		       "as in %smartcard:50";
	for (const char *p = s; p < slot_end; p++)
		if (!isdigit((unsigned char)*p) || p - s >= 9)
			return "after %smartcard the number of a slot, '@' and a module, or ':' and the id of a key is expected";
	text_add(t, "pkcs11:", 7);
	if (s < slot_end) {
		text_add(t, "slot-id=", 8);
		text_add(t, s, (size_t)(slot_end - s));
		separator = ";";
	}
	if (id < end) {
		text_add(t, separator, strlen(separator));
		text_add(t, "id=", 3);
		why = add_keyid(t, id, (size_t)(end - id));
	}
	if (module && module + 1 == head)
		return "after '@' the name of a module is expected";
	if (module) {
		bool path = module[1] == '/';

		text_add(t, path ? "?module-path=" : "?module-name=", 13);
		text_escaped(t, module + 1, (size_t)(head - module - 1));
	}
	return why;
}

const char *ipsec_value_token(char uri[IPSEC_URI_MAX], const struct ipsec_token *t)
{
	static const char smartcard[] = "%smartcard";
	struct text text = { .to = uri, .room = IPSEC_URI_MAX - 1 };
	const char *why = NULL;
	size_t n = sizeof(smartcard) - 1;

	if (t->n >= n && !strncasecmp(t->s, smartcard, n))
		why = add_smartcard(&text, t->s + n, t->n - n);
	else if (t->n >= 7 && !strncmp(t->s, "pkcs11:", 7))
		text_add(&text, t->s, t->n);
	else
		why = "'%smartcard', perhaps with a slot and the id of a key, is expected: %smartcard1:50";
	if (!why && text.n > text.room)
		why = "the name of the token is too long";
	uri[why ? 0 : text.n] = 0;
	return why;
}

/* --- identities --- */

/* strongSwan's, of what it also guesses. */
static const struct {
	const char *prefix;
	uint8_t type;
} types[] = {
	{ "fqdn:", CONF_ID_FQDN }, { "dns:", CONF_ID_FQDN }, { "email:", CONF_ID_RFC822 }, { "rfc822:", CONF_ID_RFC822 },
	{ "userfqdn:", CONF_ID_RFC822 }, { "keyid:", CONF_ID_KEY_ID }, { "ipv4:", CONF_ID_IPV4 }, { "ipv6:", CONF_ID_IPV6 },
	{ "asn1dn:", CONF_ID_DN }, { "dn:", CONF_ID_DN },
};

static bool set_hex(struct conf_id *id, const char *s, size_t n)
{
	if (!n || n % 2 || n / 2 > CONF_ID_MAX)
		return false;
	*id = (struct conf_id){ .type = CONF_ID_KEY_ID, .len = (uint16_t)(n / 2) };
	for (size_t i = 0; i < n; i++) {
		int digit = quantity_hex_digit(s[i]);

		if (digit < 0)
			return false;
		id->data[i / 2] = (uint8_t)(id->data[i / 2] << 4 | digit);
	}
	return true;
}

/* A name after @ is no address; what no host can be called is a key id. */
static bool set_name(struct conf_id *id, const char *s, size_t n)
{
	if (n > 1 && *s == '#')
		return set_hex(id, s + 1, n - 1);
	if (n > 1 && *s == '@')
		return !conf_id_set(id, CONF_ID_RFC822, s + 1, n - 1);
	if (*s == '[')
		return n > 2 && s[n - 1] == ']' && !conf_id_set(id, CONF_ID_KEY_ID, s + 1, n - 2);
	return !conf_id_set(id, CONF_ID_FQDN, s, n) || !conf_id_set(id, CONF_ID_RFC822, s, n) ||
	       !conf_id_set(id, CONF_ID_KEY_ID, s, n);
}

static bool is_any(const char *s)
{
	return !strcasecmp(s, "%any") || !strcasecmp(s, "%any4") || !strcmp(s, "0.0.0.0") || !strcmp(s, "::") || !strcmp(s, "*");
}

const char *ipsec_value_selector(struct conf_id *id, struct ipsec_addr *remote, uint8_t *len, const struct ipsec_token *t)
{
	char s[CONF_ID_MAX + 1];

	*id = (struct conf_id){ .type = CONF_ID_ANY };
	*remote = (struct ipsec_addr){ 0 };
	*len = 0;
	if (!t->n || t->n > CONF_ID_MAX)
		return "an identity is empty or too long";
	memcpy(s, t->s, t->n);
	s[t->n] = 0;
	if (is_any(s))
		return NULL;
	if (!strcasecmp(s, "%any6")) {
		remote->family = AF_INET6;
		return NULL;
	}
	if (*s == '%')
		return "of the words with '%', only %any, %any4 and %any6 can be identities";
	if (*s == '@')
		return t->n > 1 && set_name(id, s + 1, t->n - 1) ? NULL : "what follows '@' is no name";
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		size_t n = strlen(types[i].prefix);

		if (t->n <= n || strncasecmp(s, types[i].prefix, n) != 0)
			continue;
		if (types[i].type == CONF_ID_KEY_ID && s[n] == '#')
			return set_hex(id, s + n + 1, t->n - n - 1) ? NULL : "what follows 'keyid:#' are no pairs of hexadecimal digits";
		return conf_id_set(id, types[i].type, s + n, t->n - n) ? "this identity is not of the type that stands in front" : NULL;
	}
	if (strchr(s, '/') && !strchr(s, '=') && conf_remote_parse(s, remote, len))
		return *len == UINT8_MAX ? "an address has a wrong prefix length" : NULL;
	*remote = (struct ipsec_addr){ 0 };
	return conf_id_parse(id, s) ? "an identity is malformed" : NULL;
}
