// SPDX-License-Identifier: MIT
// Writes the seed files of fuzz_wire into a directory: messages as peers send them, and one body for each payload type.
#include "keyd/wire/auth.h"
#include "keyd/wire/cert.h"
#include "keyd/wire/cp.h"
#include "keyd/wire/delete.h"
#include "keyd/wire/id.h"
#include "keyd/wire/ke.h"
#include "keyd/wire/nonce.h"
#include "keyd/wire/notify.h"
#include "keyd/wire/sa.h"
#include "keyd/wire/sk.h"
#include "keyd/wire/ts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What fuzz_wire takes for the sizes of IV and ICV. */
#define IV_LEN 8
#define ICV_LEN 16

static const uint8_t bytes[256] = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd };
static const char *dir;

static void save(const char *name, struct view v)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "wb");
	if (!f || fwrite(v.p, 1, v.n, f) != v.n || fclose(f)) {
		perror(path);
		exit(1);
	}
}

static const struct wire_sa ike_sa = {
	.n = 2,
	.p = { {
		.number = 1, .protocol = IKEV2_PROTO_IKE, .n = 5,
		.t = {
			{ IKEV2_TRANSFORM_ENCR, IKEV2_ENCR_AES_GCM_16, 256 },
			{ IKEV2_TRANSFORM_ENCR, IKEV2_ENCR_CHACHA20_POLY1305, 0 },
			{ IKEV2_TRANSFORM_PRF, IKEV2_PRF_HMAC_SHA2_256, 0 },
			{ IKEV2_TRANSFORM_DH, IKEV2_DH_CURVE25519, 0 },
			{ IKEV2_TRANSFORM_DH, IKEV2_DH_ECP_256, 0 },
		},
	}, {
		.number = 2, .protocol = IKEV2_PROTO_IKE, .n = 4,
		.t = {
			{ IKEV2_TRANSFORM_ENCR, IKEV2_ENCR_AES_CBC, 128 },
			{ IKEV2_TRANSFORM_INTEG, IKEV2_INTEG_HMAC_SHA2_256_128, 0 },
			{ IKEV2_TRANSFORM_PRF, IKEV2_PRF_HMAC_SHA2_256, 0 },
			{ IKEV2_TRANSFORM_DH, IKEV2_DH_MODP_2048, 0 },
		},
	} },
};

static const struct wire_sa esp_sa = {
	.n = 1,
	.p = { {
		.number = 1, .protocol = IKEV2_PROTO_ESP, .spi = { bytes, 4 }, .n = 2,
		.t = {
			{ IKEV2_TRANSFORM_ENCR, IKEV2_ENCR_AES_GCM_16, 128 },
			{ IKEV2_TRANSFORM_ESN, IKEV2_ESN_NONE, 0 },
		},
	} },
};

static const struct wire_ts_list both_families = {
	.n = 2,
	.ts = {
		{ .type = IKEV2_TS_IPV4_ADDR_RANGE, .proto = 6, .port_start = 22, .port_end = 22,
		  .start = { 10, 0, 0, 0 }, .end = { 10, 0, 0, 255 }, .addr_len = 4 },
		{ .type = IKEV2_TS_IPV6_ADDR_RANGE, .port_start = 65535, .port_end = 0,
		  .start = { 0xfd, 1 }, .end = { 0xfd, 1, 0xff }, .addr_len = 16 },
	},
};

static const struct wire_id fqdn = { IKEV2_ID_FQDN, { (const uint8_t *)"east.example", 12 } };

/* Writers of bodies, to be wrapped into a payload or saved behind a byte that names their type. */
#define BODY(id, call) static void put_##id(struct wr *w) { call; }
BODY(ike_sa, wire_sa_put(w, &ike_sa))
BODY(esp_sa, wire_sa_put(w, &esp_sa))
BODY(ke, wire_ke_put(w, &(struct wire_ke){ IKEV2_DH_CURVE25519, { bytes, 32 } }))
BODY(nonce, wire_nonce_put(w, &(struct wire_nonce){ { bytes, 32 } }))
BODY(fqdn, wire_id_put(w, &fqdn))
BODY(id_v4, wire_id_put(w, &(struct wire_id){ IKEV2_ID_IPV4_ADDR, { bytes, 4 } }))
BODY(auth, wire_auth_put(w, &(struct wire_auth){ IKEV2_AUTH_PSK, { bytes, 32 } }))
BODY(ts, wire_ts_put(w, &both_families))
BODY(cert, wire_cert_put(w, &(struct wire_cert){ IKEV2_CERT_X509_SIGNATURE, { bytes, 64 } }))
BODY(certreq, wire_certreq_put(w, &(struct wire_cert){ IKEV2_CERT_X509_SIGNATURE, { bytes, 40 } }))
BODY(vendor, wr_mem(w, "gapless", 7))
BODY(eap, wr_mem(w, "\1\1\0\11\1east", 9))
BODY(delete_ike, wire_delete_put(w, &(struct wire_delete){ .protocol = IKEV2_PROTO_IKE }))
BODY(delete_esp, wire_delete_put(w, &(struct wire_delete){ IKEV2_PROTO_ESP, 4, 3, { bytes, 12 } }))
BODY(rekey, wire_notify_put(w, &(struct wire_notify){ IKEV2_PROTO_ESP, IKEV2_N_REKEY_SA, { bytes, 4 }, { 0 } }))
BODY(cookie, wire_notify_put(w, &(struct wire_notify){ .type = IKEV2_N_COOKIE, .data = { bytes, 24 } }))
BODY(nat, wire_notify_put(w, &(struct wire_notify){ .type = IKEV2_N_NAT_DETECTION_SOURCE_IP, .data = { bytes, 20 } }))
BODY(bad_ke, wire_notify_put(w, &(struct wire_notify){ .type = IKEV2_N_INVALID_KE_PAYLOAD, .data = { bytes, 2 } }))
BODY(unknown, wr_mem(w, "what is this", 12))

static void put_cp(struct wr *w)
{
	wire_cp_put(w, &(struct wire_cp){ .type = IKEV2_CFG_REQUEST });
	wire_cp_attr_put(w, &(struct wire_cp_attr){ .type = IKEV2_CFG_ATTR_INTERNAL_IP4_ADDRESS });
	wire_cp_attr_put(w, &(struct wire_cp_attr){ IKEV2_CFG_ATTR_INTERNAL_IP4_DNS, { bytes, 4 } });
}

static void put_unknown_attribute(struct wr *w)
{
	/* Two ENCR: one with an attribute of type 99 in the long form, one with Key Length. */
	wr_mem(w, "\0\0\0\44\1\3\4\2\21\22\23\24\3\0\0\14\1\0\0\24\0\143\0\0\0\0\0\14\1\0\0\24\200\16\1\0", 36);
}

struct part {
	uint8_t type;	/* 128 and above: private ones, sent with the critical bit */
	void (*put)(struct wr *w);
};

#define PARTS_MAX 12

static const struct {
	const char *name;
	uint8_t exchange, flags;
	struct part clear[PARTS_MAX], inner[PARTS_MAX];
	bool sk;
	size_t block;
} messages[] = {
	{ "msg-init-request", IKEV2_EXCH_IKE_SA_INIT, IKEV2_FLAG_INITIATOR,
	  .clear = { { IKEV2_PL_SA, put_ike_sa }, { IKEV2_PL_KE, put_ke }, { IKEV2_PL_NONCE, put_nonce },
	    { IKEV2_PL_NOTIFY, put_nat }, { IKEV2_PL_NOTIFY, put_nat }, { IKEV2_PL_VENDOR, put_vendor } } },
	{ "msg-init-cookie", IKEV2_EXCH_IKE_SA_INIT, IKEV2_FLAG_INITIATOR,
	  .clear = { { IKEV2_PL_NOTIFY, put_cookie }, { IKEV2_PL_SA, put_ike_sa }, { IKEV2_PL_KE, put_ke },
	    { IKEV2_PL_NONCE, put_nonce } } },
	{ "msg-init-invalid-ke", IKEV2_EXCH_IKE_SA_INIT, IKEV2_FLAG_RESPONSE, .clear = { { IKEV2_PL_NOTIFY, put_bad_ke } } },
	{ "msg-init-certreq", IKEV2_EXCH_IKE_SA_INIT, IKEV2_FLAG_RESPONSE,
	  .clear = { { IKEV2_PL_SA, put_ike_sa }, { IKEV2_PL_KE, put_ke }, { IKEV2_PL_NONCE, put_nonce },
	    { IKEV2_PL_CERTREQ, put_certreq } } },
	{ "msg-critical-unknown", IKEV2_EXCH_IKE_SA_INIT, IKEV2_FLAG_INITIATOR,
	  .clear = { { 200, put_unknown }, { 96, put_unknown }, { IKEV2_PL_NONCE, put_nonce } } },
	{ "msg-empty", IKEV2_EXCH_INFORMATIONAL, IKEV2_FLAG_RESPONSE, .sk = false },
	{ "msg-auth-request", IKEV2_EXCH_IKE_AUTH, IKEV2_FLAG_INITIATOR, .sk = true, .block = 1,
	  .inner = { { IKEV2_PL_IDI, put_fqdn }, { IKEV2_PL_IDR, put_id_v4 }, { IKEV2_PL_AUTH, put_auth },
		     { IKEV2_PL_SA, put_esp_sa }, { IKEV2_PL_TSI, put_ts }, { IKEV2_PL_TSR, put_ts } } },
	{ "msg-auth-cert-cp", IKEV2_EXCH_IKE_AUTH, IKEV2_FLAG_INITIATOR, .sk = true, .block = 16,
	  .inner = { { IKEV2_PL_IDI, put_fqdn }, { IKEV2_PL_CERT, put_cert }, { IKEV2_PL_CERTREQ, put_certreq },
		     { IKEV2_PL_AUTH, put_auth }, { IKEV2_PL_CP, put_cp }, { IKEV2_PL_SA, put_esp_sa },
		     { IKEV2_PL_TSI, put_ts }, { IKEV2_PL_TSR, put_ts } } },
	{ "msg-auth-eap", IKEV2_EXCH_IKE_AUTH, IKEV2_FLAG_RESPONSE, .sk = true, .block = 16,
	  .inner = { { IKEV2_PL_EAP, put_eap } } },
	{ "msg-rekey-child", IKEV2_EXCH_CREATE_CHILD_SA, 0, .sk = true, .block = 1,
	  .inner = { { IKEV2_PL_NOTIFY, put_rekey }, { IKEV2_PL_SA, put_esp_sa }, { IKEV2_PL_NONCE, put_nonce },
		     { IKEV2_PL_KE, put_ke }, { IKEV2_PL_TSI, put_ts }, { IKEV2_PL_TSR, put_ts } } },
	{ "msg-delete-both", IKEV2_EXCH_INFORMATIONAL, 0, .sk = true, .block = 16,
	  .inner = { { IKEV2_PL_DELETE, put_delete_esp }, { IKEV2_PL_DELETE, put_delete_ike } } },
	{ "msg-liveness", IKEV2_EXCH_INFORMATIONAL, IKEV2_FLAG_INITIATOR, .sk = true, .block = 16 },
	{ "msg-clear-and-sk", IKEV2_EXCH_INFORMATIONAL, 0, .clear = { { IKEV2_PL_NOTIFY, put_cookie } },
	  .sk = true, .block = 16, .inner = { { 200, put_unknown } } },
};

static const struct {
	const char *name;
	struct part part;
} bodies[] = {
	{ "body-sa-ike", { IKEV2_PL_SA, put_ike_sa } },
	{ "body-sa-esp", { IKEV2_PL_SA, put_esp_sa } },
	{ "body-sa-unknown-attribute", { IKEV2_PL_SA, put_unknown_attribute } },
	{ "body-ke", { IKEV2_PL_KE, put_ke } },
	{ "body-id-fqdn", { IKEV2_PL_IDI, put_fqdn } },
	{ "body-id-v4", { IKEV2_PL_IDR, put_id_v4 } },
	{ "body-cert", { IKEV2_PL_CERT, put_cert } },
	{ "body-certreq", { IKEV2_PL_CERTREQ, put_certreq } },
	{ "body-auth", { IKEV2_PL_AUTH, put_auth } },
	{ "body-nonce", { IKEV2_PL_NONCE, put_nonce } },
	{ "body-notify-rekey", { IKEV2_PL_NOTIFY, put_rekey } },
	{ "body-delete-esp", { IKEV2_PL_DELETE, put_delete_esp } },
	{ "body-ts", { IKEV2_PL_TSI, put_ts } },
	{ "body-cp", { IKEV2_PL_CP, put_cp } },
	{ "body-eap", { IKEV2_PL_EAP, put_eap } },
};

static void put_parts(struct wire_out *out, const struct part *parts)
{
	for (unsigned i = 0; i < PARTS_MAX && parts[i].put; i++) {
		size_t mark = parts[i].type >= 128 ? wire_payload_begin_critical(out, parts[i].type) :
						  wire_payload_begin(out, parts[i].type);

		parts[i].put(&out->w);
		wire_payload_end(out, mark);
	}
}

static void save_message(size_t i)
{
	struct wire_header h = { .major = IKEV2_MAJOR, .exchange = messages[i].exchange, .flags = messages[i].flags };
	struct wire_out out;
	struct wire_seal seal;
	uint8_t buf[4096];
	int error;

	memcpy(h.spi_i, bytes, sizeof(h.spi_i));
	wire_out_begin(&out, buf, sizeof(buf), &h);
	put_parts(&out, messages[i].clear);
	if (messages[i].sk) {
		wire_sk_begin(&out, IV_LEN);
		put_parts(&out, messages[i].inner);
		error = wire_sk_end(&out, wire_sk_pad_len(&out, messages[i].block), ICV_LEN, &seal);
	} else {
		error = wire_out_end(&out, &seal.datagram);
	}
	if (error) {
		fprintf(stderr, "%s: %s\n", messages[i].name, wire_strerror(error));
		exit(1);
	}
	save(messages[i].name, seal.datagram);
}

static void save_fragment(void)
{
	struct wire_header h = { .major = IKEV2_MAJOR, .exchange = IKEV2_EXCH_IKE_AUTH, .message_id = 1 };
	struct wire_out out;
	struct wire_seal seal;
	uint8_t buf[512];

	wire_out_begin(&out, buf, sizeof(buf), &h);
	wire_skf_begin(&out, IKEV2_PL_IDI, 1, 2, IV_LEN);
	wr_mem(&out.w, bytes, 40);
	if (wire_sk_end(&out, 0, ICV_LEN, &seal))
		exit(1);
	save("msg-fragment", seal.datagram);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
		return 2;
	}
	dir = argv[1];
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		save_message(i);
	save_fragment();
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		uint8_t buf[512];
		struct wr w = wr_of(buf, sizeof(buf));

		wr_u8(&w, bodies[i].part.type);
		bodies[i].part.put(&w);
		save(bodies[i].name, wr_view(&w));
	}
	return 0;
}
