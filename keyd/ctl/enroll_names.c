// SPDX-License-Identifier: MIT
// Who a certificate is asked for: the subject, and other names by their form.
#include "keyd/ctl/enroll_inside.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static bool is_host(const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("-_.*", s[i]))
			return false;
	return n && n <= 253 && s[0] != '.' && s[0] != '-';
}

static bool is_mail(const char *s)
{
	const char *at = strchr(s, '@');

	for (const char *p = s; *p; p++)
		if (*p <= 0x20 || *p >= 0x7f)
			return false;
	return at && at > s && is_host(at + 1) && strlen(s) <= 254;
}

static int one_name(struct enroll *e, unsigned i)
{
	const char *s = e->san[i];
	struct crypto_csr_name *n = &e->names[i];

	*n = (struct crypto_csr_name){ CRYPTO_NAME_FQDN, { (const uint8_t *)s, strlen(s) } };
	if (inet_pton(AF_INET, s, e->addr[i]) == 1)
		*n = (struct crypto_csr_name){ CRYPTO_NAME_IPV4, { e->addr[i], 4 } };
	else if (inet_pton(AF_INET6, s, e->addr[i]) == 1)
		*n = (struct crypto_csr_name){ CRYPTO_NAME_IPV6, { e->addr[i], 16 } };
	else if (is_mail(s))
		n->type = CRYPTO_NAME_RFC822;
	else if (!is_host(s))
		return enroll_fail(e, "--san %s: neither an address nor a host name nor a mail address", s);
	return 0;
}

/* A value in a DN, with what means something there escaped (RFC 4514 2.4). */
static void common_name(const char *value, char *out, size_t n)
{
	size_t at = (size_t)snprintf(out, n, "CN=");

	for (const char *p = value; *p && at + 3 < n; p++) {
		if (strchr(",+\"\\<>;=/#", *p) || (*p == ' ' && p == value))
			out[at++] = '\\';
		out[at++] = *p;
	}
	out[at] = 0;
}

int enroll_names(struct enroll *e)
{
	char usual[2 * CRYPTO_DN_MAX];
	const char *text = e->dn_text, *why;
	int r = 0;

	if (!text) {
		common_name(e->nsan ? e->san[0] : e->place, usual, sizeof(usual));
		text = usual;
	}
	e->ndn = sizeof(e->dn);
	if (crypto_dn_parse(text, strlen(text), e->dn, &e->ndn, &why))
		return enroll_fail(e, "--dn %s: %s", text, why);
	if (crypto_dn_is_pattern((struct view){ e->dn, e->ndn }))
		return enroll_fail(e, "--dn %s: a request needs a name, not a pattern", text);
	for (unsigned i = 0; !r && i < e->nsan; i++)
		r = one_name(e, i);
	return r;
}
