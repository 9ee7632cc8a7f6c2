// SPDX-License-Identifier: MIT
// A PKCS#11 module that does on command what real ones do at bad moments.
//
// In its folder (MOCK_P11_DIR) it writes "log" and "tries", and reads "control" again at each call: a word and its value
// a line, all optional:
//   card N          0: none is in the reader; another number: another insertion (default 1)
//   serial TEXT     of the card (0001)              label TEXT      (mock)
//   twin TEXT       the card shows another token in another slot, with this label; swapped yes: in each other's
//   pin TEXT        (1234)                          tries N         that a fresh card has (3)
//   tells no        flags never tell of tries       lock-says RV    instead of CKR_PIN_LOCKED
//   wrong-says RV   instead of CKR_PIN_INCORRECT    open yes        the token wants no PIN
//   pad ANSWER      a PIN pad: ok, wrong, cancel; wait: until it says something else
//   always yes      keys want their PIN for each signature
//   private shown   private keys are visible before a login; open: and sign without one; public no: public keys never are
//   pss no          no CKM_RSA_PKCS_PSS             ec wide|der     the form of ECDSA signatures
//   bad yes         signatures have a wrong bit     events block|poll|none
//   makes nothing   C_GenerateKeyPair says that it has, and has not
//   epoch N         another number: pcscd was restarted, nothing works until C_Finalize
//   hang NAME, crash NAME, fail NAME RV             of a function
//
// Keys: rsa.pem, ec.pem in the folder, with ids 01 and 02; rsa.der, ec.der are their certificates. twin.pem is another EC key with id 02.
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <p11-kit/pkcs11.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLOT 7		/* and the next one for a twin */
#define SESSIONS 16
#define VALUE_MAX 8192

enum object { NONE, RSA_PRIVATE, RSA_PUBLIC, RSA_CERT, TWIN_PRIVATE, EC_PRIVATE, EC_PUBLIC, EC_CERT, OBJECTS };

static struct session {
	bool open;
	long card;			/* that it is with */
	CK_SLOT_ID slot;
	bool finding, signing, allowed;
	CK_OBJECT_CLASS class;
	CK_KEY_TYPE type;
	unsigned char id;
	bool has_class, has_type, has_id;
	int next;			/* object to be found */
	int key;
	CK_MECHANISM mechanism;
	CK_RSA_PKCS_PSS_PARAMS pss;
} sessions[SESSIONS + 1];

static bool initialized;
static long epoch, last_card, user;	/* user: the card that somebody is logged in to, or 0 */

static FILE *file(const char *name, const char *mode)
{
	const char *dir = getenv("MOCK_P11_DIR");
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : ".", name);
	return fopen(path, mode);
}

/* The rest of the line that begins with this word (or with both); otherwise, there is none. */
static const char *said(const char *word, const char *second, const char *otherwise)
{
	static char line[256];
	FILE *f = file("control", "r");
	size_t n = strlen(word), m = second ? strlen(second) : 0;

	while (f && fgets(line, sizeof(line), f)) {
		char *rest = line;

		line[strcspn(line, "\n")] = 0;
		if (strncmp(rest, word, n) || (rest[n] && rest[n] != ' '))
			continue;
		rest += n + !!rest[n];
		if (second && (strncmp(rest, second, m) || (rest[m] && rest[m] != ' ')))
			continue;
		fclose(f);
		return second ? rest + m : rest;
	}
	if (f)
		fclose(f);
	return otherwise;
}

static bool is(const char *word, const char *value)
{
	return !strcmp(said(word, NULL, ""), value);
}

static long number(const char *word, long otherwise)
{
	const char *s = said(word, NULL, NULL);

	return s ? strtol(s, NULL, 0) : otherwise;
}

static void note(const char *what)
{
	FILE *f = file("log", "a");

	if (!f)
		return;
	fprintf(f, "%s\n", what);
	fclose(f);
}

/* What every function does first. CKR_OK: go on. */
static CK_RV enter(const char *name)
{
	const char *fail;

	note(name);
	if (said("hang", name, NULL)) {
		note("hangs");
		for (;;)
			pause();
	}
	if (said("crash", name, NULL)) {
		note("crashes");
		signal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
	}
	fail = said("fail", name, NULL);
	if (fail)
		return strtoul(fail, NULL, 0);
	if (!strcmp(name, "C_Initialize"))
		return CKR_OK;
	if (!initialized)
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	if (number("epoch", 0) != epoch && strcmp(name, "C_Finalize") != 0)
		return !strcmp(name, "C_Login") ? CKR_USER_ALREADY_LOGGED_IN : CKR_GENERAL_ERROR;
	return CKR_OK;
}

#define ENTER() do { CK_RV entered = enter(__func__); if (entered != CKR_OK) return entered; } while (0)
#define UNUSED __attribute__((unused))
#define API __attribute__((visibility("default")))

static long card(void)
{
	long now = number("card", 1);

	if (user != now)
		user = 0;
	return now;
}

static long tries(void)
{
	FILE *f = file("tries", "r");
	long n = number("tries", 3);

	if (f) {
		if (fscanf(f, "%ld", &n) != 1)
			n = 0;
		fclose(f);
	}
	return n;
}

static void set_tries(long n)
{
	FILE *f = file("tries", "w");

	if (!f)
		return;
	fprintf(f, "%ld\n", n);
	fclose(f);
}

static CK_RV session_of(CK_SESSION_HANDLE h, struct session **out)
{
	if (h < 1 || h > SESSIONS || !sessions[h].open)
		return CKR_SESSION_HANDLE_INVALID;
	*out = &sessions[h];
	return sessions[h].card == card() ? CKR_OK : CKR_DEVICE_REMOVED;
}

#define SESSION(s, h) struct session *s; do { CK_RV found = session_of(h, &(s)); if (found != CKR_OK) return found; } while (0)

static void blank(void *to, size_t size, const char *text)
{
	memset(to, ' ', size);
	memcpy(to, text, strnlen(text, size));
}

CK_RV C_Initialize(void *args UNUSED)
{
	ENTER();
	if (initialized)
		return CKR_CRYPTOKI_ALREADY_INITIALIZED;
	initialized = true;
	epoch = number("epoch", 0);
	last_card = card();
	return CKR_OK;
}

CK_RV C_Finalize(void *reserved UNUSED)
{
	ENTER();
	memset(sessions, 0, sizeof(sessions));
	initialized = false;
	user = 0;
	return CKR_OK;
}

CK_RV C_GetInfo(CK_INFO *info)
{
	ENTER();
	*info = (CK_INFO){ .cryptokiVersion = { 2, 40 } };
	blank(info->manufacturerID, sizeof(info->manufacturerID), "gapless");
	blank(info->libraryDescription, sizeof(info->libraryDescription), "mock");
	return CKR_OK;
}

static bool is_slot(CK_SLOT_ID slot)
{
	return slot == SLOT || (slot == SLOT + 1 && said("twin", NULL, NULL));
}

CK_RV C_GetSlotList(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *n)
{
	CK_ULONG have;
	bool any;

	ENTER();
	any = !present || card();
	have = !any ? 0 : is_slot(SLOT + 1) ? 2 : 1;
	if (list && *n < have)
		return CKR_BUFFER_TOO_SMALL;
	for (CK_ULONG i = 0; list && i < have; i++)
		list[i] = SLOT + i;
	*n = have;
	return CKR_OK;
}

CK_RV C_GetSlotInfo(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
	ENTER();
	if (!is_slot(slot))
		return CKR_SLOT_ID_INVALID;
	*info = (CK_SLOT_INFO){ .flags = CKF_REMOVABLE_DEVICE | CKF_HW_SLOT | (card() ? CKF_TOKEN_PRESENT : 0) };
	blank(info->slotDescription, sizeof(info->slotDescription), "Mock reader 00 00");
	blank(info->manufacturerID, sizeof(info->manufacturerID), "gapless");
	return CKR_OK;
}

static CK_FLAGS tries_flags(void)
{
	long left = tries();

	if (is("tells", "no") || left == number("tries", 3))
		return 0;
	if (!left)
		return CKF_USER_PIN_LOCKED;
	return left == 1 ? CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY : CKF_USER_PIN_COUNT_LOW;
}

CK_RV C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	ENTER();
	if (!is_slot(slot))
		return CKR_SLOT_ID_INVALID;
	if (!card())
		return CKR_TOKEN_NOT_PRESENT;
	*info = (CK_TOKEN_INFO){ .flags = CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED | tries_flags() };
	info->flags |= is("open", "yes") ? 0 : CKF_LOGIN_REQUIRED;
	info->flags |= said("pad", NULL, NULL) ? CKF_PROTECTED_AUTHENTICATION_PATH : 0;
	blank(info->label, sizeof(info->label), (slot == SLOT) != is("swapped", "yes") ? said("label", NULL, "mock") :
											 said("twin", NULL, "mock"));
	blank(info->manufacturerID, sizeof(info->manufacturerID), "gapless");
	blank(info->model, sizeof(info->model), "mock");
	blank(info->serialNumber, sizeof(info->serialNumber), said("serial", NULL, "0001"));
	return CKR_OK;
}

CK_RV C_GetMechanismList(CK_SLOT_ID slot UNUSED, CK_MECHANISM_TYPE *list, CK_ULONG *n)
{
	const CK_MECHANISM_TYPE all[] = { CKM_RSA_PKCS, CKM_ECDSA, CKM_RSA_PKCS_PSS };
	CK_ULONG have;

	ENTER();
	have = is("pss", "no") ? 2 : 3;
	if (list && *n < have)
		return CKR_BUFFER_TOO_SMALL;
	if (list)
		memcpy(list, all, have * sizeof(*all));
	*n = have;
	return CKR_OK;
}

CK_RV C_GetMechanismInfo(CK_SLOT_ID slot UNUSED, CK_MECHANISM_TYPE type UNUSED, CK_MECHANISM_INFO *info)
{
	ENTER();
	*info = (CK_MECHANISM_INFO){ 256, 4096, CKF_SIGN };
	return CKR_OK;
}

CK_RV C_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags UNUSED, void *app UNUSED, CK_NOTIFY notify UNUSED, CK_SESSION_HANDLE *h)
{
	ENTER();
	if (!is_slot(slot))
		return CKR_SLOT_ID_INVALID;
	if (!card())
		return CKR_TOKEN_NOT_PRESENT;
	for (*h = 1; *h <= SESSIONS; ++*h)
		if (!sessions[*h].open) {
			sessions[*h] = (struct session){ .open = true, .card = card(), .slot = slot };
			return CKR_OK;
		}
	return CKR_SESSION_COUNT;
}

CK_RV C_CloseSession(CK_SESSION_HANDLE h)
{
	bool others = false;

	ENTER();
	if (h < 1 || h > SESSIONS || !sessions[h].open)
		return CKR_SESSION_HANDLE_INVALID;
	sessions[h].open = false;
	for (int i = 1; i <= SESSIONS; i++)
		others |= sessions[i].open;
	if (!others)
		user = 0;
	return CKR_OK;
}

CK_RV C_CloseAllSessions(CK_SLOT_ID slot UNUSED)
{
	ENTER();
	memset(sessions, 0, sizeof(sessions));
	user = 0;
	return CKR_OK;
}

CK_RV C_GetSessionInfo(CK_SESSION_HANDLE h, CK_SESSION_INFO *info)
{
	ENTER();
	SESSION(s, h);
	*info = (CK_SESSION_INFO){ s->slot, user ? CKS_RO_USER_FUNCTIONS : CKS_RO_PUBLIC_SESSION, CKF_SERIAL_SESSION, 0 };
	return s->open ? CKR_OK : CKR_SESSION_HANDLE_INVALID;
}

/* Whoever types at the pad. */
static CK_RV pad(void)
{
	if (is("pad", "wait"))
		note("pad waits");
	while (is("pad", "wait"))
		usleep(2000);
	if (is("pad", "cancel"))
		return CKR_FUNCTION_CANCELED;
	return is("pad", "ok") ? CKR_OK : CKR_PIN_INCORRECT;
}

static CK_RV verify(const CK_UTF8CHAR *pin, CK_ULONG n)
{
	CK_RV rv = CKR_PIN_INCORRECT;
	char right[64];

	snprintf(right, sizeof(right), "%s", said("pin", NULL, "1234"));
	if (!tries())
		return (CK_RV)number("lock-says", CKR_PIN_LOCKED);
	if (said("pad", NULL, NULL) && !pin)
		rv = pad();
	else if (!pin)
		return CKR_ARGUMENTS_BAD;
	else if (!said("pad", NULL, NULL))
		rv = n == strlen(right) && !memcmp(pin, right, n) ? CKR_OK : CKR_PIN_INCORRECT;
	if (rv == CKR_OK)
		set_tries(number("tries", 3));
	if (rv != CKR_PIN_INCORRECT)
		return rv;
	set_tries(tries() - 1);
	if (!tries())
		return (CK_RV)number("lock-says", CKR_PIN_LOCKED);
	return (CK_RV)number("wrong-says", CKR_PIN_INCORRECT);
}

CK_RV C_Login(CK_SESSION_HANDLE h, CK_USER_TYPE who, CK_UTF8CHAR *pin, CK_ULONG n)
{
	CK_RV rv;

	ENTER();
	SESSION(s, h);
	note(pin ? "PIN given" : "no PIN given");
	if (who == CKU_CONTEXT_SPECIFIC) {
		if (!s->signing)
			return CKR_OPERATION_NOT_INITIALIZED;
		rv = verify(pin, n);
		s->allowed = rv == CKR_OK;
		return rv;
	}
	if (who != CKU_USER)
		return CKR_USER_TYPE_INVALID;
	if (user)
		return CKR_USER_ALREADY_LOGGED_IN;
	rv = verify(pin, n);
	if (rv == CKR_OK)
		user = card();
	return rv;
}

CK_RV C_Logout(CK_SESSION_HANDLE h)
{
	ENTER();
	SESSION(s, h);
	if (!user || !s->open)
		return CKR_USER_NOT_LOGGED_IN;
	user = 0;
	return CKR_OK;
}

static EVP_PKEY *key_of(int object)
{
	static const char *const names[OBJECTS] = {
		[RSA_PRIVATE] = "rsa.pem", [RSA_PUBLIC] = "rsa.pem", [RSA_CERT] = "rsa.der", [TWIN_PRIVATE] = "twin.pem",
		[EC_PRIVATE] = "ec.pem", [EC_PUBLIC] = "ec.pem", [EC_CERT] = "ec.der",
	};
	FILE *f = object > NONE && object < OBJECTS ? file(names[object], "r") : NULL;
	EVP_PKEY *k = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;

	if (f)
		fclose(f);
	return k;
}

static CK_OBJECT_CLASS class_of(int object)
{
	if (object == RSA_CERT || object == EC_CERT)
		return CKO_CERTIFICATE;
	return object == RSA_PUBLIC || object == EC_PUBLIC ? CKO_PUBLIC_KEY : CKO_PRIVATE_KEY;
}

static bool exists(int object)
{
	EVP_PKEY *k;
	FILE *f;

	switch (class_of(object)) {
	case CKO_CERTIFICATE:
		f = file(object == RSA_CERT ? "rsa.der" : "ec.der", "r");
		if (f)
			fclose(f);
		return f;
	case CKO_PUBLIC_KEY:
		if (is("public", "no"))
			return false;
		break;
	default:
		if (!user && !is("open", "yes") && !is("private", "shown") && !is("private", "open"))
			return false;
	}
	k = key_of(object);
	EVP_PKEY_free(k);
	return k;
}

static size_t put_ulong(CK_ULONG n, unsigned char *out)
{
	memcpy(out, &n, sizeof(n));
	return sizeof(n);
}

static size_t put_number(EVP_PKEY *k, const char *name, unsigned char *out)
{
	BIGNUM *n = NULL;
	size_t len = 0;

	if (k && EVP_PKEY_get_bn_param(k, name, &n) == 1)
		len = (size_t)BN_bn2bin(n, out);
	BN_free(n);
	return len;
}

static size_t put_params(EVP_PKEY *k, unsigned char *out)
{
	char name[64];
	ASN1_OBJECT *oid;
	int n;

	if (EVP_PKEY_get_group_name(k, name, sizeof(name), NULL) != 1)
		return 0;
	oid = OBJ_nid2obj(OBJ_sn2nid(name));
	n = i2d_ASN1_OBJECT(oid, &out);
	return n > 0 ? (size_t)n : 0;
}

static size_t put_point(EVP_PKEY *k, unsigned char *out)
{
	ASN1_OCTET_STRING *s = ASN1_OCTET_STRING_new();
	unsigned char point[256];
	size_t n = 0;
	int len = 0;

	if (EVP_PKEY_get_octet_string_param(k, "pub", point, sizeof(point), &n) == 1 && ASN1_OCTET_STRING_set(s, point, (int)n))
		len = i2d_ASN1_OCTET_STRING(s, &out);
	ASN1_OCTET_STRING_free(s);
	return len > 0 ? (size_t)len : 0;
}

static size_t put_file(const char *name, unsigned char *out)
{
	FILE *f = file(name, "r");
	size_t n = f ? fread(out, 1, VALUE_MAX, f) : 0;

	if (f)
		fclose(f);
	return n;
}

/* Bytes of an attribute; 0: there is none. */
static size_t value_of(int o, CK_ATTRIBUTE_TYPE type, EVP_PKEY *k, unsigned char *out)
{
	const bool rsa = o <= RSA_CERT, cert = class_of(o) == CKO_CERTIFICATE, private = class_of(o) == CKO_PRIVATE_KEY;

	switch (type) {
	case CKA_CLASS:
		return put_ulong(class_of(o), out);
	case CKA_KEY_TYPE:
		return cert ? 0 : put_ulong(rsa ? CKK_RSA : CKK_EC, out);
	case CKA_ID:
		*out = rsa ? 1 : 2;
		return 1;
	case CKA_LABEL:
		memcpy(out, rsa ? "rsa key" : "ec key", 7);
		return rsa ? 7 : 6;
	case CKA_ALWAYS_AUTHENTICATE:
		*out = is("always", "yes");
		return private;
	case CKA_PRIVATE:
		*out = !is("private", "open");
		return private;
	case CKA_SIGN:
		*out = CK_TRUE;
		return private;
	case CKA_VALUE:
		return cert ? put_file(rsa ? "rsa.der" : "ec.der", out) : 0;
	case CKA_MODULUS:
		return put_number(rsa && !cert ? k : NULL, "n", out);
	case CKA_PUBLIC_EXPONENT:
		return put_number(rsa && !cert ? k : NULL, "e", out);
	case CKA_EC_PARAMS:
		return !rsa && !cert ? put_params(k, out) : 0;
	case CKA_EC_POINT:
		return o == EC_PUBLIC ? put_point(k, out) : 0;
	default:
		return 0;
	}
}

static CK_RV get_one(int o, CK_ATTRIBUTE *a)
{
	static unsigned char value[VALUE_MAX];
	EVP_PKEY *k = class_of(o) == CKO_CERTIFICATE ? NULL : key_of(o);
	size_t n = value_of(o, a->type, k, value), room = a->ulValueLen;

	EVP_PKEY_free(k);
	a->ulValueLen = n ? n : CK_UNAVAILABLE_INFORMATION;
	if (!n)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	if (!a->pValue)
		return CKR_OK;
	if (room < n) {
		a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return CKR_BUFFER_TOO_SMALL;
	}
	memcpy(a->pValue, value, n);
	return CKR_OK;
}

CK_RV C_GetAttributeValue(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *template, CK_ULONG n)
{
	CK_RV rv = CKR_OK, one;

	ENTER();
	SESSION(s, h);
	if (o <= NONE || o >= OBJECTS || !exists((int)o) || !s->open)
		return CKR_OBJECT_HANDLE_INVALID;
	for (CK_ULONG i = 0; i < n; i++) {
		one = get_one((int)o, &template[i]);
		rv = one == CKR_OK ? rv : one;
	}
	return rv;
}

CK_RV C_FindObjectsInit(CK_SESSION_HANDLE h, CK_ATTRIBUTE *template, CK_ULONG n)
{
	ENTER();
	SESSION(s, h);
	if (s->finding)
		return CKR_OPERATION_ACTIVE;
	s->finding = true;
	s->next = NONE + 1;
	s->has_class = s->has_type = s->has_id = false;
	for (CK_ULONG i = 0; i < n; i++) {
		if (template[i].type == CKA_CLASS) {
			memcpy(&s->class, template[i].pValue, sizeof(s->class));
			s->has_class = true;
		} else if (template[i].type == CKA_KEY_TYPE) {
			memcpy(&s->type, template[i].pValue, sizeof(s->type));
			s->has_type = true;
		} else if (template[i].type == CKA_ID && template[i].ulValueLen == 1) {
			memcpy(&s->id, template[i].pValue, 1);
			s->has_id = true;
		}
	}
	return CKR_OK;
}

static bool wanted(const struct session *s, int o)
{
	bool rsa = o <= RSA_CERT;

	return exists(o) && (!s->has_class || class_of(o) == s->class) &&
	       (!s->has_type || s->type == (rsa ? CKK_RSA : CKK_EC)) && (!s->has_id || s->id == (rsa ? 1 : 2));
}

/* One at a time: callers that take the first answer for all are found out. */
CK_RV C_FindObjects(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE *out, CK_ULONG room, CK_ULONG *n)
{
	ENTER();
	SESSION(s, h);
	*n = 0;
	if (!s->finding)
		return CKR_OPERATION_NOT_INITIALIZED;
	for (; s->next < OBJECTS && room && !*n; s->next++)
		if (wanted(s, s->next)) {
			*out = (CK_OBJECT_HANDLE)s->next;
			*n = 1;
		}
	return CKR_OK;
}

CK_RV C_FindObjectsFinal(CK_SESSION_HANDLE h)
{
	ENTER();
	SESSION(s, h);
	s->finding = false;
	return CKR_OK;
}

CK_RV C_SignInit(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE o)
{
	ENTER();
	SESSION(s, h);
	if (s->signing)
		return CKR_OPERATION_ACTIVE;
	if (o <= NONE || o >= OBJECTS || !exists((int)o) || class_of((int)o) != CKO_PRIVATE_KEY)
		return CKR_KEY_HANDLE_INVALID;
	if ((m->mechanism == CKM_ECDSA) != (o >= TWIN_PRIVATE))
		return CKR_KEY_TYPE_INCONSISTENT;
	if (m->mechanism == CKM_RSA_PKCS_PSS && is("pss", "no"))
		return CKR_MECHANISM_INVALID;
	s->mechanism = *m;
	if (m->mechanism == CKM_RSA_PKCS_PSS)
		memcpy(&s->pss, m->pParameter, sizeof(s->pss));
	s->key = (int)o;
	s->signing = true;
	s->allowed = !is("always", "yes");
	return CKR_OK;
}

static int set_pss(EVP_PKEY_CTX *ctx, const CK_RSA_PKCS_PSS_PARAMS *p)
{
	const EVP_MD *md = p->hashAlg == CKM_SHA256 ? EVP_sha256() : p->hashAlg == CKM_SHA384 ? EVP_sha384() : EVP_sha512();

	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 && EVP_PKEY_CTX_set_signature_md(ctx, md) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)p->sLen) == 1;
}

/* DER to halves, each with a zero in front if wide. */
static size_t halves(unsigned char *sig, size_t n, int half)
{
	const unsigned char *p = sig;
	ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &p, (long)n);

	half += is("ec", "wide");
	BN_bn2binpad(ECDSA_SIG_get0_r(s), sig, half);
	BN_bn2binpad(ECDSA_SIG_get0_s(s), sig + half, half);
	ECDSA_SIG_free(s);
	return 2 * (size_t)half;
}

static CK_RV make(const struct session *s, const unsigned char *data, CK_ULONG ndata, unsigned char *out, CK_ULONG *n)
{
	EVP_PKEY *k = key_of(s->key);
	EVP_PKEY_CTX *ctx = k ? EVP_PKEY_CTX_new(k, NULL) : NULL;
	unsigned char sig[1200];
	size_t len = sizeof(sig);
	int ok = ctx && EVP_PKEY_sign_init(ctx) == 1;

	if (ok && s->mechanism.mechanism == CKM_RSA_PKCS_PSS)
		ok = set_pss(ctx, &s->pss);
	else if (ok && s->mechanism.mechanism == CKM_RSA_PKCS)
		ok = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
	ok = ok && EVP_PKEY_sign(ctx, sig, &len, data, ndata) == 1;
	if (ok && s->mechanism.mechanism == CKM_ECDSA && !is("ec", "der"))
		len = halves(sig, len, (EVP_PKEY_get_bits(k) + 7) / 8);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(k);
	if (!ok)
		return CKR_FUNCTION_FAILED;
	sig[len / 2] ^= is("bad", "yes");
	if (*n < len)
		return CKR_BUFFER_TOO_SMALL;
	memcpy(out, sig, len);
	*n = len;
	return CKR_OK;
}

CK_RV C_Sign(CK_SESSION_HANDLE h, CK_BYTE *data, CK_ULONG ndata, CK_BYTE *out, CK_ULONG *n)
{
	ENTER();
	SESSION(s, h);
	if (!s->signing)
		return CKR_OPERATION_NOT_INITIALIZED;
	s->signing = false;
	if (!s->allowed || (!user && !is("open", "yes") && !is("private", "open")))
		return CKR_USER_NOT_LOGGED_IN;
	return make(s, data, ndata, out, n);
}

CK_RV C_WaitForSlotEvent(CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved UNUSED)
{
	ENTER();
	if (is("events", "none") || (is("events", "poll") && !(flags & CKF_DONT_BLOCK)))
		return CKR_FUNCTION_NOT_SUPPORTED;
	while (card() == last_card) {
		if (flags & CKF_DONT_BLOCK)
			return CKR_NO_EVENT;
		usleep(2000);
	}
	last_card = card();
	*slot = SLOT;
	return CKR_OK;
}

static const CK_ATTRIBUTE *attr_of(const CK_ATTRIBUTE *t, CK_ULONG n, CK_ATTRIBUTE_TYPE type)
{
	for (CK_ULONG i = 0; i < n; i++)
		if (t[i].type == type)
			return &t[i];
	return NULL;
}

/* Nobody sees half of it, whoever owns the one that was there. */
static bool replace(const char *name, const void *bytes, size_t n)
{
	char from[512], to[512];
	const char *dir = getenv("MOCK_P11_DIR");
	FILE *f = file("new", "w");
	bool good = f && fwrite(bytes, 1, n, f) == n;

	if (f)
		fclose(f);
	snprintf(from, sizeof(from), "%s/new", dir ? dir : ".");
	snprintf(to, sizeof(to), "%s/%s", dir ? dir : ".", name);
	return good && !rename(from, to);
}

/* In the place of the one that is there, as cards do that have a place for each: the handles stay. */
CK_RV C_GenerateKeyPair(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_ATTRIBUTE *pub UNUSED, CK_ULONG npub UNUSED, CK_ATTRIBUTE *priv UNUSED,
			CK_ULONG npriv UNUSED, CK_OBJECT_HANDLE *public, CK_OBJECT_HANDLE *private)
{
	bool rsa = m->mechanism == CKM_RSA_PKCS_KEY_PAIR_GEN;
	EVP_PKEY *k;
	BIO *b;
	char *pem;
	long n;

	ENTER();
	SESSION(s, h);
	if (!user && !is("open", "yes"))
		return CKR_USER_NOT_LOGGED_IN;
	if (is("makes", "nothing") || !s->open)
		return CKR_OK;
	k = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
	b = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey(b, k, NULL, NULL, 0, NULL, NULL);
	n = BIO_get_mem_data(b, &pem);
	*public = rsa ? RSA_PUBLIC : EC_PUBLIC;
	*private = rsa ? RSA_PRIVATE : EC_PRIVATE;
	n = replace(rsa ? "rsa.pem" : "ec.pem", pem, (size_t)n);
	BIO_free(b);
	EVP_PKEY_free(k);
	return n ? CKR_OK : CKR_DEVICE_ERROR;
}

CK_RV C_CreateObject(CK_SESSION_HANDLE h, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *out)
{
	const CK_ATTRIBUTE *id = attr_of(t, n, CKA_ID), *value = attr_of(t, n, CKA_VALUE);
	bool rsa;

	ENTER();
	SESSION(s, h);
	if (!s->open || !id || id->ulValueLen != 1 || !value)
		return CKR_TEMPLATE_INCOMPLETE;
	rsa = *(const unsigned char *)id->pValue == 1;
	*out = rsa ? RSA_CERT : EC_CERT;
	return replace(rsa ? "rsa.der" : "ec.der", value->pValue, value->ulValueLen) ? CKR_OK : CKR_DEVICE_ERROR;
}

CK_RV C_DestroyObject(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o)
{
	char path[512];
	const char *dir = getenv("MOCK_P11_DIR");

	ENTER();
	SESSION(s, h);
	if (!s->open || (o != RSA_CERT && o != EC_CERT))
		return CKR_FUNCTION_FAILED;
	snprintf(path, sizeof(path), "%s/%s", dir ? dir : ".", o == RSA_CERT ? "rsa.der" : "ec.der");
	return unlink(path) ? CKR_OBJECT_HANDLE_INVALID : CKR_OK;
}

static CK_FUNCTION_LIST list = {
	.version = { 2, 40 },
	.C_Initialize = C_Initialize,
	.C_Finalize = C_Finalize,
	.C_GetInfo = C_GetInfo,
	.C_GetFunctionList = C_GetFunctionList,
	.C_GetSlotList = C_GetSlotList,
	.C_GetSlotInfo = C_GetSlotInfo,
	.C_GetTokenInfo = C_GetTokenInfo,
	.C_GetMechanismList = C_GetMechanismList,
	.C_GetMechanismInfo = C_GetMechanismInfo,
	.C_OpenSession = C_OpenSession,
	.C_CloseSession = C_CloseSession,
	.C_CloseAllSessions = C_CloseAllSessions,
	.C_GetSessionInfo = C_GetSessionInfo,
	.C_Login = C_Login,
	.C_Logout = C_Logout,
	.C_GetAttributeValue = C_GetAttributeValue,
	.C_FindObjectsInit = C_FindObjectsInit,
	.C_FindObjects = C_FindObjects,
	.C_FindObjectsFinal = C_FindObjectsFinal,
	.C_SignInit = C_SignInit,
	.C_Sign = C_Sign,
	.C_WaitForSlotEvent = C_WaitForSlotEvent,
	.C_GenerateKeyPair = C_GenerateKeyPair,
	.C_CreateObject = C_CreateObject,
	.C_DestroyObject = C_DestroyObject,
};

API CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out)
{
	*out = &list;
	return CKR_OK;
}
