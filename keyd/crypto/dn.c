// SPDX-License-Identifier: MIT
// Distinguished names.
#include "keyd/crypto/dn.h"

#include <ctype.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define ATTRIBUTE_MAX 64	/* bytes of an attribute's name */

/* What is left of the text, and what comes of it. */
struct dn_text {
	const char *p, *end;
	char separator;		/* between RDNs: a comma, which may be a semicolon (RFC 2253 4), or a slash */
	X509_NAME *name;
	const char *why;
};

/* Spellings that OpenSSL does not know; RFC 4514 3 has no case in names of attributes. */
static const struct {
	const char *spelling, *name;
} attributes[] = {
	{ "E", "emailAddress" }, { "Email", "emailAddress" }, { "emailAddress", "emailAddress" }, { "S", "ST" }, { "G", "GN" },
	{ "GivenName", "GN" }, { "Surname", "SN" }, { "Street", "street" }, { "PostalCode", "postalCode" }, { "D", "description" },
	{ "Title", "title" }, { "SerialNumber", "serialNumber" }, { "UserId", "UID" }, { "unstructuredName", "unstructuredName" },
};

static int wrong(struct dn_text *t, const char *why)
{
	t->why = why;
	return -1;
}

static void skip_blanks(struct dn_text *t)
{
	while (t->p < t->end && *t->p == ' ')
		t->p++;
}

/* The attribute's OBJECT IDENTIFIER; NULL: unknown. The caller frees it. */
static ASN1_OBJECT *attribute(const char *name)
{
	char upper[ATTRIBUTE_MAX];
	ASN1_OBJECT *o;
	size_t i;

	for (i = 0; i < sizeof(attributes) / sizeof(*attributes); i++)
		if (!strcasecmp(name, attributes[i].spelling))
			return OBJ_txt2obj(attributes[i].name, 0);
	if (!strncasecmp(name, "OID.", 4))
		name += 4;
	o = OBJ_txt2obj(name, 0);
	for (i = 0; !o && i <= strlen(name); i++)
		upper[i] = (char)toupper((unsigned char)name[i]);
	return o ? o : OBJ_txt2obj(upper, 0);
}

static int get_attribute(struct dn_text *t, ASN1_OBJECT **out)
{
	char name[ATTRIBUTE_MAX];
	size_t n = 0;

	skip_blanks(t);
	for (; t->p < t->end && *t->p != '=' && n < sizeof(name) - 1; t->p++)
		name[n++] = *t->p;
	while (n && name[n - 1] == ' ')
		n--;
	name[n] = 0;
	if (t->p == t->end || *t->p++ != '=' || !n || strlen(name) != n)
		return wrong(t, "an attribute's name and \"=\" are expected, as in CN=moon");
	*out = attribute(name);
	return *out ? 0 : wrong(t, "no such attribute is known; write its OID with dots");
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* What follows a backslash: two hex digits, or any character that means itself. */
static int get_escaped(struct dn_text *t, uint8_t *out)
{
	int high, low;

	if (t->p == t->end)
		return wrong(t, "nothing follows the last backslash");
	high = hex_digit(t->p[0]);
	low = t->end - t->p > 1 ? hex_digit(t->p[1]) : -1;
	if (high >= 0 && low >= 0) {
		*out = (uint8_t)(high << 4 | low);
		t->p += 2;
		return 0;
	}
	if (high >= 0 || isalnum((unsigned char)*t->p))
		return wrong(t, "a backslash stands before a special character or two hex digits");
	*out = (uint8_t)*t->p++;
	return 0;
}

static bool ends_value(const struct dn_text *t, bool quoted)
{
	if (quoted)
		return *t->p == '"';
	return *t->p == '+' || *t->p == t->separator || (t->separator == ',' && *t->p == ';');
}

static int get_value(struct dn_text *t, uint8_t *value, size_t *n)
{
	size_t room = *n, solid = 0;	/* up to where blanks count */
	bool quoted;

	*n = 0;
	skip_blanks(t);
	quoted = t->p < t->end && *t->p == '"';
	t->p += quoted;
	while (t->p < t->end && !ends_value(t, quoted)) {
		bool escaped = *t->p == '\\';

		if (*n == room)
			return wrong(t, "a value is too long");
		if (escaped) {
			t->p++;
			if (get_escaped(t, &value[*n]))
				return -1;
		} else {
			value[*n] = (uint8_t)*t->p++;
		}
		++*n;
		if (quoted || escaped || value[*n - 1] != ' ')
			solid = *n;
	}
	*n = solid;
	if (quoted && (t->p == t->end || *t->p++ != '"'))
		return wrong(t, "a quotation mark is missing");
	skip_blanks(t);
	if (t->p < t->end && !ends_value(t, false))
		return wrong(t, "something follows a quoted value");
	return *n ? 0 : wrong(t, "a value is empty");
}

/* X.680 41.4 */
static bool is_printable(const uint8_t *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!s[i] || s[i] > 0x7f || (!isalnum(s[i]) && !strchr(" '()+,-./:=?", s[i])))
			return false;
	return true;
}

/* The kind of string that a certificate would have. */
static int string_type(const ASN1_OBJECT *o, const uint8_t *s, size_t n)
{
	int nid = OBJ_obj2nid(o);

	if (nid == NID_pkcs9_emailAddress || nid == NID_domainComponent)
		return V_ASN1_IA5STRING;
	return is_printable(s, n) ? V_ASN1_PRINTABLESTRING : V_ASN1_UTF8STRING;
}

/* One attribute and its value; together: of the RDN before it. */
static int get_pair(struct dn_text *t, bool together)
{
	uint8_t value[CRYPTO_DN_MAX];
	size_t n = sizeof(value);
	ASN1_OBJECT *o = NULL;
	int r = get_attribute(t, &o);

	if (!r)
		r = get_value(t, value, &n);
	if (!r && X509_NAME_add_entry_by_OBJ(t->name, o, string_type(o, value, n), value, (int)n, -1, together ? -1 : 0) != 1)
		r = wrong(t, "there is no memory");
	ASN1_OBJECT_free(o);
	return r;
}

static int get_name(struct dn_text *t)
{
	bool together = false;

	for (unsigned rdns = 1;; rdns += !together) {
		if (rdns > CRYPTO_DN_RDNS_MAX)
			return wrong(t, "there are too many parts");
		if (get_pair(t, together))
			return -1;
		if (t->p == t->end)
			return 0;
		together = *t->p++ == '+';
	}
}

int crypto_dn_parse(const char *text, size_t n, uint8_t *der, size_t *len, const char **why)
{
	struct dn_text t = { .p = text, .end = text + n, .separator = ',', .name = X509_NAME_new() };
	uint8_t *made = NULL;
	int size = -1;

	skip_blanks(&t);
	if (t.p < t.end && *t.p == '/') {
		t.separator = '/';
		t.p++;
	}
	if (!t.name)
		t.why = "there is no memory";
	else if (!get_name(&t))
		size = i2d_X509_NAME(t.name, &made);
	if (size <= 0 && !t.why)
		t.why = "a value is not UTF-8";	/* which OpenSSL finds when it is to compare them */
	if (size > 0 && ((size_t)size > *len || size > CRYPTO_DN_MAX)) {
		size = -1;
		t.why = "it is too long";
	}
	if (size > 0) {
		memcpy(der, made, (size_t)size);
		*len = (size_t)size;
	}
	OPENSSL_free(made);
	X509_NAME_free(t.name);
	*why = t.why;
	return size > 0 ? 0 : -1;
}

/* NULL: no name, more than one, or too much. */
static X509_NAME *name_of(struct view der)
{
	const uint8_t *p = der.p;
	X509_NAME *name = der.n && der.n <= CRYPTO_DN_MAX ? d2i_X509_NAME(NULL, &p, (long)der.n) : NULL;

	if (name && (p != der.p + der.n || X509_NAME_entry_count(name) > CRYPTO_DN_RDNS_MAX)) {
		X509_NAME_free(name);
		name = NULL;
	}
	return name;
}

const char *crypto_dn_format(struct view der, char *buf, size_t n)
{
	X509_NAME *name = name_of(der);
	BIO *bio = name ? BIO_new(BIO_s_mem()) : NULL;
	char *p = NULL;
	long len = -1;

	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_SEP_CPLUS_SPC | XN_FLAG_FN_SN | XN_FLAG_DUMP_UNKNOWN_FIELDS |
				      ASN1_STRFLGS_ESC_2253 | ASN1_STRFLGS_ESC_CTRL | ASN1_STRFLGS_ESC_MSB |
				      ASN1_STRFLGS_UTF8_CONVERT | ASN1_STRFLGS_DUMP_DER) >= 0)
		len = BIO_get_mem_data(bio, &p);
	snprintf(buf, n, "%.*s", len >= 0 ? (int)len : 11, len >= 0 ? p : "(malformed)");
	BIO_free(bio);
	X509_NAME_free(name);
	return buf;
}

/* An entry alone, so that X509_NAME_cmp, which knows RFC 5280 7.1, compares it. */
static bool same_entry(const X509_NAME_ENTRY *a, const X509_NAME_ENTRY *b)
{
	X509_NAME *x = X509_NAME_new(), *y = X509_NAME_new();
	bool same = x && y && X509_NAME_add_entry(x, a, -1, 0) == 1 && X509_NAME_add_entry(y, b, -1, 0) == 1 &&
		    X509_NAME_cmp(x, y) == 0;

	X509_NAME_free(x);
	X509_NAME_free(y);
	return same;
}

static bool is_any(const X509_NAME_ENTRY *e)
{
	const ASN1_STRING *value = X509_NAME_ENTRY_get_data(e);

	return ASN1_STRING_length(value) == 1 && *ASN1_STRING_get0_data(value) == '*';
}

static bool fits_entry(const X509_NAME_ENTRY *pattern, const X509_NAME_ENTRY *e)
{
	if (OBJ_cmp(X509_NAME_ENTRY_get_object(pattern), X509_NAME_ENTRY_get_object(e)))
		return false;
	return is_any(pattern) || same_entry(pattern, e);
}

/* How many RDNs there are. */
static int rdns(const X509_NAME *name)
{
	int n = X509_NAME_entry_count(name);

	return n ? X509_NAME_ENTRY_set(X509_NAME_get_entry(name, n - 1)) + 1 : 0;
}

/* The first entry of RDN number set, from entry number i on; NULL: none. *i is then behind it. */
static const X509_NAME_ENTRY *entry_of(const X509_NAME *name, int set, int *i)
{
	while (*i < X509_NAME_entry_count(name)) {
		const X509_NAME_ENTRY *e = X509_NAME_get_entry(name, (*i)++);

		if (X509_NAME_ENTRY_set(e) == set)
			return e;
	}
	return NULL;
}

static int entries(const X509_NAME *name, int set)
{
	int i = 0, n = 0;

	while (entry_of(name, set, &i))
		n++;
	return n;
}

/* An RDN is a set, in which an attribute is once (X.501 9.3). */
static bool fits_rdn(const X509_NAME *pattern, int a, const X509_NAME *name, int b)
{
	const X509_NAME_ENTRY *want, *have;
	int i = 0;

	while ((want = entry_of(pattern, a, &i))) {
		int j = 0;

		while ((have = entry_of(name, b, &j)) && !fits_entry(want, have))
			;
		if (!have)
			return false;
	}
	return entries(pattern, a) == entries(name, b);
}

static bool fits(const X509_NAME *pattern, const X509_NAME *name, bool reversed)
{
	int n = rdns(name);

	if (rdns(pattern) != n)
		return false;
	for (int i = 0; i < n; i++)
		if (!fits_rdn(pattern, i, name, reversed ? n - 1 - i : i))
			return false;
	return true;
}

bool crypto_dn_match(struct view pattern, struct view der)
{
	X509_NAME *a = name_of(pattern), *b = name_of(der);
	bool match = a && b && (fits(a, b, false) || fits(a, b, true));

	X509_NAME_free(a);
	X509_NAME_free(b);
	return match;
}

bool crypto_dn_is_pattern(struct view der)
{
	X509_NAME *name = name_of(der);
	bool any = false;

	for (int i = 0; name && i < X509_NAME_entry_count(name); i++)
		any = any || is_any(X509_NAME_get_entry(name, i));
	X509_NAME_free(name);
	return any;
}

int crypto_dn_common_name(struct view der, char *buf, size_t n)
{
	X509_NAME *name = name_of(der);
	int i = name ? X509_NAME_get_index_by_NID(name, NID_commonName, -1) : -1;
	unsigned char *text = NULL;
	int len = i >= 0 ? ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i))) : -1;
	size_t at = 0;

	for (; len > 0 && at < (size_t)len && at + 1 < n; at++)
		buf[at] = text[at] < 0x20 || text[at] == 0x7f ? '?' : (char)text[at];
	if (len > 0)
		buf[at] = 0;
	OPENSSL_free(text);
	X509_NAME_free(name);
	ERR_clear_error();
	return len > 0 ? 0 : -1;
}
