// SPDX-License-Identifier: MIT
// Key exchange: RFC 7748 6.1, RFC 5903 8.1 to 8.3, the primes of RFC 2409 and 3526; and peers that RFC 6989 refuses.
#include "keyd/crypto/kex.h"
#include "keyd/crypto/rand.h"
#include "tests/unit/test_crypto_hex.h"
#include "tests/unit/with_crypto.h"

#include <stdlib.h>

struct kex_vector {
	const char *alg;
	const char *priv_i, *public_i, *priv_r, *public_r, *shared;
};

static const struct kex_vector vectors[] = {
	/* RFC 7748 6.1 */
	{ "x25519", "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
	  "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
	  "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
	  "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
	  "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742" },
	/* RFC 5903 8.1 */
	{ "ecp256", "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
	  "dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180"
	  "5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3",
	  "c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53",
	  "d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63"
	  "56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
	  "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de" },
	/* RFC 5903 8.2 */
	{ "ecp384", "099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655e35b538041e649ee3faef896783ab194",
	  "667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4c55ee6de3ac808acb4bdb4c88732aee95f41aa"
	  "9482ed1fc0eeb9cafc4984625ccfc23f65032149e0e144ada024181535a0f38eeb9fcff3c2c947dae69b4c634573a81c",
	  "41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa2942e0308312916b8ed2960e4bd55a7448fc",
	  "e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc509d0d1ac43a0336def96fda41d0774a3571"
	  "dcfbec7aacf3196472169e838430367f66eebe3c6e70c416dd5f0c68759dd1fff83fa40142209dff5eaad96db9e6386c",
	  "11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4d603135569b9e9d09cf5d4a270f59746" },
	/* RFC 5903 8.3 */
	{ "ecp521",
	  "0037ade9319a89f4dabdb3ef411aaccca5123c61acab57b5393dce47608172a095aa85a30fe1c2952c6771d937ba9777"
	  "f5957b2639bab072462f68c27a57382d4a52",
	  "0015417e84dbf28c0ad3c278713349dc7df153c897a1891bd98bab4357c9ecbee1e3bf42e00b8e380aeae57c2d107564"
	  "941885942af5a7f4601723c4195d176ced3e"
	  "017cae20b6641d2eeb695786d8c946146239d099e18e1d5a514c739d7cb4a10ad8a788015ac405d7799dc75e7b7d5b6c"
	  "f2261a6a7f1507438bf01beb6ca3926f9582",
	  "0145ba99a847af43793fdd0e872e7cdfa16be30fdc780f97bccc3f078380201e9c677d600b343757a3bdbf2a3163e4c2"
	  "f869cca7458aa4a4effc311f5cb151685eb9",
	  "00d0b3975ac4b799f5bea16d5e13e9af971d5e9b984c9f39728b5e5739735a219b97c356436adc6e95bb0352f6be64a6"
	  "c2912d4ef2d0433ced2b6171640012d9460f"
	  "015c68226383956e3bd066e797b623c27ce0eac2f551a10c2c724d9852077b87220b6536c5c408a1d2aebb8e86d678ae"
	  "49cb57091f4732296579ab44fcd17f0fc56a",
	  "01144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d79b04d1427e73ca4baa240a34786859810c06"
	  "b3c715a3a8cc3151f2bee417996d19f3ddea" },
};

/* The primes: each begins with the same digits of pi and has an end of its own. */
#define PI_768											\
	"ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404dd"	\
	"ef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9"
#define PI_1024	PI_768 "a637ed6b0bff5cb6f406b7ed"
#define PI_1536	PI_1024	"ee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3d"					\
	"c2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb9ed529077096966d"
#define PI_2048	PI_1536	"670c354e4abc9804f1746c08"								\
	"ca18217c32905e462e36ce3be39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9de2bcbf6955817183995497c"	\
	"ea956ae515d2261898fa051015728e5a"
#define PI_3072	PI_2048											\
	"8aaac42dad33170d04507a33a85521abdf1cba64ecfb850458dbef0a8aea71575d060c7db3970f85a6e1e4c7abf5ae8c"	\
	"db0933d71e8c94e04a25619dcee3d2261ad2ee6bf12ffa06d98a0864d87602733ec86a64521f2b18177b200cbbe11757"	\
	"7a615d6c770988c0bad946e208e24fa074e5ab3143db5bfce0fd108e4b82d120"
#define PI_4096	PI_3072											\
	"a92108011a723c12a787e6d788719a10bdba5b2699c327186af4e23c1a946834b6150bda2583e9ca2ad44ce8dbbbc2db"	\
	"04de8ef92e8efc141fbecaa6287c59474e6bc05d99b2964fa090c3a2233ba186515be7ed1f612970cee2d7afb81bdd76"	\
	"2170481cd0069127d5b05aa993b4ea988d8fddc186ffb7dc90a6c08f4df435c9"
#define END "ffffffffffffffff"

static const struct { const char *alg, *p; } primes[] = {
	{ "modp768", PI_768 "a63a3620" END },						/* RFC 2409 6.1 */
	{ "modp1024", PI_1024 "ee386bfb5a899fa5ae9f24117c4b1fe649286651ece65381" END },	/* RFC 2409 6.2 */
	{ "modp1536", PI_1536 "670c354e4abc9804f1746c08ca237327" END },			/* RFC 3526 2 */
	{ "modp2048", PI_2048 "8aacaa68" END },						/* RFC 3526 3 */
	{ "modp3072", PI_3072 "a93ad2ca" END },						/* RFC 3526 4 */
	{ "modp4096", PI_4096 "34063199" END },						/* RFC 3526 5 */
};
#define PRIMES (sizeof(primes) / sizeof(primes[0]))

static const struct crypto_alg *ke_of(const char *name)
{
	return crypto_alg_by_name(CRYPTO_KE, name);
}

static void published_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const struct kex_vector *v = &vectors[i];
		struct bytes priv_i = hex(v->priv_i), priv_r = hex(v->priv_r);
		struct crypto_kex *a = crypto_kex_from_private(ke_of(v->alg), view_of(&priv_i));
		struct crypto_kex *b = crypto_kex_from_private(ke_of(v->alg), view_of(&priv_r));
		struct secret s = { 0 };

		assert_true(a && b);
		assert_hex(crypto_kex_public(a).p, crypto_kex_public(a).n, v->public_i);
		assert_hex(crypto_kex_public(b).p, crypto_kex_public(b).n, v->public_r);
		assert_int_equal(crypto_kex_derive(a, crypto_kex_public(b), &s), 0);
		assert_hex(s.p, s.n, v->shared);
		assert_int_equal(crypto_kex_derive(b, crypto_kex_public(a), &s), 0);
		assert_hex(s.p, s.n, v->shared);
		secret_clear(&s);
		crypto_kex_free(a);
		crypto_kex_free(b);
	}
}

static struct crypto_kex *modp_with(const struct crypto_alg *ke, unsigned exponent)
{
	const uint8_t priv[2] = { exponent >> 8, exponent & 0xff };

	return crypto_kex_from_private(ke, (struct view){ priv, 2 });
}

/* 2^bits mod p is 2^bits - p, as p has that many bits: the two's complement of the published prime. */
static void modp_primes(void **state)
{
	(void)state;
	for (size_t i = 0; i < PRIMES; i++) {
		const struct crypto_alg *ke = ke_of(primes[i].alg);
		struct crypto_kex *k = modp_with(ke, 8 * ke->public_len), *half = modp_with(ke, 4 * ke->public_len);
		struct bytes p = hex(primes[i].p);
		uint8_t four[CRYPTO_KE_PUBLIC_MAX] = { 0 };
		struct secret s = { 0 };

		assert_int_equal(p.n, ke->public_len);
		for (size_t j = 0; j < p.n; j++)
			p.p[j] = ~p.p[j];
		p.p[p.n - 1]++;
		assert_memory_equal(crypto_kex_public(k).p, p.p, p.n);
		/* 4^(bits/2) is the same number: derivation */
		four[ke->public_len - 1] = 4;
		assert_int_equal(crypto_kex_derive(half, (struct view){ four, ke->public_len }, &s), 0);
		assert_int_equal(s.n, p.n);
		assert_memory_equal(s.p, p.p, p.n);
		secret_clear(&s);
		crypto_kex_free(k);
		crypto_kex_free(half);
	}
}

/* A short public value and a short secret are padded on the left: 2^3 = 8, 2^(3*2) = 64. */
static void modp_is_padded(void **state)
{
	const struct crypto_alg *ke = ke_of("modp2048");
	struct crypto_kex *k = modp_with(ke, 3), *peer = modp_with(ke, 2);
	uint8_t expected[256] = { 0 };
	struct secret s = { 0 };

	(void)state;
	assert_int_equal(crypto_kex_public(k).n, 256);
	expected[255] = 8;
	assert_memory_equal(crypto_kex_public(k).p, expected, 256);
	assert_int_equal(crypto_kex_derive(k, crypto_kex_public(peer), &s), 0);
	expected[255] = 64;
	assert_int_equal(s.n, 256);
	assert_memory_equal(s.p, expected, 256);
	secret_clear(&s);
	crypto_kex_free(k);
	crypto_kex_free(peer);
}

static void fresh_keys_agree(void **state)
{
	(void)state;
	for (const struct crypto_alg *ke = NULL; (ke = crypto_alg_next(ke, CRYPTO_KE));) {
		struct crypto_kex *a = crypto_kex_new(ke), *b = crypto_kex_new(ke);
		struct secret s1 = { 0 }, s2 = { 0 };

		assert_true(a && b);
		assert_ptr_equal(crypto_kex_alg(a), ke);
		assert_int_equal(crypto_kex_public(a).n, ke->public_len);
		assert_memory_not_equal(crypto_kex_public(a).p, crypto_kex_public(b).p, ke->public_len);
		assert_int_equal(crypto_kex_derive(a, crypto_kex_public(b), &s1), 0);
		assert_int_equal(crypto_kex_derive(b, crypto_kex_public(a), &s2), 0);
		assert_int_equal(s1.n, ke->shared_len);
		assert_true(secret_equal(secret_view(&s1), secret_view(&s2)));
		secret_clear(&s1);
		secret_clear(&s2);
		crypto_kex_free(a);
		crypto_kex_free(b);
	}
	crypto_kex_free(NULL);
}

static void assert_refused(const struct crypto_kex *k, const void *p, size_t n)
{
	struct secret s = { 0 };

	assert_int_equal(secret_set(&s, "old", 3), 0);
	assert_int_equal(crypto_kex_derive(k, (struct view){ p, n }, &s), -1);
	assert_null(s.p);
	assert_int_equal(s.n, 0);
}

static void wrong_lengths(void **state)
{
	(void)state;
	for (const struct crypto_alg *ke = NULL; (ke = crypto_alg_next(ke, CRYPTO_KE));) {
		struct crypto_kex *a = crypto_kex_new(ke), *b = crypto_kex_new(ke);
		uint8_t buf[CRYPTO_KE_PUBLIC_MAX + 1] = { 0 };

		memcpy(buf, crypto_kex_public(b).p, ke->public_len);
		for (size_t n = 0; n <= ke->public_len + 1u; n++)
			if (n != ke->public_len)
				assert_refused(a, buf, n);
		crypto_kex_free(a);
		crypto_kex_free(b);
	}
}

/* RFC 6989 2.1: 0, 1, p - 1, p and all beyond. 2 and p - 2 are in range. */
static void modp_out_of_range(void **state)
{
	(void)state;
	for (size_t i = 0; i < PRIMES; i++) {
		struct crypto_kex *k = crypto_kex_new(ke_of(primes[i].alg));
		struct bytes y = hex(primes[i].p);
		uint8_t small[CRYPTO_KE_PUBLIC_MAX] = { 0 };
		struct secret s = { 0 };

		assert_refused(k, small, y.n);
		small[y.n - 1] = 1;
		assert_refused(k, small, y.n);
		small[y.n - 1] = 2;
		assert_int_equal(crypto_kex_derive(k, (struct view){ small, y.n }, &s), 0);
		assert_refused(k, y.p, y.n);
		y.p[y.n - 1]--;
		assert_refused(k, y.p, y.n);
		y.p[y.n - 1]--;
		assert_int_equal(crypto_kex_derive(k, view_of(&y), &s), 0);
		memset(y.p, 0xff, y.n);
		assert_refused(k, y.p, y.n);
		secret_clear(&s);
		crypto_kex_free(k);
	}
}

/* RFC 6989 2.3 */
static void points_off_the_curve(void **state)
{
	(void)state;
	for (const char *const *name = (const char *const[]){ "ecp256", "ecp384", "ecp521", NULL }; *name; name++) {
		const struct crypto_alg *ke = ke_of(*name);
		struct crypto_kex *k = crypto_kex_new(ke), *peer = crypto_kex_new(ke);
		uint8_t point[CRYPTO_KE_PUBLIC_MAX];

		for (unsigned bit = 0; bit < 8; bit++) {
			memcpy(point, crypto_kex_public(peer).p, ke->public_len);
			point[ke->public_len - 1] ^= 1 << bit;
			assert_refused(k, point, ke->public_len);
		}
		memset(point, 0, sizeof(point));	/* (0, 0) is no way to write infinity */
		assert_refused(k, point, ke->public_len);
		memset(point, 0xff, sizeof(point));	/* coordinates beyond the field */
		assert_refused(k, point, ke->public_len);
		crypto_kex_free(k);
		crypto_kex_free(peer);
	}
}

/* Values of small order (RFC 7748 6.1): with each the result is all zero. */
static void x25519_small_order(void **state)
{
	static const char *const values[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",	/* p - 1 */
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",	/* p */
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",	/* p + 1 */
	};
	struct crypto_kex *k = crypto_kex_new(ke_of("x25519"));

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct bytes b = hex(values[i]);

		assert_refused(k, b.p, b.n);
	}
	crypto_kex_free(k);
}

static void private_values_out_of_range(void **state)
{
	/* the order of P-256, SEC 2 2.4.2 */
	struct bytes order = hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"), p;
	const uint8_t zero[32] = { 0 };
	struct crypto_kex *k;

	(void)state;
	assert_null(crypto_kex_from_private(ke_of("ecp256"), view_of(&order)));
	order.p[31]--;
	k = crypto_kex_from_private(ke_of("ecp256"), view_of(&order));
	assert_non_null(k);
	crypto_kex_free(k);
	assert_null(crypto_kex_from_private(ke_of("ecp256"), (struct view){ zero, 32 }));
	assert_null(crypto_kex_from_private(ke_of("x25519"), (struct view){ zero, 31 }));
	assert_null(modp_with(ke_of("modp2048"), 0));
	assert_null(modp_with(ke_of("modp2048"), 1));
	p = hex(primes[3].p);
	assert_null(crypto_kex_from_private(ke_of("modp2048"), view_of(&p)));
	assert_null(crypto_kex_from_private(crypto_alg_by_name(CRYPTO_PRF, "prfsha256"), (struct view){ zero, 32 }));
	assert_null(crypto_kex_new(crypto_alg_by_name(CRYPTO_PRF, "prfsha256")));
}

/* A counter for a seed: enough to be different each time and the same again. */
static int repeatable(void *arg, void *p, size_t n)
{
	unsigned *seed = arg;

	for (size_t i = 0; i < n; i++)
		((uint8_t *)p)[i] = (uint8_t)((*seed = *seed * 1103515245 + 12345) >> 16);
	return 0;
}

static void the_same_seed_gives_the_same_keys(void **state)
{
	(void)state;
	for (const struct crypto_alg *ke = NULL; (ke = crypto_alg_next(ke, CRYPTO_KE));) {
		struct crypto_kex *k[3];
		struct secret s = { 0 };
		unsigned seed = 1;

		crypto_rand_set(repeatable, &seed);
		k[0] = crypto_kex_new(ke);
		k[1] = crypto_kex_new(ke);
		seed = 1;
		k[2] = crypto_kex_new(ke);
		crypto_rand_set(NULL, NULL);
		assert_true(k[0] && k[1] && k[2]);
		assert_memory_equal(crypto_kex_public(k[0]).p, crypto_kex_public(k[2]).p, ke->public_len);
		assert_memory_not_equal(crypto_kex_public(k[0]).p, crypto_kex_public(k[1]).p, ke->public_len);
		assert_int_equal(crypto_kex_derive(k[0], crypto_kex_public(k[1]), &s), 0);
		secret_clear(&s);
		for (int i = 0; i < 3; i++)
			crypto_kex_free(k[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors),
		cmocka_unit_test(modp_primes),
		cmocka_unit_test(modp_is_padded),
		cmocka_unit_test(fresh_keys_agree),
		cmocka_unit_test(wrong_lengths),
		cmocka_unit_test(modp_out_of_range),
		cmocka_unit_test(points_off_the_curve),
		cmocka_unit_test(x25519_small_order),
		cmocka_unit_test(private_values_out_of_range),
		cmocka_unit_test(the_same_seed_gives_the_same_keys),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
