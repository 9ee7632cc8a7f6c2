// SPDX-License-Identifier: MIT
// The algorithm table. Identifiers: IANA "IKEv2 Parameters", "IPSEC registry"; kernel names: net/xfrm/xfrm_algo.c.
#include "keyd/crypto/alg.h"

#include "keyd/crypto/evp.h"

#include <strings.h>

#define ENCR_AES_GCM(bits, icv_len, id)									\
	{ .kind = CRYPTO_ENCR, .name = "aes" #bits "gcm" #icv_len, .kernel_name = "rfc4106(gcm(aes))",	\
	  .evp_name = "AES-" #bits "-GCM", .aead = true, .ikev2_id = id, .ikev1_esp_id = id, .key_bits = bits, \
	  .key = bits / 8, .salt = 4, .iv = 8, .icv = icv_len, .icv_bits = icv_len * 8, .block = 1 }
#define ENCR_AES_CBC(bits)										\
	{ .kind = CRYPTO_ENCR, .name = "aes" #bits, .kernel_name = "cbc(aes)", .evp_name = "AES-" #bits "-CBC", \
	  .ikev2_id = 12, .ikev1_id = 7, .ikev1_esp_id = 12, .key_bits = bits, .key = bits / 8, .iv = 16, .block = 16 }
#define ENCR_AES_CTR(bits)										\
	{ .kind = CRYPTO_ENCR, .name = "aes" #bits "ctr", .kernel_name = "rfc3686(ctr(aes))",		\
	  .evp_name = "AES-" #bits "-CTR", .ikev2_id = 13, .ikev1_esp_id = 13, .key_bits = bits, .key = bits / 8, \
	  .salt = 4, .iv = 8, .block = 1 }
#define PRF_HMAC(word, evp, id, id1, len, bits_)							\
	{ .kind = CRYPTO_PRF, .name = "prf" word, .evp_name = evp, .flags = bits_, .ikev2_id = id, .ikev1_id = id1, \
	  .key = len, .prf = len }
#define INTEG_HMAC(word, kernel, evp, id, id1, len, icv_len, bits_)					\
	{ .kind = CRYPTO_INTEG, .name = word, .kernel_name = kernel, .evp_name = evp, .flags = bits_, .ikev2_id = id, \
	  .ikev1_esp_id = id1, .key = len, .icv = icv_len, .icv_bits = icv_len * 8 }
#define KE(word, evp, id, id1, pub, shared, bits_)							\
	{ .kind = CRYPTO_KE, .name = word, .evp_name = evp, .flags = bits_, .ikev2_id = id, .ikev1_id = id1, \
	  .public_len = pub, .shared_len = shared }

static const struct crypto_alg algs[] = {
	ENCR_AES_GCM(256, 16, 20),
	ENCR_AES_GCM(128, 16, 20),
	{ .kind = CRYPTO_ENCR, .name = "chacha20poly1305", .kernel_name = "rfc7539esp(chacha20,poly1305)",
	  .evp_name = "ChaCha20-Poly1305", .aead = true, .ikev2_id = 28, .key = 32, .salt = 4, .iv = 8, .icv = 16,
	  .icv_bits = 128, .block = 1 },
	ENCR_AES_GCM(192, 16, 20),
	ENCR_AES_CBC(256),
	ENCR_AES_CBC(128),
	ENCR_AES_CBC(192),
	ENCR_AES_CTR(256),
	ENCR_AES_CTR(128),
	ENCR_AES_CTR(192),
	ENCR_AES_GCM(256, 12, 19),
	ENCR_AES_GCM(128, 12, 19),
	ENCR_AES_GCM(192, 12, 19),
	ENCR_AES_GCM(256, 8, 18),
	ENCR_AES_GCM(128, 8, 18),
	ENCR_AES_GCM(192, 8, 18),
	{ .kind = CRYPTO_ENCR, .name = "3des", .kernel_name = "cbc(des3_ede)", .evp_name = "DES-EDE3-CBC",
	  .flags = CRYPTO_LEGACY, .ikev2_id = 3, .ikev1_id = 5, .ikev1_esp_id = 3, .key = 24, .iv = 8, .block = 8 },
	{ .kind = CRYPTO_ENCR, .name = "null", .kernel_name = "ecb(cipher_null)", .flags = CRYPTO_ESP_ONLY,
	  .ikev2_id = 11, .ikev1_esp_id = 11, .block = 1 },

	PRF_HMAC("sha256", "SHA2-256", 5, 4, 32, 0),
	PRF_HMAC("sha384", "SHA2-384", 6, 5, 48, 0),
	PRF_HMAC("sha512", "SHA2-512", 7, 6, 64, 0),
	PRF_HMAC("sha1", "SHA1", 2, 2, 20, CRYPTO_LEGACY),
	PRF_HMAC("md5", "MD5", 1, 1, 16, CRYPTO_LEGACY),

	INTEG_HMAC("sha256", "hmac(sha256)", "SHA2-256", 12, 5, 32, 16, 0),
	INTEG_HMAC("sha384", "hmac(sha384)", "SHA2-384", 13, 6, 48, 24, 0),
	INTEG_HMAC("sha512", "hmac(sha512)", "SHA2-512", 14, 7, 64, 32, 0),
	INTEG_HMAC("sha1", "hmac(sha1)", "SHA1", 2, 2, 20, 12, CRYPTO_LEGACY),
	INTEG_HMAC("md5", "hmac(md5)", "MD5", 1, 1, 16, 12, CRYPTO_LEGACY),

	/* IANA has given IKEv1 no number for it; those who offer it there take IKEv2's. */
	KE("x25519", "X25519", 31, 31, 32, 32, 0),
	KE("ecp256", "P-256", 19, 19, 64, 32, 0),
	KE("ecp384", "P-384", 20, 20, 96, 48, 0),
	KE("ecp521", "P-521", 21, 21, 132, 66, 0),
	KE("modp3072", "modp_3072", 15, 15, 384, 384, 0),
	KE("modp4096", "modp_4096", 16, 16, 512, 512, 0),
	KE("modp2048", "modp_2048", 14, 14, 256, 256, 0),
	KE("modp1536", "modp_1536", 5, 5, 192, 192, CRYPTO_LEGACY),
	/* OpenSSL has no groups of these names: kex_group.c gives the primes. */
	KE("modp1024", "modp_1024", 2, 2, 128, 128, CRYPTO_LEGACY),
	KE("modp768", "modp_768", 1, 1, 96, 96, CRYPTO_LEGACY),
};

#define ALGS (sizeof(algs) / sizeof(algs[0]))
_Static_assert(ALGS <= CRYPTO_ALGS_MAX, "raise CRYPTO_ALGS_MAX");

/* Other spellings that administrators bring along; each stands for a name of the table. */
static const struct { uint8_t kind; const char *alias, *name; } aliases[] = {
	{ CRYPTO_ENCR, "aes", "aes128" },
	{ CRYPTO_ENCR, "aes128gcm", "aes128gcm16" },
	{ CRYPTO_ENCR, "aes192gcm", "aes192gcm16" },
	{ CRYPTO_ENCR, "aes256gcm", "aes256gcm16" },
	{ CRYPTO_ENCR, "aes128gcm128", "aes128gcm16" },
	{ CRYPTO_ENCR, "aes192gcm128", "aes192gcm16" },
	{ CRYPTO_ENCR, "aes256gcm128", "aes256gcm16" },
	{ CRYPTO_ENCR, "chacha20-poly1305", "chacha20poly1305" },
	{ CRYPTO_PRF, "prfsha2_256", "prfsha256" },
	{ CRYPTO_PRF, "prfsha2_384", "prfsha384" },
	{ CRYPTO_PRF, "prfsha2_512", "prfsha512" },
	{ CRYPTO_INTEG, "sha2_256", "sha256" },
	{ CRYPTO_INTEG, "sha2_384", "sha384" },
	{ CRYPTO_INTEG, "sha2_512", "sha512" },
	{ CRYPTO_INTEG, "sha", "sha1" },
	{ CRYPTO_KE, "curve25519", "x25519" },
};

int crypto_alg_index(const struct crypto_alg *alg)
{
	for (size_t i = 0; i < ALGS; i++)
		if (alg == &algs[i])
			return (int)i;
	return -1;
}

static bool is_of(size_t i, enum crypto_kind kind)
{
	return algs[i].kind == kind && !crypto_evp_lacks(i);
}

const struct crypto_alg *crypto_alg_next(const struct crypto_alg *alg, enum crypto_kind kind)
{
	for (size_t i = alg ? (size_t)(crypto_alg_index(alg) + 1) : 0; i < ALGS; i++)
		if (is_of(i, kind))
			return &algs[i];
	return NULL;
}

const struct crypto_alg *crypto_alg_by_id(enum crypto_kind kind, unsigned id, unsigned key_bits)
{
	for (size_t i = 0; i < ALGS; i++)
		if (is_of(i, kind) && algs[i].ikev2_id == id && algs[i].key_bits == key_bits)
			return &algs[i];
	return NULL;
}

static const char *real_name(enum crypto_kind kind, const char *name)
{
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (aliases[i].kind == kind && !strcasecmp(aliases[i].alias, name))
			return aliases[i].name;
	return name;
}

const struct crypto_alg *crypto_alg_by_name(enum crypto_kind kind, const char *name)
{
	name = real_name(kind, name);
	for (size_t i = 0; i < ALGS; i++)
		if (is_of(i, kind) && !strcasecmp(algs[i].name, name))
			return &algs[i];
	return NULL;
}
