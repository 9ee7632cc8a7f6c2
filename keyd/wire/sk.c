// SPDX-License-Identifier: MIT
// The Encrypted payload and its fragments: where everything stands.
#include "keyd/wire/sk.h"

#define PAD_MAX 255

void wire_sk_begin(struct wire_out *out, size_t iv_len)
{
	/* The next-payload byte of SK itself is then set by the first inner payload, as RFC 7296 3.14 wants it. */
	out->sk_at = wire_payload_begin(out, IKEV2_PL_SK);
	out->iv_at = out->w.len;
	out->iv_len = iv_len;
	wr_zero(&out->w, iv_len);
}

void wire_skf_begin(struct wire_out *out, uint8_t first, uint16_t number, uint16_t total, size_t iv_len)
{
	struct wire_skf f = { number, total };

	out->sk_at = wire_payload_begin(out, IKEV2_PL_SKF);
	wr_patch_u8(&out->w, out->sk_at, number == 1 ? first : IKEV2_PL_NONE);
	wire_skf_put(&out->w, &f);
	out->iv_at = out->w.len;
	out->iv_len = iv_len;
	wr_zero(&out->w, iv_len);
}

size_t wire_sk_pad_len(const struct wire_out *out, size_t block)
{
	size_t text = out->w.len - out->iv_at - out->iv_len + 1;

	return block > 1 ? (block - text % block) % block : 0;
}

int wire_sk_end(struct wire_out *out, size_t pad_len, size_t icv_len, struct wire_seal *seal)
{
	struct wr *w = &out->w;
	size_t plain_at = out->iv_at + out->iv_len, plain_len;

	if (pad_len > PAD_MAX)
		w->overflow = true;
	wr_zero(w, pad_len);
	wr_u8(w, (uint8_t)pad_len);
	plain_len = w->len - plain_at;
	wr_zero(w, icv_len);
	wire_payload_end(out, out->sk_at);
	wire_header_finish(w);
	if (!wr_ok(w))
		return WIRE_FULL;
	*seal = (struct wire_seal){
		.datagram = wr_view(w),
		.aad = { w->buf, out->iv_at },
		.iv = w->buf + out->iv_at,
		.iv_len = out->iv_len,
		.plain = w->buf + plain_at,
		.plain_len = plain_len,
		.icv = w->buf + plain_at + plain_len,
		.icv_len = icv_len,
	};
	return WIRE_OK;
}

static size_t prefix_len(const struct wire_payload *sk)
{
	return sk->type == IKEV2_PL_SKF ? WIRE_SKF_LEN : 0;
}

int wire_sk_split(const struct wire_payload *sk, size_t iv_len, size_t icv_len, struct wire_sk *out)
{
	struct rd r = rd_of_view(sk->body);
	struct wire_sk got;

	if (rd_skip(&r, prefix_len(sk)) || rd_view(&r, iv_len, &got.iv) || rd_left(&r) <= icv_len ||
	    rd_view(&r, rd_left(&r) - icv_len, &got.cipher))
		return WIRE_SHORT;
	got.icv = rd_rest(&r);
	*out = got;
	return WIRE_OK;
}

struct view wire_sk_aad(struct view datagram, const struct wire_payload *sk)
{
	return (struct view){ datagram.p, (size_t)(sk->body.p - datagram.p) + prefix_len(sk) };
}

int wire_sk_unpad(struct view plain, struct view *inner)
{
	size_t pad_len;

	if (!plain.n)
		return WIRE_SHORT;
	pad_len = plain.p[plain.n - 1];
	if (pad_len + 1 > plain.n)
		return WIRE_PADDING;
	*inner = (struct view){ plain.p, plain.n - 1 - pad_len };
	return WIRE_OK;
}

int wire_skf_get(struct wire_skf *f, struct view body)
{
	struct rd r = rd_of_view(body);
	struct wire_skf got;

	if (rd_u16(&r, &got.number) || rd_u16(&r, &got.total))
		return WIRE_SHORT;
	if (!got.number || got.number > got.total)
		return WIRE_VALUE;
	*f = got;
	return WIRE_OK;
}

void wire_skf_put(struct wr *w, const struct wire_skf *f)
{
	wr_u16(w, f->number);
	wr_u16(w, f->total);
}
