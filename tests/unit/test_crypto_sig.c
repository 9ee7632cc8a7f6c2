// SPDX-License-Identifier: MIT
// Signatures: published vectors, AlgorithmIdentifiers of RFC 7427 appendix A, and what is refused.
#include "keyd/crypto/key.h"
#include "keyd/crypto/sig.h"
#include "tests/unit/test_crypto_hex.h"
#include "tests/unit/with_crypto.h"

struct sig_vector {
	const char *sig, *spki, *message, *signature;
	const char *private;	/* PKCS#8; where the signature is always the same */
};

static const struct sig_vector vectors[] = {
	/* RFC 4754 8.1 */
	{ "ecdsa256",
	  "3059301306072a8648ce3d020106082a8648ce3d030107034200042442a5cc0ecd015fa3ca31dc8e2bbc70bf42d60cbc"
	  "a20085e0822cb04235e9706fc98bd7e50211a4a27102fa3549df79ebcb4bf246b80945cddfe7d509bbfd7d",
	  "abc",
	  "cb28e0999b9c7715fd0a80d8e47a77079716cbbf917dd72e97566ea1c066957c86fa3bb4e26cad5bf90b7f81899256ce"
	  "7594bb1ea0c89212748bff3b3d5b0315",
	  NULL },
	/* RFC 4754 8.2 */
	{ "ecdsa384",
	  "3076301006072a8648ce3d020106052b810400220362000496281bf8dd5e0525ca049c048d345d3082968d10fedf5c5a"
	  "ca0c64e6465a97ea5ce10c9dfec21797415710721f437922447688ba94708eb6e2e4d59f6ab6d7edff9301d249fe49c3"
	  "3096655f5d502fad3d383b91c5e7edaa2b714cc99d5743ca",
	  "abc",
	  "fb017b914e29149432d8bac29a514640b46f53ddab2c69948084e2930f1c8f7e08e07c9c63f2d21a07dcb56a6af56eb3"
	  "b263a1305e057f984d38726a1b46874109f417bca112674c528262a40a629af1cbb9f516ce0fa7d2ff630863a00e8b9f",
	  NULL },
	/* RFC 4754 8.3 */
	{ "ecdsa521",
	  "30819b301006072a8648ce3d020106052b8104002303818600040151518f1af0f563517edd5485190df95a4bf57b5cba"
	  "4cf2a9a3f6474725a35f7afe0a6ddeb8bedbcd6a197e592d40188901cecd650699c9b5e456aea5add19052a8006f3b14"
	  "2ea1bfff7e2837ad44c9e4ff6d2d34c73184bbad90026dd5e6e85317d9df45cad7803c6c20035b2f3ff63aff4e1ba64d"
	  "1c077577da3f4286c58f0aeae643",
	  "abc",
	  "0154fd3836af92d0dca57dd5341d3053988534fde8318fc6aaaab68e2e6f4339b19f2f281a7e0b22c269d93cf8794a92"
	  "78880ed7dbb8d9362caeacee544320552251017705a7030290d1ceb605a9a1bb03ff9cdd521e87a696ec926c8c10c836"
	  "2df4975367101f67d1cf9bccbf2f3d239534fa509e70aac851ae01aac68d62f866472660",
	  NULL },
	/* RFC 7520 4.1 */
	{ "rsa-sha256",
	  "30820122300d06092a864886f70d01010105000382010f003082010a02820101009f810fb4038273d02591e4073f31d2"
	  "b6001b82cedb4d92f050165d47cfcab8a3c41cb778ac7553793f8ef975768d1a2374d8712564c3bcd77b9ea434544899"
	  "407cff0099920a931a24c4414852ab29bdb0a95c0653f36c60e60bf90b6258dda56f37047ba5c2d1d029af9c9d40bac7"
	  "aa41c78a0dd1068add699e808fea011ea1441d8a4f7bb4e97be39f55f1ddd44e9c4ba335159703d4d34b603e65147a4f"
	  "23d6d3c0996c75edee846a82d190ae10783c961cf0387aed2106d2d0555b6fd937fad5535387e0ff72ffbe78941402b0"
	  "b822ea2a74b6058c1dabf9b34a76cb63b87faa2c6847b8e2837fff91186e6b1c14911cf989a89092a81ce601ddacd3f9"
	  "cf0203010001",
	  "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ"
	  "1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24"
	  "ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4",
	  "3118dd925cbbffea133d34b70173f8d6240818a6bcd00d19993b95e4c11a1e8c675b67b9099e4d94ab5a8a7a0598a668"
	  "a5d1ccd4ed94e26c3325d431f7dea2be9f37c6e825208ecf3438bce309c1f810e4a01c00efcd7ce615fe12ce09230983"
	  "2c92b795f5916be5ed2f446796db98bfbe3a8984e1fea1d10faf0136dd6e48d0ab5024c90ede5a004eb1f305b52adf5e"
	  "468e103e871269d9c75c5c67b7c22cf54ce911157478f3d074bb96dc84bf75edf1c88ac368b19d8e5b8fc540216fa2f6"
	  "69789cd54d76a6874653428b510484fe823e66798a277178b8e6439dde9065626eb21678d40c5ffdf7087bcbbd8a91fc"
	  "e28828ade7bbbe36d4e72d7c903aae0e",
	  NULL },
	/* RFC 7520 4.2 */
	{ "rsapss-sha384",
	  "30820122300d06092a864886f70d01010105000382010f003082010a02820101009f810fb4038273d02591e4073f31d2"
	  "b6001b82cedb4d92f050165d47cfcab8a3c41cb778ac7553793f8ef975768d1a2374d8712564c3bcd77b9ea434544899"
	  "407cff0099920a931a24c4414852ab29bdb0a95c0653f36c60e60bf90b6258dda56f37047ba5c2d1d029af9c9d40bac7"
	  "aa41c78a0dd1068add699e808fea011ea1441d8a4f7bb4e97be39f55f1ddd44e9c4ba335159703d4d34b603e65147a4f"
	  "23d6d3c0996c75edee846a82d190ae10783c961cf0387aed2106d2d0555b6fd937fad5535387e0ff72ffbe78941402b0"
	  "b822ea2a74b6058c1dabf9b34a76cb63b87faa2c6847b8e2837fff91186e6b1c14911cf989a89092a81ce601ddacd3f9"
	  "cf0203010001",
	  "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ"
	  "1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24"
	  "ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4",
	  "72edb6781aa46032a02254e9cc35c6bda15fcfa586a33edf50371f4f49243b2e369a2021daac81ce4d7112c9e4d88a4d"
	  "ebeb4f89de95ae494792ab06a83a8709d3fa3bc4d30797430c8b65955a3aff538b3e971b52b8625123316db5d4bddbd6"
	  "5f383e503f1b8a245e40595fcf6f3319656c76234051ff199f23c4815167e38d9974daa254946606aad84577bc3ff8a3"
	  "43ba7c55dcf44d3af151e4f7966f1df6c867af695f253f089948ef000d977b3d8c969f1c044e5ac03cd3d2a2349faba2"
	  "3f568237fdbf8cb01e41396a447b5f6bae1041252614002354a3db0728bbc61a34b9339c6c7e75d1ae8662625401f996"
	  "8f067aa03e227caa3c0d833e5fbd846b",
	  NULL },
	/* RFC 8032 7.1 */
	{ "ed25519",
	  "302a300506032b6570032100fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
	  "\xaf\x82",
	  "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
	  "4a7c15e9716ed28dc027beceea1ec40a",
	  "302e020100300506032b657004220420c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7" },
	/* RFC 8032 7.4 */
	{ "ed448",
	  "3043300506032b6571033a0043ba28f430cdff456ae531545f7ecd0ac834a55d9358c0372bfa0c6c6798c0866aea01eb"
	  "00742802b8438ea4cb82169c235160627b4c3a9480",
	  "\x03",
	  "26b8f91727bd62897af15e41eb43c377efb9c610d48f2335cb0bd0087810f4352541b143c4b981b7e18f62de8ccdf633"
	  "fc1bf037ab7cd779805e0dbcc0aae1cbcee1afb2e027df36bc04dcecbf154336c19f0af7e0a6472905e799f1953d2a0f"
	  "f3348ab21aa4adafd1d234441cf807c03a00",
	  "3047020100300506032b6571043b0439c4eab05d357007c632f3dbb48489924d552b08fe0c353a0d4a1f00acda2c463a"
	  "fbea67c5e8d2877c5e3bc397a659949ef8021e954e0a12274e" },
};

/* RFC 7427 appendix A: A.1.1 to A.1.4, A.3.2 to A.3.4, A.4.3; RFC 8420 A.1, A.2 */
static const struct {
	const char *sig, *algid;
} algids[] = {
	{ "rsa-sha1", "300d06092a864886f70d0101050500" },
	{ "rsa-sha256", "300d06092a864886f70d01010b0500" },
	{ "rsa-sha384", "300d06092a864886f70d01010c0500" },
	{ "rsa-sha512", "300d06092a864886f70d01010d0500" },
	{ "ecdsa-sha256", "300a06082a8648ce3d040302" },
	{ "ecdsa-sha384", "300a06082a8648ce3d040303" },
	{ "ecdsa-sha512", "300a06082a8648ce3d040304" },
	{ "rsapss-sha256", "304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108"
	  "300d06096086480165030402010500a203020120" },
	{ "ed25519", "300506032b6570" },
	{ "ed448", "300506032b6571" },
	/* The same with the NULL of the hashes left away, and the trailer field's default written out. */
	{ "rsapss-sha256", "303d06092a864886f70d01010a3030a00d300b0609608648016503040201a11a301806092a864886f70d010108"
	  "300b0609608648016503040201a203020120" },
	{ "rsa-sha256", "300b06092a864886f70d01010b" },
};

/* Well formed, and no scheme: salt of 20, MGF1 with another hash, defaults of SHA-1, other algorithms, parameters where none belong. */
static const char *const unknown_algids[] = {
	"304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108"
	"300d06096086480165030402010500a203020114",
	"304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108"
	"300d06096086480165030402020500a203020120",
	"300d06092a864886f70d01010a3000",
	"300b06092a864886f70d01010a",
	"300d06092a864886f70d0101040500",
	"300a06082a864886f70d0205",
	"300c06082a8648ce3d0403020101ff",
	"",
	"00",
};

static struct crypto_key *public_key(const char *spki)
{
	struct bytes der = hex(spki);
	struct crypto_key *k = NULL;

	assert_int_equal(crypto_key_from_spki(&k, view_of(&der)), 0);
	return k;
}

static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		const struct sig_vector *v = &vectors[i];
		const struct crypto_sig *s = crypto_sig_by_name(v->sig);
		struct crypto_key *k = public_key(v->spki);
		struct bytes sig = hex(v->signature);
		const size_t half = strlen(v->message) / 2;
		struct view parts[] = { { (const uint8_t *)v->message, half }, text(v->message + half) };

		assert_non_null(s);
		assert_int_equal(crypto_sig_check(s, k, parts, 2, view_of(&sig)), 0);
		/* Any bit of it, a byte less, a byte more, another message. */
		for (size_t bit = 0; bit < 8 * sig.n; bit += 37) {
			sig.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(crypto_sig_check(s, k, parts, 2, view_of(&sig)), -1);
			sig.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		assert_int_equal(crypto_sig_check(s, k, parts, 2, (struct view){ sig.p, sig.n - 1 }), -1);
		assert_int_equal(crypto_sig_check(s, k, parts, 2, (struct view){ sig.p, sig.n + 1 }), -1);
		assert_int_equal(crypto_sig_check(s, k, parts, 2, (struct view){ sig.p, 0 }), -1);
		assert_int_equal(crypto_sig_check(s, k, parts, 1, view_of(&sig)), -1);
		crypto_key_free(k);
	}
}

static void test_deterministic(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		const struct sig_vector *v = &vectors[i];
		const struct crypto_sig *s = crypto_sig_by_name(v->sig);
		uint8_t out[CRYPTO_SIG_MAX];
		struct view message = text(v->message);
		struct crypto_key *k = NULL;
		size_t n = sizeof(out);
		struct bytes der;

		if (!v->private)
			continue;
		der = hex(v->private);
		assert_int_equal(crypto_key_from_private(&k, view_of(&der), (struct view){ 0 }), 0);
		assert_int_equal(crypto_sig_make(s, k, &message, 1, out, &n), 0);
		assert_hex(out, n, v->signature);
		crypto_key_free(k);
	}
}

static void test_algids(void **state)
{
	const struct crypto_sig *s = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(algids) / sizeof(*algids); i++) {
		struct bytes b = hex(algids[i].algid);
		uint8_t more[sizeof(b.p)];

		s = crypto_sig_by_algid(view_of(&b));
		assert_non_null(s);
		assert_string_equal(s->name, algids[i].sig);
		for (size_t n = 0; n < b.n; n++)
			assert_null(crypto_sig_by_algid((struct view){ b.p, n }));
		memcpy(more, b.p, b.n);
		more[b.n] = 0;
		assert_null(crypto_sig_by_algid((struct view){ more, b.n + 1 }));
	}
	for (size_t i = 0; i < sizeof(unknown_algids) / sizeof(*unknown_algids); i++) {
		struct bytes b = hex(unknown_algids[i]);

		assert_null(crypto_sig_by_algid(view_of(&b)));
	}
	/* The table finds itself, by what each scheme is named by on the wire. */
	for (s = NULL; (s = crypto_sig_next(s));) {
		assert_ptr_equal(crypto_sig_by_name(s->name), s);
		assert_ptr_equal(s->algid.n ? crypto_sig_by_algid(s->algid) : crypto_sig_by_method(s->method), s);
		assert_true(!s->algid.n == (s->method != 14));
	}
	/* Published bytes are those that we send. */
	for (size_t i = 0; i < 10; i++)
		assert_hex(crypto_sig_by_name(algids[i].sig)->algid.p, crypto_sig_by_name(algids[i].sig)->algid.n, algids[i].algid);
	assert_null(crypto_sig_by_method(14));
	assert_null(crypto_sig_by_method(2));
	assert_null(crypto_sig_by_name("dsa"));
}

static const struct {
	enum crypto_key_type type;
	unsigned bits;
	const char *name;
} kinds[] = {
	{ CRYPTO_KEY_RSA, 2048, "RSA-2048" }, { CRYPTO_KEY_EC, 256, "P-256" }, { CRYPTO_KEY_EC, 384, "P-384" },
	{ CRYPTO_KEY_EC, 521, "P-521" }, { CRYPTO_KEY_ED25519, 0, "Ed25519" }, { CRYPTO_KEY_ED448, 0, "Ed448" },
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

/* Each scheme with each key: it fits and what was made is true, or it does not and nothing is made. */
static void test_round_trip(void **state)
{
	static const uint8_t octets[] = "message nonce macid";
	const struct view parts[] = { { octets, 8 }, { octets + 8, 6 }, { octets + 14, 5 } };
	const struct view whole = { octets, 19 };
	unsigned fitting = 0;

	(void)state;
	for (size_t i = 0; i < KINDS; i++) {
		struct secret spki = { 0 }, pem = { 0 };
		struct crypto_key *k, *public, *again;
		char name[32];

		assert_int_equal(crypto_key_generate(&k, kinds[i].type, kinds[i].bits), 0);
		assert_string_equal(crypto_key_name(k, name, sizeof(name)), kinds[i].name);
		assert_int_equal(crypto_key_spki(k, &spki), 0);
		assert_int_equal(crypto_key_from_spki(&public, secret_view(&spki)), 0);
		assert_int_equal(crypto_key_private_pem(k, &pem), 0);
		assert_int_equal(crypto_key_from_private(&again, secret_view(&pem), (struct view){ 0 }), 0);
		assert_true(crypto_key_equal(k, public) && crypto_key_equal(k, again));
		assert_true(crypto_key_is_private(again) && !crypto_key_is_private(public));
		assert_int_equal(crypto_key_private_pem(public, &pem), -1);
		for (const struct crypto_sig *s = NULL; (s = crypto_sig_next(s));) {
			uint8_t sig[CRYPTO_SIG_MAX];
			size_t n = sizeof(sig);
			bool fits = crypto_sig_fits(s, k);

			assert_int_equal(crypto_sig_make(s, again, parts, 3, sig, &n), fits ? 0 : -1);
			if (!fits)
				continue;
			fitting++;
			assert_int_equal(crypto_sig_check(s, public, &whole, 1, (struct view){ sig, n }), 0);
			n = sizeof(sig);
			assert_int_equal(crypto_sig_make(s, public, parts, 3, sig, &n), -1);
			n = CRYPTO_SIG_MAX - 1;
			assert_int_equal(crypto_sig_make(s, k, parts, 3, sig, &n), -1);
		}
		secret_clear(&spki);
		secret_clear(&pem);
		crypto_key_free(k);
		crypto_key_free(public);
		crypto_key_free(again);
	}
	assert_int_equal(fitting, 8 + 3 * 4 + 2);
}

static void test_keys_refused(void **state)
{
	struct bytes rsa = hex(vectors[3].spki), ed = hex(vectors[5].spki);
	/* Keys, but none that signs for us: X25519, P-224. */
	struct bytes x25519 = hex("302a300506032b656e032100e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
	struct bytes p224 = hex("304e301006072a8648ce3d020106052b81040021033a00049387e31fbc2d7de2ccf322b52fa8302dc2541e3969f08821"
				"27523ab9023ca8b11ba8b7cdf7633a7526e298729dd7f1afa2a7f42e94c99104");
	struct crypto_key *k = NULL;
	uint8_t longer[sizeof(ed.p)];

	(void)state;
	for (size_t n = 0; n < rsa.n; n++)
		assert_int_equal(crypto_key_from_spki(&k, (struct view){ rsa.p, n }), CRYPTO_KEY_MALFORMED);
	memcpy(longer, ed.p, ed.n);
	longer[ed.n] = 0;
	assert_int_equal(crypto_key_from_spki(&k, (struct view){ longer, ed.n + 1 }), CRYPTO_KEY_MALFORMED);
	assert_int_equal(crypto_key_from_spki(&k, view_of(&x25519)), CRYPTO_KEY_UNSUPPORTED);
	assert_int_equal(crypto_key_from_spki(&k, view_of(&p224)), CRYPTO_KEY_UNSUPPORTED);
	assert_int_equal(crypto_key_from_private(&k, view_of(&rsa), (struct view){ 0 }), CRYPTO_KEY_MALFORMED);
	assert_int_equal(crypto_key_from_private(&k, text("-----BEGIN PRIVATE KEY-----\n"), (struct view){ 0 }), CRYPTO_KEY_MALFORMED);
	assert_int_equal(crypto_key_generate(&k, CRYPTO_KEY_RSA, 1024), CRYPTO_KEY_UNSUPPORTED);
	assert_int_equal(crypto_key_generate(&k, CRYPTO_KEY_EC, 224), CRYPTO_KEY_UNSUPPORTED);
	assert_null(k);
	assert_string_equal(crypto_key_strerror(CRYPTO_KEY_UNSUPPORTED), "keys of this type or length are not supported");
	assert_string_equal(crypto_key_strerror(-99), "unknown error");
}

/* Made by "openssl genpkey -algorithm ed25519 -aes256 -pass pass:sesame". */
static const char encrypted[] =
	"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
	"MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhgaCYXxPVOkwICCAAw\n"
	"DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEGIYhQdwqtI2LHuBe1zOiM4EQFlU\n"
	"5oTbhis7wpohSxV9TcZGgJ14vsElYWMh1Wa/Y1Luc0MbCQOat911c+couoyXohPB\n"
	"qgsGv7T1dohT9q79e3Y=\n"
	"-----END ENCRYPTED PRIVATE KEY-----\n";

static void test_passphrase(void **state)
{
	struct crypto_key *k = NULL;

	(void)state;
	assert_int_equal(crypto_key_from_private(&k, text(encrypted), (struct view){ 0 }), CRYPTO_KEY_PASSPHRASE);
	assert_int_equal(crypto_key_from_private(&k, text(encrypted), text("sesam")), CRYPTO_KEY_PASSPHRASE);
	assert_int_equal(crypto_key_from_private(&k, text(encrypted), text("sesame")), 0);
	assert_int_equal(crypto_key_type(k), CRYPTO_KEY_ED25519);
	assert_int_equal(crypto_key_bits(k), 256);
	crypto_key_free(k);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors), cmocka_unit_test(test_deterministic), cmocka_unit_test(test_algids),
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_keys_refused), cmocka_unit_test(test_passphrase),
	};

	return cmocka_run_group_tests(tests, with_crypto, without_crypto);
}
