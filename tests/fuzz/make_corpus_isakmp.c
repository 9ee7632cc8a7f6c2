// SPDX-License-Identifier: MIT
// Writes the seed files of fuzz_isakmp into a directory: messages as peers send them, with the text of encrypted ones as it is.
#include "keyd/wire/isakmp_attr.h"
#include "keyd/wire/isakmp_cert.h"
#include "keyd/wire/isakmp_cfg.h"
#include "keyd/wire/isakmp_delete.h"
#include "keyd/wire/isakmp_fragment.h"
#include "keyd/wire/isakmp_id.h"
#include "keyd/wire/isakmp_message.h"
#include "keyd/wire/isakmp_notify.h"
#include "keyd/wire/isakmp_sa.h"
#include "keyd/wire/isakmp_vendor.h"

#include <stdio.h>
#include <stdlib.h>

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

static void put_ike_sa(struct wr *w)
{
	static const struct isakmp_ike_attrs offers[] = {
		{ .encr = ISAKMP_ENCR_AES_CBC, .key_bits = 256, .hash = ISAKMP_HASH_SHA2_256, .auth = ISAKMP_AUTH_PSK, .group = 14,
		  .life = { 86400, 0 } },
		{ .encr = ISAKMP_ENCR_3DES_CBC, .hash = ISAKMP_HASH_SHA, .auth = ISAKMP_AUTH_XAUTH_INIT_RSA, .group = 2,
		  .life = { 28800, 100000 } },
	};
	uint8_t buf[200];
	struct wr attrs = wr_of(buf, sizeof(buf));
	static struct isakmp_sa sa;

	sa = (struct isakmp_sa){ .doi = ISAKMP_DOI_IPSEC, .situation = ISAKMP_SIT_IDENTITY_ONLY, .n = 1, .nt = 2 };
	sa.p[0] = (struct isakmp_proposal){ .number = 1, .protocol = ISAKMP_PROTO_ISAKMP, .n = 2 };
	for (unsigned i = 0; i < 2; i++) {
		size_t at = attrs.len;

		isakmp_ike_attrs_put(&attrs, &offers[i]);
		sa.t[i] = (struct isakmp_transform){ (uint8_t)(i + 1), ISAKMP_KEY_IKE, { buf + at, attrs.len - at } };
	}
	isakmp_sa_put(w, &sa);
}

static void put_bundle(struct wr *w)
{
	static const struct isakmp_ipsec_attrs a = { .life = { 3600, 4608000 }, .encap = ISAKMP_ENCAP_UDP_TUNNEL, .key_bits = 128,
						     .auth = ISAKMP_IPSEC_AUTH_HMAC_SHA, .group = 14 };
	uint8_t buf[100];
	struct wr attrs = wr_of(buf, sizeof(buf));
	static struct isakmp_sa sa;

	isakmp_ipsec_attrs_put(&attrs, &a);
	sa = (struct isakmp_sa){ .doi = ISAKMP_DOI_IPSEC, .situation = ISAKMP_SIT_IDENTITY_ONLY, .n = 2, .nt = 2 };
	sa.p[0] = (struct isakmp_proposal){ 1, ISAKMP_PROTO_ESP, { bytes, 4 }, 0, 1 };
	sa.p[1] = (struct isakmp_proposal){ 1, ISAKMP_PROTO_IPCOMP, { bytes, 2 }, 1, 1 };
	sa.t[0] = (struct isakmp_transform){ 1, ISAKMP_ESP_AES_CBC, wr_view(&attrs) };
	sa.t[1] = (struct isakmp_transform){ 1, 2, wr_view(&attrs) };
	isakmp_sa_put(w, &sa);
}

static void put_cfg(struct wr *w)
{
	isakmp_cfg_put(w, &(struct isakmp_cfg){ .type = ISAKMP_CFG_REPLY, .identifier = 7 });
	isakmp_attr_put_bytes(w, ISAKMP_CFG_IP4_ADDRESS, (struct view){ bytes, 4 });
	isakmp_attr_put_basic(w, ISAKMP_CFG_XAUTH_STATUS, 1);
	isakmp_attr_put_bytes(w, ISAKMP_CFG_UNITY_SPLIT_INCLUDE, (struct view){ bytes, 28 });
}

#define BODY(id, call) static void put_##id(struct wr *w) { call; }
BODY(ke, wr_mem(w, bytes, 128))
BODY(nonce, wr_mem(w, bytes, 16))
BODY(hash, wr_mem(w, bytes, 20))
BODY(sig, wr_mem(w, bytes, 64))
BODY(id_name, isakmp_id_put(w, &(struct isakmp_id){ ISAKMP_ID_FQDN, 17, 500, { (const uint8_t *)"east.example", 12 } }))
BODY(id_subnet, isakmp_id_put(w, &(struct isakmp_id){ ISAKMP_ID_IPV4_ADDR_SUBNET, 0, 0,
						      { (const uint8_t *)"\12\1\0\0\377\377\0\0", 8 } }))
BODY(id_range, isakmp_id_put(w, &(struct isakmp_id){ ISAKMP_ID_IPV4_ADDR_RANGE, 6, 22,
						     { (const uint8_t *)"\12\1\2\3\12\1\2\11", 8 } }))
BODY(cert, isakmp_cert_put(w, &(struct isakmp_cert){ ISAKMP_CERT_X509_SIGNATURE, { bytes, 64 } }))
BODY(certreq, isakmp_certreq_put(w, &(struct isakmp_cert){ ISAKMP_CERT_X509_SIGNATURE, { bytes, 20 } }))
BODY(dpd, isakmp_notify_put(w, &(struct isakmp_notify){ 1, ISAKMP_PROTO_ISAKMP, ISAKMP_N_R_U_THERE, { bytes, 16 }, { bytes, 4 } }))
BODY(delete_esp, isakmp_delete_put(w, &(struct isakmp_delete){ 1, ISAKMP_PROTO_ESP, 4, 3, { bytes, 12 } }))
BODY(delete_ike, isakmp_delete_put(w, &(struct isakmp_delete){ 1, ISAKMP_PROTO_ISAKMP, 16, 1, { bytes, 16 } }))
BODY(vendor, wr_put(w, isakmp_vendor_bytes(ISAKMP_VID_FRAGMENTATION)))
BODY(nat_oa, isakmp_nat_oa_put(w, (struct view){ bytes, 16 }))
BODY(fragment, isakmp_fragment_put(w, &(struct isakmp_fragment){ 1, 2, true, { bytes, 100 } }))

struct part {
	uint8_t type;
	void (*put)(struct wr *w);
};

static const struct {
	const char *name;
	uint8_t exchange, flags;
	struct part parts[10];
} messages[] = {
	{ "main-1", ISAKMP_EXCH_MAIN, 0, { { ISAKMP_PL_SA, put_ike_sa }, { ISAKMP_PL_VENDOR, put_vendor } } },
	{ "main-3", ISAKMP_EXCH_MAIN, 0,
	  { { ISAKMP_PL_KE, put_ke }, { ISAKMP_PL_NONCE, put_nonce }, { ISAKMP_PL_CERTREQ, put_certreq },
	    { ISAKMP_PL_NAT_D, put_hash }, { ISAKMP_PL_NAT_D_DRAFT, put_hash } } },
	{ "main-5", ISAKMP_EXCH_MAIN, ISAKMP_FLAG_ENCRYPTED,
	  { { ISAKMP_PL_ID, put_id_name }, { ISAKMP_PL_CERT, put_cert }, { ISAKMP_PL_SIG, put_sig }, { ISAKMP_PL_NOTIFY, put_dpd } } },
	{ "aggressive-1", ISAKMP_EXCH_AGGRESSIVE, 0,
	  { { ISAKMP_PL_SA, put_ike_sa }, { ISAKMP_PL_KE, put_ke }, { ISAKMP_PL_NONCE, put_nonce }, { ISAKMP_PL_ID, put_id_name } } },
	{ "quick-1", ISAKMP_EXCH_QUICK, ISAKMP_FLAG_ENCRYPTED,
	  { { ISAKMP_PL_HASH, put_hash }, { ISAKMP_PL_SA, put_bundle }, { ISAKMP_PL_NONCE, put_nonce }, { ISAKMP_PL_KE, put_ke },
	    { ISAKMP_PL_ID, put_id_subnet }, { ISAKMP_PL_ID, put_id_range }, { ISAKMP_PL_NAT_OA, put_nat_oa } } },
	{ "info-delete", ISAKMP_EXCH_INFORMATIONAL, ISAKMP_FLAG_ENCRYPTED,
	  { { ISAKMP_PL_HASH, put_hash }, { ISAKMP_PL_DELETE, put_delete_esp }, { ISAKMP_PL_DELETE, put_delete_ike } } },
	{ "transaction", ISAKMP_EXCH_TRANSACTION, ISAKMP_FLAG_ENCRYPTED,
	  { { ISAKMP_PL_HASH, put_hash }, { ISAKMP_PL_ATTRIBUTES, put_cfg } } },
	{ "fragment", ISAKMP_EXCH_MAIN, 0, { { ISAKMP_PL_FRAGMENT, put_fragment } } },
};

static void save_message(size_t i)
{
	struct wire_header h = { .major = ISAKMP_MAJOR, .exchange = messages[i].exchange, .flags = messages[i].flags };
	struct isakmp_seal seal;
	struct wire_out out;
	uint8_t buf[4096];

	wire_out_begin(&out, buf, sizeof(buf), &h);
	for (const struct part *part = messages[i].parts; part->put; part++) {
		size_t mark = wire_payload_begin(&out, part->type);

		part->put(&out.w);
		wire_payload_end(&out, mark);
	}
	if (isakmp_out_end(&out, h.flags & ISAKMP_FLAG_ENCRYPTED ? 16 : 1, &seal))
		exit(1);
	save(messages[i].name, seal.datagram);
	/* The bodies as well, behind a byte that names their type. */
	for (const struct part *part = messages[i].parts; part->put; part++) {
		struct wr w = wr_of(buf, sizeof(buf));
		char name[64];

		wr_u8(&w, part->type);
		part->put(&w);
		snprintf(name, sizeof(name), "body-%u-%s", part->type, messages[i].name);
		save(name, wr_view(&w));
	}
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: make_corpus_isakmp FOLDER\n");
		return 2;
	}
	dir = argv[1];
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		save_message(i);
	return 0;
}
