// SPDX-License-Identifier: MIT
// Key material of IKEv2 against published vectors: NIST's SHA-1 sample of CAVS 800-135 (ikev2.zip), and the SHA-256
// self test of OpenSSL's IKEV2KDF (test/recipes/30-test_evp_data/evpkdf_ikev2.txt), which has the same inputs.
#include "keyd/crypto/keymat.h"
#include "keyd/crypto/prf.h"
#include "tests/unit/test_crypto_hex.h"

#define NI "3651fef5c9c35e93"
#define NR "c09a8b90a3f04d59"
#define SPI_I "8e5c3ae507221684"
#define SPI_R "b1f201bb155c3acd"
#define G_IR											\
	"d084a30166a50fb7325c3960874a839449ef9741c2f4f947d0201dd8c1269273d79509f37e3ca3eb4fa2fe2a28254e28"	\
	"9cd3f34dad4eb4df1a07685a4b8a94fa61e2491f7598b3ce65547ff133b3f63d1ac4175eaa695033f3cedb026a6873a3"	\
	"6455172a8540b8a5d23a0143bed0390ee49b168269d75fffee9fb62be965993c"
#define G_IR_NEW										\
	"52f00ab174c25d5b7139ae5ff4e8e9eddee5992d2e36adf8a559ffd90dab1442e4fbe429d320c0f33552a17d1557fa41"	\
	"ea70e8fb916c4fa27ed52b5f8ebd8461afa78f1159159a64055ac5f6319e29c28eae58cbc6847770f32c3fed1d047504"	\
	"84f854790f95e9ec01bc5bc461f24966462e359511329305038e94deb6dd42c2"

/* encr and integ are chosen so that the keys of an IKE SA take exactly as many bytes as the vector's DKM has. */
struct kdf_vector {
	const char *prf, *encr, *integ;
	const char *dkm, *dkm_child, *dkm_child_dh, *skeyseed_rekey;
};

static const struct kdf_vector vectors[] = {
	{ "prfsha1", "aes128", "sha1",
	  "6f1b12cad3cbe097b35430356d869d54cddb0198ec859174d53ceb92dddedbe2436db69f60977c58fa63bbb667f8d369"
	  "20b109baae8f6c61a9ac49feda01843225d080ec5539d5881a25521ffb2a0a91874a9c0a27fcc2d717eb8963a9e3a89c"
	  "7ab264757284c28cf8c3ca40576f4220b052b1fb8e9ad60ba3c80557323331a8cbb89f20",
	  "4727dc0ef94eb326ce131cf282fb652faa638ad0ddae3786a11bcc0309876009f8c485de011ad962c5b1ca8a41ff8145"
	  "445749079c5686e26ffebbc342f06981f3da745e11ca0976424d1f8caec623d59dc7186deb20a27b411d1dcb70a36544"
	  "0bf7de905088b0692e8addc094e18d1939bdb67e89798ca6b239e2ccb81c2409dac0106c",
	  "b109c21ad4c0797768c1cec9e63554681e48f224bca7f23c20c4ea7041983451e9aa1d5408656c8a975ff1b9d9a12c75"
	  "ffeb64bdecb30174664cccb4e14f1c377b7f6d1525af77c7092aac3e47f917ebae8297fb5539d2008ce830823a09cc19"
	  "7361d4a289c72745f6ce9fefe812be5bf55b3200fbb82e41a4a40877d3fe106db909707b",
	  "3b03bce748c96d5e8306918d2ff89b68f0648da3" },
	{ "prfsha256", "aes256", "sha256",
	  "462b9dd525d4fd71169174272779e704baf62c6231779ae9efe8c58b21916b42010164af2111ebd762f6916ca9a6f0ee"
	  "05c8b320e4ee27705521de2589adea1878f1a551738af7c88dc4f0bb0c096a3f7d1f1a670fc79f49f678d60d665bb371"
	  "0c8657f03ba9f62b9a818d7a228968c506e237ae9502aa6db395c61ea6a3e79504f86b7368bfb5423df79e48809bbccd"
	  "49fd826d024f63d7c2a5566400a12e736aa034510428f5ea008fe2fc16886fa388274ea6c2b4fcfc6141bf04f8207ef8"
	  "afc224ea1059cb220dc0b23ac0e4ccda495a4e131b1d56e223aba5a48e8ed1f5",
	  "23647677e7d403fa1e3006f19840aee18ad9fecc4215814c4131bdeba98433d8b0e31bfbbddf822abcce5e06486aa388"
	  "022b75e27e1e68aa5983028b65282c730c5d49ef7606770376cfdec41f7cc435d816029989bc353d3b67b9fd1168ddcb"
	  "8978850da9b752aee6a30d0086d2c4d74ec0e03648a0dad334faf5fe88084e67b0f3e8fee8b5e1bd3850db540f1fb8cf"
	  "fe23c9e92cda209373f354880c246c753e2a0eca9cb73b9910a8531c4010e6768fa29f909e60af777fed6e739c3cfda0"
	  "3467e915d6f03fce9c41f5f9d578f8912d66a75457e79ee1d5bcc2be5c2f9bae",
	  "6a919387a5fa2835fe8a8237e4a14845bd2b9930db87eff7adf268f62186004902dba9aa942d0259a0edc4120b932a50"
	  "3865b57ba8fb88117ef5df7b26799cd8ba37aa5438108cb1a4fe117907c9d0597b708c3f11151fefd624d2317202b7c8"
	  "1430600e6fcbb6e1a8df2b4861ef2363d53de1be69057b0cf6634a7e7bfa97b3c2810623e2bd6757738777177036e9c3"
	  "a39794456954bd41fc444a12507ab9cac69a0540d13c29db8510f566a691691baa2d9569dacc990d56a454bb444bcbbe"
	  "8751b0550a5278812fc5ab4f28990dd6d608538d7ddde24dc81bdaaca7751fde",
	  "90722c42bd849e9b72d240fc254174270fa8295de6f0338dafc303a9ec104f12" },
};

static struct bytes ni, nr, spi_i, spi_r, g_ir, g_ir_new;

static struct ikev2_suite suite_of(const struct kdf_vector *v)
{
	return (struct ikev2_suite){
		.encr = crypto_alg_by_name(CRYPTO_ENCR, v->encr),
		.prf = crypto_alg_by_name(CRYPTO_PRF, v->prf),
		.integ = v->integ ? crypto_alg_by_name(CRYPTO_INTEG, v->integ) : NULL,
	};
}

/* The keys one after the other, as prf+ gave them. */
static struct bytes joined(const struct ikev2_keys *k)
{
	const struct secret *all[] = { &k->sk_d, &k->sk_ai, &k->sk_ar, &k->sk_ei, &k->sk_er, &k->sk_pi, &k->sk_pr };
	struct bytes b = { .n = 0 };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i]->n)
			memcpy(b.p + b.n, all[i]->p, all[i]->n);
		b.n += all[i]->n;
	}
	return b;
}

static void check_rekey(const struct kdf_vector *v, const struct ikev2_suite *suite, struct ikev2_keys *k)
{
	struct bytes skeyseed = hex(v->skeyseed_rekey), expected = { .n = 0 }, got;
	struct view seed[] = { view_of(&ni), view_of(&nr), view_of(&spi_i), view_of(&spi_r) };

	got = joined(k);
	expected.n = got.n;
	assert_int_equal(crypto_prf_plus(suite->prf, view_of(&skeyseed), seed, 4, expected.p, expected.n), 0);
	/* the old SK_d is in the very struct that is filled */
	assert_int_equal(ikev2_keymat_rekey(k, suite, suite->prf, secret_view(&k->sk_d), view_of(&g_ir_new),
					    view_of(&ni), view_of(&nr), spi_i.p, spi_r.p), 0);
	got = joined(k);
	assert_int_equal(got.n, expected.n);
	assert_memory_equal(got.p, expected.p, got.n);
}

static void check_vector(const struct kdf_vector *v)
{
	struct ikev2_suite suite = suite_of(v);
	struct ikev2_keys k = { 0 };
	struct secret child = { 0 };
	struct bytes all;

	assert_int_equal(ikev2_keymat_ike(&k, &suite, view_of(&ni), view_of(&nr), view_of(&g_ir), spi_i.p, spi_r.p), 0);
	all = joined(&k);
	assert_hex(all.p, all.n, v->dkm);
	assert_int_equal(k.sk_d.n, suite.prf->prf);
	assert_int_equal(k.sk_ar.n, suite.integ->key);
	assert_int_equal(k.sk_er.n, suite.encr->key);
	assert_int_equal(k.sk_pr.n, suite.prf->prf);

	assert_int_equal(ikev2_keymat_child(suite.prf, secret_view(&k.sk_d), (struct view){ NULL, 0 }, view_of(&ni),
					    view_of(&nr), &child, strlen(v->dkm_child) / 2), 0);
	assert_hex(child.p, child.n, v->dkm_child);
	assert_int_equal(ikev2_keymat_child(suite.prf, secret_view(&k.sk_d), view_of(&g_ir_new), view_of(&ni),
					    view_of(&nr), &child, strlen(v->dkm_child_dh) / 2), 0);
	assert_hex(child.p, child.n, v->dkm_child_dh);
	check_rekey(v, &suite, &k);
	secret_clear(&child);
	ikev2_keys_clear(&k);
}

static void published_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		check_vector(&vectors[i]);
}

/* RFC 5282 7.1: no integrity keys; 4.1: each encryption key carries its salt. */
static void aead_keys(void **state)
{
	const struct kdf_vector v = { .prf = "prfsha384", .encr = "aes256gcm16" };
	struct ikev2_suite suite = suite_of(&v);
	struct ikev2_keys k = { 0 };

	(void)state;
	assert_int_equal(ikev2_keymat_ike(&k, &suite, view_of(&ni), view_of(&nr), view_of(&g_ir), spi_i.p, spi_r.p), 0);
	assert_int_equal(k.sk_ai.n + k.sk_ar.n, 0);
	assert_int_equal(k.sk_ei.n, 36);
	assert_int_equal(k.sk_er.n, 36);
	assert_memory_not_equal(k.sk_ei.p, k.sk_er.p, 36);
	assert_int_equal(k.sk_d.n, 48);
	ikev2_keys_clear(&k);
	assert_null(k.sk_d.p);
}

/* RFC 7296 2.18: SKEYSEED of a rekey comes from the old SA's PRF, all that follows from the new one's. */
static void rekey_may_change_the_prf(void **state)
{
	const struct kdf_vector v = { .prf = "prfsha512", .encr = "aes128gcm16" };
	const struct crypto_alg *old_prf = crypto_alg_by_name(CRYPTO_PRF, "prfsha1");
	struct bytes sk_d = hex("6f1b12cad3cbe097b35430356d869d54cddb0198"), skeyseed = hex(vectors[0].skeyseed_rekey);
	struct view seed[] = { view_of(&ni), view_of(&nr), view_of(&spi_i), view_of(&spi_r) };
	struct ikev2_suite suite = suite_of(&v);
	struct ikev2_keys k = { 0 };
	uint8_t expected[64];

	(void)state;
	assert_int_equal(ikev2_keymat_rekey(&k, &suite, old_prf, view_of(&sk_d), view_of(&g_ir_new), view_of(&ni),
					    view_of(&nr), spi_i.p, spi_r.p), 0);
	assert_int_equal(crypto_prf_plus(suite.prf, view_of(&skeyseed), seed, 4, expected, 64), 0);
	assert_int_equal(k.sk_d.n, 64);
	assert_memory_equal(k.sk_d.p, expected, 64);
	ikev2_keys_clear(&k);
}

static void too_much_is_refused(void **state)
{
	static const uint8_t long_nonce[513];
	struct ikev2_suite suite = suite_of(&vectors[1]);
	struct ikev2_keys k = { 0 };
	struct secret s = { 0 };

	(void)state;
	assert_int_equal(ikev2_keymat_ike(&k, &suite, (struct view){ long_nonce, sizeof(long_nonce) }, view_of(&nr),
					  view_of(&g_ir), spi_i.p, spi_r.p), -1);
	assert_null(k.sk_d.p);
	assert_int_equal(ikev2_keymat_child(suite.prf, view_of(&ni), view_of(&g_ir), view_of(&ni), view_of(&nr), &s,
					    255 * 32 + 1), -1);
	assert_null(s.p);
}

/* RFC 7296 2.17: the SA from initiator to responder first; in each the encryption key first. */
static void child_keys_are_cut_in_order(void **state)
{
	const struct crypto_alg *cbc = crypto_alg_by_name(CRYPTO_ENCR, "aes128");
	const struct crypto_alg *gcm = crypto_alg_by_name(CRYPTO_ENCR, "aes128gcm16");
	const struct crypto_alg *sha = crypto_alg_by_name(CRYPTO_INTEG, "sha256");
	struct ikev2_child_keys k;
	uint8_t keymat[96] = { 0 };

	(void)state;
	assert_int_equal(ikev2_child_keymat_len(cbc, sha), 96);
	assert_int_equal(ikev2_child_keymat_split(&k, (struct view){ keymat, 96 }, cbc, sha), 0);
	assert_true(k.encr_i.p == keymat && k.encr_i.n == 16 && k.integ_i.p == keymat + 16 && k.integ_i.n == 32);
	assert_true(k.encr_r.p == keymat + 48 && k.encr_r.n == 16 && k.integ_r.p == keymat + 64 && k.integ_r.n == 32);
	assert_int_equal(ikev2_child_keymat_split(&k, (struct view){ keymat, 95 }, cbc, sha), -1);
	assert_int_equal(ikev2_child_keymat_len(gcm, NULL), 40);
	assert_int_equal(ikev2_child_keymat_split(&k, (struct view){ keymat, 40 }, gcm, NULL), 0);
	assert_true(k.encr_r.p == keymat + 20 && k.encr_r.n == 20 && !k.integ_i.n && !k.integ_r.n);
	assert_int_equal(ikev2_child_keymat_len(NULL, sha), 64);	/* AH */
}

/* No published vector is known: the formula of RFC 7296 2.15 written out once more with HMAC alone. */
static void psk_auth(void **state)
{
	const struct crypto_alg *prf = crypto_alg_by_name(CRYPTO_PRF, "prfsha256");
	const struct view pad = text("Key Pad for IKEv2"), id = text("\2...west.example");
	uint8_t macid[32], inner[32], expected[32], got[32], other[32];

	(void)state;
	assert_int_equal(ikev2_auth_octets_macid(prf, text("sk_pi"), id, macid), 0);
	assert_int_equal(crypto_prf(prf, text("sk_pi"), &id, 1, expected), 0);
	assert_memory_equal(macid, expected, 32);

	assert_int_equal(crypto_prf(prf, text("the secret"), &pad, 1, inner), 0);
	assert_int_equal(crypto_prf(prf, (struct view){ inner, 32 }, (struct view[]){ text("message"), text("nonce"),
				    { macid, 32 } }, 3, expected), 0);
	assert_int_equal(ikev2_auth_psk(prf, text("the secret"), text("message"), text("nonce"),
					(struct view){ macid, 32 }, got), 0);
	assert_memory_equal(got, expected, 32);
	assert_int_equal(ikev2_auth_psk(prf, text("the Secret"), text("message"), text("nonce"),
					(struct view){ macid, 32 }, other), 0);
	assert_memory_not_equal(got, other, 32);
}

static int setup(void **state)
{
	(void)state;
	ni = hex(NI);
	nr = hex(NR);
	spi_i = hex(SPI_I);
	spi_r = hex(SPI_R);
	g_ir = hex(G_IR);
	g_ir_new = hex(G_IR_NEW);
	return crypto_init();
}

static int teardown(void **state)
{
	(void)state;
	crypto_exit();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors),
		cmocka_unit_test(aead_keys),
		cmocka_unit_test(rekey_may_change_the_prf),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(child_keys_are_cut_in_order),
		cmocka_unit_test(psk_auth),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
