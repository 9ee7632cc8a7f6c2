// SPDX-License-Identifier: MIT
// IKEv1's keys, hashes and IVs against values that Python made from the words of RFC 2409, by the script in the comment.
#include "keyd/crypto/keymat_v1.h"

#include "keyd/crypto/hash.h"
#include "tests/unit/test_crypto_hex.h"

/*
 *   import hmac, hashlib
 *   from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
 *   from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
 *   r = lambda a, n: bytes((a + i) & 255 for i in range(n))
 *   ni, nr, ci, cr, gxy, gi, gr = r(1, 16), r(33, 24), r(65, 8), r(81, 8), r(128, 96), r(3, 96), r(7, 96)
 *   psk, sai, idi, idr, rest, oldiv = b'mekmitasdigoat', r(9, 44), r(11, 8), r(13, 8), r(15, 50), r(77, 16)
 *   be = lambda n, l: n.to_bytes(l, 'big')
 *   for word, h, cipher, klen, block in (('md5', hashlib.md5, TripleDES, 24, 8),
 *                                        ('sha1', hashlib.sha1, algorithms.AES, 32, 16),
 *                                        ('sha256', hashlib.sha256, algorithms.AES, 16, 16),
 *                                        ('sha512', hashlib.sha512, algorithms.AES, 24, 16)):
 *       prf = lambda k, d: hmac.new(k, d, h).digest()
 *       out = {}
 *       for how, s in (('psk', prf(psk, ni + nr)), ('sig', prf(ni + nr, gxy))):
 *           d = prf(s, gxy + ci + cr + b'\0')
 *           a = prf(s, d + gxy + ci + cr + b'\1')
 *           e = prf(s, a + gxy + ci + cr + b'\2')
 *           if how == 'psk':
 *               k, t = (e, b'') if len(e) >= klen else (b'', b'\0')
 *               while len(k) < klen:
 *                   t = prf(e, t)
 *                   k += t
 *               k = k[:klen]
 *               out.update(skeyid=s, d=d, a=a, e=e, key=k)
 *               out['hash_i'] = prf(s, gi + gr + ci + cr + sai + idi)
 *               out['hash_r'] = prf(s, gr + gi + cr + ci + sai + idr)
 *               mid = be(0xdeadbeef, 4)
 *               out['hash1'] = prf(a, mid + rest)
 *               out['hash2'] = prf(a, mid + ni + rest)
 *               out['hash3'] = prf(a, b'\0' + mid + ni + nr)
 *               iv = h(gi + gr).digest()[:block]
 *               iv2 = h(oldiv[:block] + mid).digest()[:block]
 *               out['iv1'], out['iv2'] = iv, iv2
 *               enc = Cipher(cipher(k), modes.CBC(iv)).encryptor()
 *               out['text'] = enc.update(r(100, 64)) + enc.finalize()
 *               for pfs in (b'', gxy):
 *                   t = m = b''
 *                   while len(m) < 72:
 *                       t = prf(d, t + pfs + b'\3' + be(0xc0ffee01, 4) + ni + nr)
 *                       m += t
 *                   out['keymat_pfs' if pfs else 'keymat'] = m[:72]
 *               out['natd'] = h(ci + cr + bytes([192, 0, 2, 1]) + be(500, 2)).digest()
 *           else:
 *               out['sig'] = s
 */
struct vector {
	const char *prf, *encr;
	const char *skeyid, *d, *a, *e, *key, *hash_i, *hash_r, *hash1, *hash2, *hash3, *iv1, *iv2, *text, *keymat, *keymat_pfs,
		*natd, *sig;
};

static const struct vector vectors[] = {
	{
		"prfmd5", "3des",
		.skeyid = "1fb8c48ce1638abba09b1e25993fc0a9",
		.d = "6c959337e2d222a7772274b33d31b736",
		.a = "0d00ab8154e88f4acddfbd5f3340cb13",
		.e = "8eedb17ad1ac3a2f166d9a6686e3fcd9",
		.key = "5f591a2eaca8bf4de7a9fdd9bc28cb47ad22765d34c8346a",
		.hash_i = "0fbb57053d35cd9d6bdabdff0965c7fa",
		.hash_r = "efeab24cd4c03449bb381698cf67c9fd",
		.hash1 = "a52afce4dc43a08e08e92d0a5208057f",
		.hash2 = "22d9cfcb28a7cb144addf42d5c5ac5a9",
		.hash3 = "4b469e739ffcd0399dba21fd90916e5f",
		.iv1 = "1b77152915608d1f",
		.iv2 = "e8a578197a0ec981",
		.text = "0993eb66ea5ec8906a78d9b4d7b2c7183aa84b3100283fc6c965ee0707c4ecfb737af41590437728b69e7f540821a24b"
			"fcd8a8f516fea78927cfa3a28c881cb6",
		.keymat = "18867a8dcc3c3fa04ec095b011b1ad88d831d302d0ea9f4d90889cb375b7fd158d02dd28546c20bcc9a1101ea798c958"
			"bd8d364b67321b6eedb43a518d0a6fe869bf45a3a9b2014e",
		.keymat_pfs = "e0f5a348884f7beaba330e37fbfd8720adca62ba4fa76e1d7e7934a3457dc06fae8792f19d804e621b1d3ce0fae32e2b"
			"d51ebf96b38a9666cce562d0910f275ee34a1a4607a7d69d",
		.natd = "bf8856dee24f9ac480a6982178aa9441",
		.sig = "5ac2311b4dfe695b25db1cdcdabbb71c",
	},
	{
		"prfsha1", "aes256",
		.skeyid = "9eebbd451aa142c70e92e1606ebc562217f07619",
		.d = "8fd30c5886540589144d32fdb2577e12e8b394ff",
		.a = "8189f855e30cb2ec66e5fccd0bbeaae80a9b8753",
		.e = "e795564e73979303b02b88e6f12ebe61ad5140c7",
		.key = "97b64f43a4450ec7c546f8b1cc746e01764fdc197326c3b4f608befb21e25b3d",
		.hash_i = "807df47651550840c084bf53cf1282e36ffe754e",
		.hash_r = "74b6dba23056feb9c6cfdafb9031f4bf5ba235e5",
		.hash1 = "11f7314fabef2ce4f4609fb9146456f48ae5ba0c",
		.hash2 = "eb9d16c5ed2a4a418c26f005423a5b2cbf13186a",
		.hash3 = "6c5c1b75e3226e8d7126bd3bfbfa2588e59b13e8",
		.iv1 = "0af266315053d8358d341ab22cc7296a",
		.iv2 = "2ac5ea77c22ecb0b963edcafbe2e5f54",
		.text = "53b2d532ce3c89f251c504624f34f75f6a1ffb13222de27c419be12ff81bcc10cd971240208a2d6323aac893dc235627"
			"47eb6ba64f50accccaaab5727b6a3c99",
		.keymat = "d165f99fe737be98b30fcd54c393318f70336d94e5f914f77c4a22ca50a3482baa0e973a037e24a5dc6d81a18828a090"
			"525609d09fc5f4cef040cf20ec79089bed54a96034f57f01",
		.keymat_pfs = "2384c875fd12a94b9f09c6a3ee2469ba57eaaba966322ea8c07f9c344fc7feae8eff43da76c0fa77856b62e52e2d9410"
			"45d0e25cd820f0295ff066de0ad837ddae74ed31febb4efb",
		.natd = "115fbc17ef599f54a921046c66419e7991e6a597",
		.sig = "5bf710d364bef10f9a792b417b56a596dc3e682f",
	},
	{
		"prfsha256", "aes128",
		.skeyid = "bc4002dac24012bde673f6dcf5f9c054bfa7b229d7059c9359886dac9efaa17f",
		.d = "d32e662ea4381587b7cefbf9dab089e2c2c2d1c9fdae7f445deb43b68617127a",
		.a = "767ab5009641715e56f35880959ac64b2587b7f5923d7e36c33867a58fb52469",
		.e = "df6dc655c5c31413aa09abaf47c7ece4d8147cdc9e414fd163fd68615034e48e",
		.key = "df6dc655c5c31413aa09abaf47c7ece4",
		.hash_i = "13c31225937ed54821f5b95f5361b088e7e0f920cdbaf65c3074f5eb1e621b96",
		.hash_r = "c02d031f3dacd4d42fefb2e118d72e5cd86f278d1735f110150a8c082d61a3fc",
		.hash1 = "35c4a0483640ef061204fa1d79b8d7ee3f5742b059a29deb9ec3e788691f25c8",
		.hash2 = "e4469921a14741339d0b7d1467a9ea766eba23ea6e697c83c07d2f5d99c5217e",
		.hash3 = "1f6c3bdcb36ca401c11ed8ac3dde986984f1fe593a8bc1abc4ebc822aab8d226",
		.iv1 = "6043f1adf4aa722db64dbbee67c09307",
		.iv2 = "fc36f4c72b123362a768c0008cf45511",
		.text = "4ce9cfc84deae71675a397d46bd9d29d808d5f3804af159fd8a39110787efe6f417c0b5b7719fd61bf76342c6ff2342d"
			"374914715cecc22c63590606547952d5",
		.keymat = "e780fb74c42aaedb42c67087b4eb384da161b49c6e32a7303a7a592442863b42a3abc66b7fbe6a8ecaa7be5128787f6a"
			"f995f36485b28df7c10a7b93cad33c54c412f2c8e34f6db6",
		.keymat_pfs = "fed1e089d5da4280b430c8634724687de5feb0478eb299299d67854d14bc0b80528e3ed04323b899cfed994fd73d669f"
			"e123ba7e61845c5eac9cb142e350f566bee8a81bb08b6a63",
		.natd = "cba467fc10def673f092d315a81c94d43b71687cee7ca68b7c2cd75307636fb8",
		.sig = "2a60fcc72252e3ba4ece6b2b036316c24261bd8b7cbe60eae5d8e24ec39fd6a7",
	},
	{
		"prfsha512", "aes192",
		.skeyid = "29fbabe2466d544eb3566fb0e7614b3c76dcec3deab5f43e48a83bb50a084c275c178e1fbbbefdedd793ff361ba3403e"
			"fae15ade519b7984d1ead83572b9c954",
		.d = "c33a0bf9844d5bc902481538f5d84d4f9931d222657bc0ebb675a7bd23cbd9cf2dd2736b4afbcb66cc2684a509766058"
			"efa68f3981a1c1abf826237b9ff44fcb",
		.a = "05c538f3e6dd1a91cf1e5e3224d58f50f9fb722bad4f6248a42b2c205a9038e96e00f17eb4bd2bd7b1be7b93b3f40fbd"
			"b54ecf54e0c91921fd37e9910442d29a",
		.e = "a26afa87404677e73af231038e2316a281c87b0663bd0643533bb61f45782771596fc2e8aa32bb9d4c6c2b05eb04a5b8"
			"46f044c70c460ac383d3781c1ca1a3ba",
		.key = "a26afa87404677e73af231038e2316a281c87b0663bd0643",
		.hash_i = "af4dbcd4017aa688b360f45206d663f2132e1d71f431cae02be86475b1fe9035a7b548a83a35b49f9d6579652c7b920a"
			"d9ed869f284a0adee4efed481b9b42c1",
		.hash_r = "281a5d16b2e52e61e7198429da52fbf8e0c8694ea7d35e520a9fac4bf340579a14ccdebe26d14ef0258cbbfdaf526e9f"
			"e083d397620abecbe24140b0f2439438",
		.hash1 = "f26b3d3058aa5f3ab0fdd347c594c1d3b6081a48c7f4a2d774487c5a1f3c57ba164e68e61190223784f215cd42d1966d"
			"871f65d14c84cbe58932dcc048872d1c",
		.hash2 = "ec6c28d9dd9c123a5226fe1b715766726ed69c8542c554a6e9b0be1931e3fd8f1257576a011f2fb05cff18d68419a34d"
			"310d1768a38f9a61cf1bff732e0c9edd",
		.hash3 = "04a1f35cb1279965dfdee13fa32a1eed0d21dd92f8fa10b16876c28318ab7b66be01860dccebda95830e4aa5d6c6ca8f"
			"aeb313ba8cff3aec2172f15e3074df4f",
		.iv1 = "c225981fbbec97595e9bb0c07c7200f8",
		.iv2 = "9063ce2f40fd4208ba15a4de8c6c713f",
		.text = "8fd28f2c8a3612ce37d0cfabb7a1ed2b50706481eb8fa48dca80ee47bc1f58c06b4c39f468bacc0cbe320b07a15aa87e"
			"dec6c7ebab67f4654f922a14c1f044c8",
		.keymat = "ac0e4f0f7da2c3070eec406afa44c2068f4ed4a7c15e25cb8bb79c13099e35fb8b23be96f8c70388f9a45e20bdf635b3"
			"b613d725c12ea1b4f881ae390777a1179764ab6823432ba3",
		.keymat_pfs = "2c88e07b672ed75118b170aadec45e5ffeb437adf65ca03b10668717cfbb46e9f2a920b4d520d3a82b9571ef571feffc"
			"af067bb221d96fccc2c5734e7c27828af2d8e4e3b122abd8",
		.natd = "f7eb245661504d6b8265d60c9220a479061a86069a67091e595e55dd1ce6cc868d0ad168e4d18e2e8ec567adeb33fc42"
			"2853ceeda11e1262b9af66dd59ec946d",
		.sig = "aa3b4cc85eb098c1893993a8fe868d2ef972b6da7c6a650e8f9ee900a4c88a7d5fe3262e17d4cffac04135eb5a7eee45"
			"abbe70445fca6ffea038b0f1974abfee",
	},
};

#define VECTORS (sizeof(vectors) / sizeof(vectors[0]))
#define MESSAGE_ID 0xdeadbeefu
#define SPI 0xc0ffee01u

static struct bytes ni, nr, cky_i, cky_r, g_xy, g_xi, g_xr, sai_b, idii_b, idir_b, rest, last_block, plain;
static const struct crypto_alg *prf;
static struct ikev1_suite suite;

/* n bytes that count up from a. */
static struct bytes row(unsigned a, size_t n)
{
	struct bytes b = { .n = n };

	for (size_t i = 0; i < n; i++)
		b.p[i] = (uint8_t)(a + i);
	return b;
}

static int setup(void **state)
{
	(void)state;
	ni = row(1, 16);
	nr = row(33, 24);
	cky_i = row(65, 8);
	cky_r = row(81, 8);
	g_xy = row(128, 96);
	g_xi = row(3, 96);
	g_xr = row(7, 96);
	sai_b = row(9, 44);
	idii_b = row(11, 8);
	idir_b = row(13, 8);
	rest = row(15, 50);
	last_block = row(77, 16);
	plain = row(100, 64);
	return crypto_init();
}

static int teardown(void **state)
{
	(void)state;
	crypto_exit();
	return 0;
}

/* From here on prf and suite are those of the vector; k has its keys. */
static void keys_of(const struct vector *v, struct ikev1_keys *k)
{
	uint8_t skeyid[CRYPTO_PRF_MAX];

	prf = crypto_alg_by_name(CRYPTO_PRF, v->prf);
	suite = (struct ikev1_suite){ crypto_alg_by_name(CRYPTO_ENCR, v->encr), prf };
	assert_int_equal(ikev1_skeyid_psk(prf, text("mekmitasdigoat"), view_of(&ni), view_of(&nr), skeyid), 0);
	assert_int_equal(ikev1_keymat_phase1(k, &suite, (struct view){ skeyid, prf->prf }, view_of(&g_xy), cky_i.p, cky_r.p), 0);
}

static void assert_secret(const struct secret *s, const char *expected)
{
	assert_hex(s->p, s->n, expected);
}

static void phase_1_keys(void **state)
{
	uint8_t out[CRYPTO_PRF_MAX];

	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		const struct vector *v = &vectors[i];
		struct ikev1_keys k = { 0 };

		keys_of(v, &k);
		assert_secret(&k.skeyid, v->skeyid);
		assert_secret(&k.skeyid_d, v->d);
		assert_secret(&k.skeyid_a, v->a);
		assert_secret(&k.skeyid_e, v->e);
		assert_secret(&k.key, v->key);
		assert_int_equal(ikev1_skeyid_sig(prf, view_of(&ni), view_of(&nr), view_of(&g_xy), out), 0);
		assert_hex(out, prf->prf, v->sig);
		ikev1_keys_clear(&k);
		assert_null(k.key.p);
	}
}

static void hashes(void **state)
{
	uint8_t out[CRYPTO_PRF_MAX];

	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		const struct vector *v = &vectors[i];
		struct ikev1_keys k = { 0 };
		struct view a;

		keys_of(v, &k);
		a = secret_view(&k.skeyid_a);
		assert_int_equal(ikev1_hash_phase1(prf, secret_view(&k.skeyid), view_of(&g_xi), view_of(&g_xr), cky_i.p, cky_r.p,
						   view_of(&sai_b), view_of(&idii_b), out), 0);
		assert_hex(out, prf->prf, v->hash_i);
		assert_int_equal(ikev1_hash_phase1(prf, secret_view(&k.skeyid), view_of(&g_xr), view_of(&g_xi), cky_r.p, cky_i.p,
						   view_of(&sai_b), view_of(&idir_b), out), 0);
		assert_hex(out, prf->prf, v->hash_r);
		assert_int_equal(ikev1_hash(prf, a, MESSAGE_ID, (struct view){ 0 }, view_of(&rest), out), 0);
		assert_hex(out, prf->prf, v->hash1);
		assert_int_equal(ikev1_hash(prf, a, MESSAGE_ID, view_of(&ni), view_of(&rest), out), 0);
		assert_hex(out, prf->prf, v->hash2);
		assert_int_equal(ikev1_hash3(prf, a, MESSAGE_ID, view_of(&ni), view_of(&nr), out), 0);
		assert_hex(out, prf->prf, v->hash3);
		assert_int_equal(ikev1_nat_hash(prf, cky_i.p, cky_r.p, (struct view){ (uint8_t[]){ 192, 0, 2, 1 }, 4 }, 500, out), 0);
		assert_hex(out, prf->prf, v->natd);
		ikev1_keys_clear(&k);
	}
}

/* The whole at once, and in two messages of one exchange: the second goes on where the first ended. */
static void encryption_and_its_ivs(void **state)
{
	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		const struct vector *v = &vectors[i];
		uint8_t iv[CRYPTO_IV_MAX], iv_in[CRYPTO_IV_MAX], buf[64];
		struct ikev1_keys k = { 0 };

		keys_of(v, &k);
		assert_int_equal(ikev1_iv_phase2(&suite, last_block.p, MESSAGE_ID, iv), 0);
		assert_hex(iv, suite.encr->block, v->iv2);
		assert_int_equal(ikev1_iv_phase1(&suite, view_of(&g_xi), view_of(&g_xr), iv), 0);
		assert_hex(iv, suite.encr->block, v->iv1);
		memcpy(iv_in, iv, sizeof(iv));
		memcpy(buf, plain.p, sizeof(buf));
		assert_int_equal(ikev1_encrypt(&suite, &k, iv, buf, 16), 0);
		assert_memory_equal(iv, buf + 16 - suite.encr->block, suite.encr->block);
		assert_int_equal(ikev1_encrypt(&suite, &k, iv, buf + 16, 48), 0);
		assert_hex(buf, sizeof(buf), v->text);
		assert_int_equal(ikev1_decrypt(&suite, &k, iv_in, buf, 48), 0);
		assert_int_equal(ikev1_decrypt(&suite, &k, iv_in, buf + 48, 16), 0);
		assert_memory_equal(buf, plain.p, sizeof(buf));
		assert_memory_equal(iv_in, iv, sizeof(iv));
		ikev1_keys_clear(&k);
	}
}

static void quick_mode_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		const struct vector *v = &vectors[i];
		struct ikev1_keys k = { 0 };
		struct secret out = { 0 };

		keys_of(v, &k);
		assert_int_equal(ikev1_keymat_child(prf, secret_view(&k.skeyid_d), (struct view){ 0 }, 3, SPI, view_of(&ni),
						    view_of(&nr), &out, 72), 0);
		assert_secret(&out, v->keymat);
		assert_int_equal(ikev1_keymat_child(prf, secret_view(&k.skeyid_d), view_of(&g_xy), 3, SPI, view_of(&ni),
						    view_of(&nr), &out, 72), 0);
		assert_secret(&out, v->keymat_pfs);
		secret_clear(&out);
		ikev1_keys_clear(&k);
	}
}

static void refuses_what_does_not_fit(void **state)
{
	uint8_t iv[CRYPTO_IV_MAX] = { 7 }, buf[64] = { 9 }, out[CRYPTO_PRF_MAX];
	struct ikev1_suite aead;
	struct ikev1_keys k = { 0 };
	struct secret keymat = { 0 };
	struct bytes long_nonce = row(0, 512);

	(void)state;
	keys_of(&vectors[1], &k);
	aead = (struct ikev1_suite){ crypto_alg_by_name(CRYPTO_ENCR, "aes128gcm16"), prf };
	assert_int_equal(ikev1_encrypt(&suite, &k, iv, buf, 0), -1);
	assert_int_equal(ikev1_encrypt(&suite, &k, iv, buf, 15), -1);
	assert_int_equal(ikev1_decrypt(&suite, &k, iv, buf, 24), -1);
	assert_int_equal(iv[0], 7);
	assert_int_equal(buf[0], 9);
	assert_int_equal(ikev1_iv_phase1(&aead, view_of(&g_xi), view_of(&g_xr), iv), -1);
	assert_int_equal(ikev1_keymat_child(prf, secret_view(&k.skeyid_d), (struct view){ 0 }, 3, SPI, view_of(&ni), view_of(&nr),
					    &keymat, 257), -1);
	assert_null(keymat.p);
	assert_int_equal(ikev1_skeyid_sig(prf, view_of(&long_nonce), view_of(&nr), view_of(&g_xy), out), -1);
	assert_int_equal(out[0], 0);
	assert_int_equal(ikev1_keymat_phase1(&k, &aead, view_of(&ni), view_of(&g_xy), cky_i.p, cky_r.p), -1);
	assert_null(k.skeyid.p);
	assert_int_equal(ikev1_encrypt(&suite, &k, iv, buf, 16), -1);	/* no key */
}

/* RFC 2409 appendix A, RFC 2407 4.4.4 and 4.5, RFC 4868 2.6, RFC 3602 5.1, RFC 4106 8: and what has no number there. */
static void numbers(void **state)
{
	static const struct { enum crypto_kind kind; const char *name; unsigned phase1, esp; } rows[] = {
		{ CRYPTO_ENCR, "3des", 5, 3 }, { CRYPTO_ENCR, "aes128", 7, 12 }, { CRYPTO_ENCR, "aes192", 7, 12 },
		{ CRYPTO_ENCR, "aes256", 7, 12 }, { CRYPTO_ENCR, "aes128ctr", 0, 13 }, { CRYPTO_ENCR, "aes256gcm8", 0, 18 },
		{ CRYPTO_ENCR, "aes256gcm12", 0, 19 }, { CRYPTO_ENCR, "aes128gcm16", 0, 20 }, { CRYPTO_ENCR, "null", 0, 11 },
		{ CRYPTO_ENCR, "chacha20poly1305", 0, 0 },
		{ CRYPTO_PRF, "prfmd5", 1, 0 }, { CRYPTO_PRF, "prfsha1", 2, 0 }, { CRYPTO_PRF, "prfsha256", 4, 0 },
		{ CRYPTO_PRF, "prfsha384", 5, 0 }, { CRYPTO_PRF, "prfsha512", 6, 0 },
		{ CRYPTO_INTEG, "md5", 0, 1 }, { CRYPTO_INTEG, "sha1", 0, 2 }, { CRYPTO_INTEG, "sha256", 0, 5 },
		{ CRYPTO_INTEG, "sha384", 0, 6 }, { CRYPTO_INTEG, "sha512", 0, 7 },
		{ CRYPTO_KE, "modp768", 1, 0 }, { CRYPTO_KE, "modp1024", 2, 0 }, { CRYPTO_KE, "modp1536", 5, 0 },
		{ CRYPTO_KE, "modp2048", 14, 0 }, { CRYPTO_KE, "modp3072", 15, 0 }, { CRYPTO_KE, "modp4096", 16, 0 },
		{ CRYPTO_KE, "ecp256", 19, 0 }, { CRYPTO_KE, "ecp384", 20, 0 }, { CRYPTO_KE, "ecp521", 21, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct crypto_alg *a = crypto_alg_by_name(rows[i].kind, rows[i].name);

		assert_non_null(a);
		assert_int_equal(a->ikev1_id, rows[i].phase1);
		assert_int_equal(a->ikev1_esp_id, rows[i].esp);
	}
	assert_string_equal(ikev1_alg_encr(7, 256)->name, "aes256");
	assert_string_equal(ikev1_alg_encr(5, 0)->name, "3des");
	assert_null(ikev1_alg_encr(7, 0));
	assert_null(ikev1_alg_encr(0, 0));
	assert_string_equal(ikev1_alg_hash(1)->name, "prfmd5");
	assert_null(ikev1_alg_hash(3));
	assert_string_equal(ikev1_alg_group(1)->name, "modp768");
	assert_null(ikev1_alg_group(3));
	assert_string_equal(ikev1_alg_esp(20, 128)->name, "aes128gcm16");
	assert_string_equal(ikev1_alg_esp(11, 0)->name, "null");
	assert_string_equal(ikev1_alg_esp_auth(5)->name, "sha256");
	assert_null(ikev1_alg_esp_auth(0));
}

static void old_ones_are_marked(void **state)
{
	static const struct { enum crypto_kind kind; const char *name; } old[] = {
		{ CRYPTO_ENCR, "3des" }, { CRYPTO_PRF, "prfmd5" }, { CRYPTO_PRF, "prfsha1" }, { CRYPTO_INTEG, "md5" },
		{ CRYPTO_INTEG, "sha1" }, { CRYPTO_KE, "modp768" }, { CRYPTO_KE, "modp1024" }, { CRYPTO_KE, "modp1536" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(old) / sizeof(old[0]); i++)
		assert_true(crypto_alg_by_name(old[i].kind, old[i].name)->flags & CRYPTO_LEGACY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(phase_1_keys),
		cmocka_unit_test(hashes),
		cmocka_unit_test(encryption_and_its_ivs),
		cmocka_unit_test(quick_mode_keys),
		cmocka_unit_test(refuses_what_does_not_fit),
		cmocka_unit_test(numbers),
		cmocka_unit_test(old_ones_are_marked),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
