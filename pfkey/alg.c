// SPDX-License-Identifier: MIT
/* The one table of algorithms, and the ways to look something up in it. */
#include "kmod/uapi/pfkeyv2_ext.h"
#include "pfkey/alg.h"

#include <errno.h>
#include <linux/pfkeyv2.h>
#include <string.h>
#include <strings.h>

#ifndef SADB_X_EALG_SM4CBC
#define SADB_X_EALG_SM4CBC 24
#endif
#ifndef SADB_X_AALG_SM3_256HMAC
#define SADB_X_AALG_SM3_256HMAC 10
#endif

#define NAMES(...) .names = { __VA_ARGS__ }
#define KERNEL(...) .kernel = { __VA_ARGS__ }
#define KEY(min, max, step) .key_min = (min), .key_max = (max), .key_step = (step)
#define KEY_ONE(bits) KEY(bits, bits, 8)

/* Of rows that share a kernel name, the one with the longest ICV comes first. */
static const struct ipsec_alg_info algs[] = {
	/* Encryption */
	{ IPSEC_ALG_ENC, NAMES("aes-cbc", "rijndael-cbc"), KERNEL("cbc(aes)", "aes"), .sadb = SADB_X_EALG_AESCBC,
	  KEY(128, 256, 64), .config = "CONFIG_CRYPTO_CBC, CONFIG_CRYPTO_AES" },
	{ IPSEC_ALG_ENC, NAMES("aes-ctr"), KERNEL("rfc3686(ctr(aes))"), .sadb = SADB_X_EALG_AESCTR,
	  .flags = IPSEC_ALG_STREAM, KEY(160, 288, 64), .salt_bits = 32, .config = "CONFIG_CRYPTO_CTR, CONFIG_CRYPTO_AES" },
	{ IPSEC_ALG_ENC, NAMES("camellia-cbc"), KERNEL("cbc(camellia)", "camellia"), .sadb = SADB_X_EALG_CAMELLIACBC,
	  KEY(128, 256, 64), .config = "CONFIG_CRYPTO_CBC, CONFIG_CRYPTO_CAMELLIA" },
	{ IPSEC_ALG_ENC, NAMES("3des-cbc"), KERNEL("cbc(des3_ede)", "des3_ede"), .sadb = SADB_EALG_3DESCBC,
	  KEY_ONE(192), .config = "CONFIG_CRYPTO_CBC, CONFIG_CRYPTO_DES" },
	{ IPSEC_ALG_ENC, NAMES("des-cbc"), KERNEL("cbc(des)", "des"), .sadb = SADB_EALG_DESCBC,
	  KEY_ONE(64), .config = "CONFIG_CRYPTO_CBC, CONFIG_CRYPTO_DES" },
	{ IPSEC_ALG_ENC, NAMES("blowfish-cbc"), KERNEL("cbc(blowfish)", "blowfish"), .sadb = SADB_X_EALG_BLOWFISHCBC,
	  KEY(40, 448, 8), .config = "CONFIG_CRYPTO_CBC, CONFIG_CRYPTO_BLOWFISH" },
	{ IPSEC_ALG_ENC, NAMES("cast128-cbc"), KERNEL("cbc(cast5)", "cast5", "cast128"), .sadb = SADB_X_EALG_CASTCBC,
	  KEY(40, 128, 8), .config = "CONFIG_CRYPTO_CBC, CONFIG_CRYPTO_CAST5" },
	{ IPSEC_ALG_ENC, NAMES("twofish-cbc"), KERNEL("cbc(twofish)", "twofish"), .sadb = SADB_X_EALG_TWOFISHCBC,
	  KEY(128, 256, 64), .config = "CONFIG_CRYPTO_CBC, CONFIG_CRYPTO_TWOFISH" },
	{ IPSEC_ALG_ENC, NAMES("serpent-cbc"), KERNEL("cbc(serpent)", "serpent"), .sadb = SADB_X_EALG_SERPENTCBC,
	  KEY(128, 256, 64), .config = "CONFIG_CRYPTO_CBC, CONFIG_CRYPTO_SERPENT" },
	{ IPSEC_ALG_ENC, NAMES("sm4-cbc"), KERNEL("cbc(sm4)", "sm4"), .sadb = SADB_X_EALG_SM4CBC,
	  KEY_ONE(128), .config = "CONFIG_CRYPTO_CBC, CONFIG_CRYPTO_SM4" },
	{ IPSEC_ALG_ENC, NAMES("null", "simple"), KERNEL("ecb(cipher_null)", "cipher_null"), .sadb = SADB_EALG_NULL,
	  KEY_ONE(0), .config = "CONFIG_CRYPTO_NULL" },
	{ IPSEC_ALG_ENC, NAMES("des-deriv", "des-32iv"), .flags = IPSEC_ALG_ABSENT, KEY_ONE(64) },
	{ IPSEC_ALG_ENC, NAMES("3des-deriv"), .flags = IPSEC_ALG_ABSENT, KEY_ONE(192) },

	/* Encryption with integrity (RFC 4106, 4309, 4543, 7634) */
	{ IPSEC_ALG_AEAD, NAMES("aes-gcm-16", "aes-gcm"), KERNEL("rfc4106(gcm(aes))"), .sadb = SADB_X_EALG_AES_GCM_ICV16,
	  .flags = IPSEC_ALG_STREAM, KEY(160, 288, 64), .salt_bits = 32, .icv_bits = 128,
	  .config = "CONFIG_CRYPTO_GCM, CONFIG_CRYPTO_AES" },
	{ IPSEC_ALG_AEAD, NAMES("aes-gcm-12"), KERNEL("rfc4106(gcm(aes))"), .sadb = SADB_X_EALG_AES_GCM_ICV12,
	  .flags = IPSEC_ALG_STREAM, KEY(160, 288, 64), .salt_bits = 32, .icv_bits = 96,
	  .config = "CONFIG_CRYPTO_GCM, CONFIG_CRYPTO_AES" },
	{ IPSEC_ALG_AEAD, NAMES("aes-gcm-8"), KERNEL("rfc4106(gcm(aes))"), .sadb = SADB_X_EALG_AES_GCM_ICV8,
	  .flags = IPSEC_ALG_STREAM, KEY(160, 288, 64), .salt_bits = 32, .icv_bits = 64,
	  .config = "CONFIG_CRYPTO_GCM, CONFIG_CRYPTO_AES" },
	{ IPSEC_ALG_AEAD, NAMES("chacha20-poly1305"), KERNEL("rfc7539esp(chacha20,poly1305)"), .sadb = SADB_X_EALG_CHACHA20POLY1305,
	  .flags = IPSEC_ALG_STREAM, KEY_ONE(288), .salt_bits = 32, .icv_bits = 128,
	  .config = "CONFIG_CRYPTO_CHACHA20POLY1305" },
	{ IPSEC_ALG_AEAD, NAMES("aes-ccm-16", "aes-ccm"), KERNEL("rfc4309(ccm(aes))"), .sadb = SADB_X_EALG_AES_CCM_ICV16,
	  .flags = IPSEC_ALG_STREAM, KEY(152, 280, 64), .salt_bits = 24, .icv_bits = 128,
	  .config = "CONFIG_CRYPTO_CCM, CONFIG_CRYPTO_AES" },
	{ IPSEC_ALG_AEAD, NAMES("aes-ccm-12"), KERNEL("rfc4309(ccm(aes))"), .sadb = SADB_X_EALG_AES_CCM_ICV12,
	  .flags = IPSEC_ALG_STREAM, KEY(152, 280, 64), .salt_bits = 24, .icv_bits = 96,
	  .config = "CONFIG_CRYPTO_CCM, CONFIG_CRYPTO_AES" },
	{ IPSEC_ALG_AEAD, NAMES("aes-ccm-8"), KERNEL("rfc4309(ccm(aes))"), .sadb = SADB_X_EALG_AES_CCM_ICV8,
	  .flags = IPSEC_ALG_STREAM, KEY(152, 280, 64), .salt_bits = 24, .icv_bits = 64,
	  .config = "CONFIG_CRYPTO_CCM, CONFIG_CRYPTO_AES" },
	{ IPSEC_ALG_AEAD, NAMES("aes-gmac"), KERNEL("rfc4543(gcm(aes))"), .sadb = SADB_X_EALG_NULL_AES_GMAC,
	  .flags = IPSEC_ALG_STREAM, KEY(160, 288, 64), .salt_bits = 32, .icv_bits = 128,
	  .config = "CONFIG_CRYPTO_GCM, CONFIG_CRYPTO_AES" },

	/* Integrity */
	{ IPSEC_ALG_AUTH, NAMES("hmac-sha256", "hmac-sha2-256"), KERNEL("hmac(sha256)", "sha256"),
	  .sadb = SADB_X_AALG_SHA2_256HMAC, KEY_ONE(256), .icv_bits = 128, .icv_max = 256,
	  .config = "CONFIG_CRYPTO_HMAC, CONFIG_CRYPTO_SHA256" },
	{ IPSEC_ALG_AUTH, NAMES("hmac-sha384", "hmac-sha2-384"), KERNEL("hmac(sha384)"),
	  .sadb = SADB_X_AALG_SHA2_384HMAC, KEY_ONE(384), .icv_bits = 192, .icv_max = 384,
	  .config = "CONFIG_CRYPTO_HMAC, CONFIG_CRYPTO_SHA512" },
	{ IPSEC_ALG_AUTH, NAMES("hmac-sha512", "hmac-sha2-512"), KERNEL("hmac(sha512)"),
	  .sadb = SADB_X_AALG_SHA2_512HMAC, KEY_ONE(512), .icv_bits = 256, .icv_max = 512,
	  .config = "CONFIG_CRYPTO_HMAC, CONFIG_CRYPTO_SHA512" },
	{ IPSEC_ALG_AUTH, NAMES("hmac-sha1"), KERNEL("hmac(sha1)", "sha1"), .sadb = SADB_AALG_SHA1HMAC,
	  KEY_ONE(160), .icv_bits = 96, .icv_max = 160, .config = "CONFIG_CRYPTO_HMAC, CONFIG_CRYPTO_SHA1" },
	{ IPSEC_ALG_AUTH, NAMES("hmac-md5"), KERNEL("hmac(md5)", "md5"), .sadb = SADB_AALG_MD5HMAC,
	  KEY_ONE(128), .icv_bits = 96, .icv_max = 128, .config = "CONFIG_CRYPTO_HMAC, CONFIG_CRYPTO_MD5" },
	{ IPSEC_ALG_AUTH, NAMES("hmac-ripemd160"), KERNEL("hmac(rmd160)", "rmd160"), .sadb = SADB_X_AALG_RIPEMD160HMAC,
	  KEY_ONE(160), .icv_bits = 96, .icv_max = 160, .config = "CONFIG_CRYPTO_HMAC, CONFIG_CRYPTO_RMD160" },
	{ IPSEC_ALG_AUTH, NAMES("aes-xcbc-mac"), KERNEL("xcbc(aes)"), .sadb = SADB_X_AALG_AES_XCBC_MAC,
	  KEY_ONE(128), .icv_bits = 96, .icv_max = 128, .config = "CONFIG_CRYPTO_XCBC, CONFIG_CRYPTO_AES" },
	{ IPSEC_ALG_AUTH, NAMES("aes-cmac"), KERNEL("cmac(aes)"), KEY_ONE(128), .icv_bits = 96, .icv_max = 128,
	  .config = "CONFIG_CRYPTO_CMAC, CONFIG_CRYPTO_AES" },
	{ IPSEC_ALG_AUTH, NAMES("hmac-sm3"), KERNEL("hmac(sm3)"), .sadb = SADB_X_AALG_SM3_256HMAC,
	  KEY_ONE(256), .icv_bits = 256, .icv_max = 256, .config = "CONFIG_CRYPTO_HMAC, CONFIG_CRYPTO_SM3" },
	{ IPSEC_ALG_AUTH, NAMES("null"), KERNEL("digest_null"), .sadb = SADB_X_AALG_NULL,
	  KEY_ONE(0), .config = "CONFIG_CRYPTO_NULL" },
	{ IPSEC_ALG_AUTH, NAMES("keyed-md5"), .flags = IPSEC_ALG_ABSENT, KEY_ONE(128), .icv_bits = 96 },
	{ IPSEC_ALG_AUTH, NAMES("keyed-sha1"), .flags = IPSEC_ALG_ABSENT, KEY_ONE(160), .icv_bits = 96 },
	{ IPSEC_ALG_AUTH, NAMES("tcp-md5"), .flags = IPSEC_ALG_ABSENT, KEY(8, 640, 8), .icv_bits = 128 },

	/* Compression */
	{ IPSEC_ALG_COMP, NAMES("deflate"), KERNEL("deflate"), .sadb = SADB_X_CALG_DEFLATE,
	  KEY_ONE(0), .config = "CONFIG_CRYPTO_DEFLATE" },
	{ IPSEC_ALG_COMP, NAMES("lzs"), KERNEL("lzs"), .sadb = SADB_X_CALG_LZS, KEY_ONE(0) },
	{ IPSEC_ALG_COMP, NAMES("lzjh"), KERNEL("lzjh"), .sadb = SADB_X_CALG_LZJH, KEY_ONE(0) },
	{ IPSEC_ALG_COMP, NAMES("oui"), .sadb = SADB_X_CALG_OUI, .flags = IPSEC_ALG_ABSENT, KEY_ONE(0) },
};

#define ALGS (sizeof(algs) / sizeof(algs[0]))

static bool has_name(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n && names[i]; i++)
		if (!strcasecmp(names[i], name))
			return true;
	return false;
}

const struct ipsec_alg_info *ipsec_alg_by_name(enum ipsec_alg_kind kind, const char *name)
{
	for (size_t i = 0; i < ALGS; i++)
		if (algs[i].kind == kind && has_name(algs[i].names, IPSEC_ALG_NAMES, name))
			return &algs[i];
	return NULL;
}

const struct ipsec_alg_info *ipsec_alg_by_kernel(enum ipsec_alg_kind kind, const char *name, unsigned int icv_bits)
{
	for (size_t i = 0; i < ALGS; i++) {
		if (algs[i].kind != kind || !has_name(algs[i].kernel, sizeof(algs[i].kernel) / sizeof(char *), name))
			continue;
		if (kind != IPSEC_ALG_AEAD || !icv_bits || algs[i].icv_bits == icv_bits)
			return &algs[i];
	}
	return NULL;
}

const struct ipsec_alg_info *ipsec_alg_by_sadb(enum ipsec_alg_kind kind, uint8_t number)
{
	for (size_t i = 0; number && i < ALGS; i++)
		if (algs[i].kind == kind && algs[i].sadb == number)
			return &algs[i];
	return NULL;
}

bool ipsec_alg_key_ok(const struct ipsec_alg_info *alg, unsigned int bits)
{
	return bits >= alg->key_min && bits <= alg->key_max && (bits - alg->key_min) % alg->key_step == 0;
}

bool ipsec_alg_icv_ok(const struct ipsec_alg_info *alg, unsigned int bits)
{
	if (alg->kind == IPSEC_ALG_AUTH)
		return bits && bits % 8 == 0 && bits <= alg->icv_max;
	return alg->kind == IPSEC_ALG_AEAD && bits && ipsec_alg_by_kernel(alg->kind, alg->kernel[0], bits);
}

int ipsec_alg_set(struct ipsec_alg *out, const struct ipsec_alg_info *alg, const void *key, unsigned int bits)
{
	if (!alg->kernel[0])
		return -EOPNOTSUPP;
	if (!ipsec_alg_key_ok(alg, bits) || bits / 8 > sizeof(out->key))
		return -EINVAL;
	memset(out, 0, sizeof(*out));
	strncpy(out->name, alg->kernel[0], sizeof(out->name) - 1);
	out->key_bits = (uint16_t)bits;
	out->icv_bits = alg->icv_bits;
	if (bits)
		memcpy(out->key, key, bits / 8);
	return 0;
}

const struct ipsec_alg_info *ipsec_alg_next(const struct ipsec_alg_info *prev)
{
	if (!prev)
		return algs;
	return prev + 1 < algs + ALGS ? prev + 1 : NULL;
}
