// SPDX-License-Identifier: MIT
// What an AlgorithmIdentifier means. Equal ones may differ in their bytes: the NULL of a hash's parameters may be left away (RFC 4055 2.1).
#include "keyd/crypto/sig_algid.h"

#include <openssl/asn1.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define ALGID_MAX 256	/* bytes; the length is one byte in an AUTH payload (RFC 7427 3) */

static bool no_parameters(int type)
{
	return type == V_ASN1_UNDEF || type == V_ASN1_NULL;
}

/* An algorithm without parameters; -1: with some. */
static int plain(const X509_ALGOR *a)
{
	const ASN1_OBJECT *oid;
	int type;

	X509_ALGOR_get0(&oid, &type, NULL, a);
	return no_parameters(type) ? OBJ_obj2nid(oid) : -1;
}

/* The hash that MGF1 uses; -1: another mask generation function, or an odd hash. */
static int mgf_hash(const X509_ALGOR *mgf)
{
	const ASN1_OBJECT *oid;
	const void *param;
	X509_ALGOR *hash;
	int type, nid;

	X509_ALGOR_get0(&oid, &type, &param, mgf);
	if (OBJ_obj2nid(oid) != NID_mgf1 || type != V_ASN1_SEQUENCE)
		return -1;
	hash = ASN1_item_unpack(param, ASN1_ITEM_rptr(X509_ALGOR));
	nid = hash ? plain(hash) : -1;
	X509_ALGOR_free(hash);
	return nid;
}

/* The defaults of RSASSA-PSS-params, all of SHA-1, are no scheme of ours: each field must be there. */
static int pss(int type, const void *param, struct sig_algid *out)
{
	RSA_PSS_PARAMS *p = type == V_ASN1_SEQUENCE ? ASN1_item_unpack(param, ASN1_ITEM_rptr(RSA_PSS_PARAMS)) : NULL;
	int r = -1;

	if (p && p->hashAlgorithm && p->maskGenAlgorithm && p->saltLength &&
	    (!p->trailerField || ASN1_INTEGER_get(p->trailerField) == 1)) {
		out->hash = plain(p->hashAlgorithm);
		out->mgf_hash = mgf_hash(p->maskGenAlgorithm);
		out->salt = ASN1_INTEGER_get(p->saltLength);
		r = out->hash > 0 && out->mgf_hash > 0 ? 0 : -1;
	}
	RSA_PSS_PARAMS_free(p);
	return r;
}

int sig_algid_get(struct view der, struct sig_algid *out)
{
	const uint8_t *p = der.p;
	X509_ALGOR *a = der.n && der.n < ALGID_MAX ? d2i_X509_ALGOR(NULL, &p, (long)der.n) : NULL;
	const ASN1_OBJECT *oid;
	const void *param;
	int type, r = -1;

	*out = (struct sig_algid){ 0 };
	if (a && p == der.p + der.n) {
		X509_ALGOR_get0(&oid, &type, &param, a);
		out->algorithm = OBJ_obj2nid(oid);
		if (out->algorithm == NID_rsassaPss)
			r = pss(type, param, out);
		else
			r = out->algorithm != NID_undef && no_parameters(type) ? 0 : -1;
	}
	X509_ALGOR_free(a);
	return r;
}

bool sig_algid_equal(const struct sig_algid *a, const struct sig_algid *b)
{
	return a->algorithm == b->algorithm && a->hash == b->hash && a->mgf_hash == b->mgf_hash && a->salt == b->salt;
}
