// SPDX-License-Identifier: MIT
// PKCS#12. Walked by hand: how often a passphrase is hashed stands in the file, and is looked at before it is done.
#include "keyd/crypto/p12.h"

#include "keyd/crypto/cert_evp.h"
#include "keyd/crypto/key_evp.h"

#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>

#define SAFES_MAX 16	/* of one file */
#define BAGS_MAX 256	/* in one of them */
#define PASSPHRASE_MAX 1024

/* What is taken out of the file. */
struct p12 {
	const char *pass;	/* NULL: there is none at all, which is not the same as an empty one */
	int npass;
	uint64_t rounds;
	EVP_PKEY *pkey;
	STACK_OF(X509) *certs;
};

const char *crypto_p12_strerror(int error)
{
	switch (error) {
	case CRYPTO_P12_LEGACY:
		return "it is encrypted with RC2, which OpenSSL has only in its legacy provider, and that is not installed";
	case CRYPTO_P12_CERT:
		return "a certificate in it is damaged or too big, or there are too many of them";
	case CRYPTO_P12_COSTLY:
		return "its passphrase would have to be hashed more often than is reasonable";
	case CRYPTO_P12_UNSUPPORTED:
		return "it holds a key or is encrypted in a way that is not supported";
	default:
		return crypto_key_strerror(error);
	}
}

/* NULL: it is none, or something follows it. */
static PKCS12 *parse(struct view bytes)
{
	const uint8_t *p = bytes.p;
	PKCS12 *p12 = bytes.n && bytes.n <= CRYPTO_P12_MAX && crypto_is_der(bytes) ? d2i_PKCS12(NULL, &p, (long)bytes.n) : NULL;

	if (p12 && p != bytes.p + bytes.n) {
		PKCS12_free(p12);
		p12 = NULL;
	}
	ERR_clear_error();
	return p12;
}

bool crypto_is_p12(struct view bytes)
{
	PKCS12 *p12 = parse(bytes);

	PKCS12_free(p12);
	return p12;
}

/* How often the key is hashed out of the passphrase; 0: it does not say. PBES2 (RFC 8018 6.2), or PKCS#12's own (RFC 7292 C). */
static uint64_t rounds_of(const X509_ALGOR *a)
{
	const ASN1_OBJECT *oid;
	const void *param;
	PBE2PARAM *pbe2 = NULL;
	PBKDF2PARAM *kdf = NULL;
	PBEPARAM *pbe = NULL;
	uint64_t n = 0;
	int type;

	X509_ALGOR_get0(&oid, &type, &param, a);
	if (type != V_ASN1_SEQUENCE)
		return 0;
	if (OBJ_obj2nid(oid) == NID_pbes2) {
		pbe2 = ASN1_item_unpack(param, ASN1_ITEM_rptr(PBE2PARAM));
		if (pbe2 && OBJ_obj2nid(pbe2->keyfunc->algorithm) == NID_id_pbkdf2 && pbe2->keyfunc->parameter &&
		    pbe2->keyfunc->parameter->type == V_ASN1_SEQUENCE)
			kdf = ASN1_item_unpack(pbe2->keyfunc->parameter->value.sequence, ASN1_ITEM_rptr(PBKDF2PARAM));
		if (!kdf || ASN1_INTEGER_get_uint64(&n, kdf->iter) != 1)
			n = 0;
	} else {
		pbe = ASN1_item_unpack(param, ASN1_ITEM_rptr(PBEPARAM));
		if (!pbe || ASN1_INTEGER_get_uint64(&n, pbe->iter) != 1)
			n = 0;
	}
	PBE2PARAM_free(pbe2);
	PBKDF2PARAM_free(kdf);
	PBEPARAM_free(pbe);
	return n;
}

/* 0, or an error: it would cost too much to find out, or is encrypted in some other way. */
static int afford(struct p12 *p, uint64_t rounds)
{
	if (!rounds)
		return CRYPTO_P12_UNSUPPORTED;
	if (rounds > CRYPTO_P12_ROUNDS_MAX || (p->rounds += rounds) > CRYPTO_P12_ROUNDS_MAX)
		return CRYPTO_P12_COSTLY;
	return 0;
}

/* Why something could not be decrypted. */
static int undecrypted(void)
{
	int r = CRYPTO_P12_PASSPHRASE;
	unsigned long e;

	while ((e = ERR_get_error())) {
		int reason = ERR_GET_REASON(e);

		if (reason == ERR_R_UNSUPPORTED || reason == EVP_R_UNKNOWN_PBE_ALGORITHM || reason == EVP_R_UNSUPPORTED_ALGORITHM ||
		    reason == EVP_R_UNSUPPORTED_CIPHER)
			r = CRYPTO_P12_UNSUPPORTED;
	}
	return r;
}

static int take_key(struct p12 *p, const PKCS8_PRIV_KEY_INFO *info)
{
	if (!info || p->pkey)	/* one is what we are asked for */
		return info ? 0 : CRYPTO_P12_MALFORMED;
	p->pkey = EVP_PKCS82PKEY(info);
	return p->pkey ? 0 : CRYPTO_P12_UNSUPPORTED;
}

static int take_encrypted_key(struct p12 *p, const PKCS12_SAFEBAG *bag)
{
	const X509_SIG *sig = PKCS12_SAFEBAG_get0_pkcs8(bag);
	const X509_ALGOR *algor;
	PKCS8_PRIV_KEY_INFO *info;
	int r;

	X509_SIG_get0(sig, &algor, NULL);
	r = afford(p, rounds_of(algor));
	if (r)
		return r;
	info = PKCS8_decrypt(sig, p->pass, p->npass);
	r = info ? take_key(p, info) : undecrypted();
	PKCS8_PRIV_KEY_INFO_free(info);
	return r;
}

static int take_cert(struct p12 *p, const PKCS12_SAFEBAG *bag)
{
	X509 *x;

	if (PKCS12_SAFEBAG_get_bag_nid(bag) != NID_x509Certificate)
		return 0;
	x = sk_X509_num(p->certs) < CRYPTO_P12_CERTS_MAX ? PKCS12_SAFEBAG_get1_cert(bag) : NULL;
	if (x && sk_X509_push(p->certs, x) > 0)
		return 0;
	X509_free(x);
	return CRYPTO_P12_CERT;
}

/* Bags of other kinds, such as CRLs and bags in bags, are of no use to us. */
static int take_bags(struct p12 *p, const STACK_OF(PKCS12_SAFEBAG) *bags)
{
	int r = sk_PKCS12_SAFEBAG_num(bags) > BAGS_MAX ? CRYPTO_P12_MALFORMED : 0;

	for (int i = 0; !r && i < sk_PKCS12_SAFEBAG_num(bags); i++) {
		const PKCS12_SAFEBAG *bag = sk_PKCS12_SAFEBAG_value(bags, i);
		int nid = PKCS12_SAFEBAG_get_nid(bag);

		if (nid == NID_keyBag)
			r = take_key(p, PKCS12_SAFEBAG_get0_p8inf(bag));
		else if (nid == NID_pkcs8ShroudedKeyBag)
			r = take_encrypted_key(p, bag);
		else if (nid == NID_certBag)
			r = take_cert(p, bag);
	}
	return r;
}

static int take_safe(struct p12 *p, PKCS7 *safe)
{
	STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
	int nid = OBJ_obj2nid(safe->type), r = 0;

	if (nid == NID_pkcs7_data) {
		bags = PKCS12_unpack_p7data(safe);
		r = bags ? 0 : CRYPTO_P12_MALFORMED;
	} else if (nid == NID_pkcs7_encrypted) {
		if (!safe->d.encrypted || !safe->d.encrypted->enc_data || !safe->d.encrypted->enc_data->algorithm)
			return CRYPTO_P12_MALFORMED;
		r = afford(p, rounds_of(safe->d.encrypted->enc_data->algorithm));
		if (!r) {
			bags = PKCS12_unpack_p7encdata(safe, p->pass, p->npass);
			r = bags ? 0 : undecrypted();
		}
	}
	if (bags)
		r = take_bags(p, bags);
	sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
	return r;
}

/* Some write an empty passphrase as two zero bytes, some as nothing. */
static int check_mac(struct p12 *p, PKCS12 *p12)
{
	const ASN1_INTEGER *iter;
	uint64_t rounds = 1;
	int r;

	if (!PKCS12_mac_present(p12))
		return 0;
	PKCS12_get0_mac(NULL, NULL, NULL, &iter, p12);
	r = iter && ASN1_INTEGER_get_uint64(&rounds, iter) != 1 ? CRYPTO_P12_MALFORMED : afford(p, rounds);
	if (r)
		return r;
	if (PKCS12_verify_mac(p12, p->pass, p->npass) == 1)
		return 0;
	if (!p->npass && PKCS12_verify_mac(p12, NULL, 0) == 1) {
		p->pass = NULL;
		return 0;
	}
	return undecrypted();
}

static int take_all(struct p12 *p, PKCS12 *p12)
{
	STACK_OF(PKCS7) *safes;
	int r = check_mac(p, p12);

	if (r)
		return r;
	safes = PKCS12_unpack_authsafes(p12);
	if (!safes || sk_PKCS7_num(safes) > SAFES_MAX)
		r = CRYPTO_P12_MALFORMED;
	for (int i = 0; !r && i < sk_PKCS7_num(safes); i++)
		r = take_safe(p, sk_PKCS7_value(safes, i));
	sk_PKCS7_pop_free(safes, PKCS7_free);
	return r;
}

static void forget(struct p12 *p)
{
	EVP_PKEY_free(p->pkey);
	p->pkey = NULL;
	sk_X509_pop_free(p->certs, X509_free);
	p->certs = NULL;
}

static int attempt(struct p12 *p, PKCS12 *p12)
{
	int r;

	p->certs = sk_X509_new_null();
	p->rounds = 0;
	r = p->certs ? take_all(p, p12) : CRYPTO_P12_FAILED;
	if (r)
		forget(p);
	ERR_clear_error();
	return r;
}

/* What OpenSSL 1.1 and older ones made, RC2 with 40 bits, only another provider can read: it is there for this one file. */
static int attempt_legacy(struct p12 *p, PKCS12 *p12)
{
	OSSL_PROVIDER *legacy = OSSL_PROVIDER_try_load(NULL, "legacy", 1);
	int r = legacy ? attempt(p, p12) : CRYPTO_P12_LEGACY;

	OSSL_PROVIDER_unload(legacy);
	ERR_clear_error();
	return r;
}

/* The certificate of the key comes first. */
static int give(struct p12 *p, int (*fn)(void *arg, struct crypto_cert *c), void *arg)
{
	int own = -1, r = 0;

	for (int i = 0; p->pkey && own < 0 && i < sk_X509_num(p->certs); i++)
		if (X509_check_private_key(sk_X509_value(p->certs, i), p->pkey) == 1)
			own = i;
	for (int i = own < 0 ? 0 : -1; !r && i < sk_X509_num(p->certs); i++) {
		X509 *x = sk_X509_value(p->certs, i < 0 ? own : i);
		struct crypto_cert *c;

		if (i >= 0 && i == own)
			continue;
		r = X509_up_ref(x) == 1 ? crypto_cert_of_evp(&c, x) : CRYPTO_P12_FAILED;
		r = r ? CRYPTO_P12_CERT : fn(arg, c);
	}
	ERR_clear_error();
	return r;
}

int crypto_p12_load(struct crypto_key **key, struct view bytes, struct view passphrase,
		    int (*fn)(void *arg, struct crypto_cert *c), void *arg)
{
	struct p12 p = { .pass = passphrase.n ? (const char *)passphrase.p : "", .npass = (int)passphrase.n };
	PKCS12 *p12 = passphrase.n <= PASSPHRASE_MAX ? parse(bytes) : NULL;
	EVP_PKEY *pkey;
	int r;

	*key = NULL;
	if (!p12)
		return passphrase.n <= PASSPHRASE_MAX ? CRYPTO_P12_MALFORMED : CRYPTO_P12_PASSPHRASE;
	r = attempt(&p, p12);
	if (r == CRYPTO_P12_UNSUPPORTED)
		r = attempt_legacy(&p, p12);
	if (!r)
		r = give(&p, fn, arg);
	pkey = p.pkey;
	p.pkey = NULL;
	if (!r && pkey)
		r = crypto_key_of_evp(key, pkey, true);
	else
		EVP_PKEY_free(pkey);
	forget(&p);
	PKCS12_free(p12);
	return r;
}
